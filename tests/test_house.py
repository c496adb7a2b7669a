"""What keeps the house in order beside the import contracts: who knows which names, and what importing it brings in."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nrgan
from conftest import TINY, modules_after
from nrgan import layout
from nrgan.training.config import dashed

SOURCE = Path(nrgan.__file__).parent
WORDS = ("SAMPLES", "SNAPSHOTS", "BEST", "DISCRIMINATOR", "SHARED_DENOISER")
"""What is a word of the language too."""
RUN_FILES = {
    value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str) and name not in WORDS
}
"""Names of files in run folders."""


def texts(path: Path) -> list[tuple[int, str]]:
    """All text constants of a module but its docstrings, with their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    documentation = {
        id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
    }
    return [(n.lineno, n.value) for n in nodes if id(n) not in documentation]


def foreign_names(path: Path) -> list[str]:
    """Where a module names a file of a run folder."""
    return [
        f"{path.name}:{line}: {text}" for line, text in texts(path) for name in RUN_FILES if name in text.split("/")
    ]


def modules() -> list[Path]:
    allowed = (SOURCE / "layout.py", *(SOURCE / "runs").rglob("*.py"))
    return [path for path in SOURCE.rglob("*.py") if path not in allowed]


def test_only_layout_and_runs_name_the_files_of_a_run() -> None:
    assert {"run.json", "metrics.jsonl", "checkpoint.safetensors", "about.json", "noise-check"} <= RUN_FILES
    found = [name for path in modules() for name in foreign_names(path)]
    assert not found, found


def test_a_name_in_the_wrong_place_is_seen(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text('"""metrics.jsonl in words is fine."""\nx = run / "metrics.jsonl"\n')
    assert foreign_names(tmp_path / "module.py") == ["module.py:2: metrics.jsonl"]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    """When one grows, a concept is missing a name."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 320
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None and node.end_lineno - node.lineno < 50, node.name


def test_importing_loads_nothing_heavy() -> None:
    assert not {"torch", "numpy", "matplotlib", "rich", "torchmetrics"} & modules_after("import nrgan")


def test_training_loads_neither_figures_nor_metrics(tmp_path: Path) -> None:
    config = f"setting='shapes-ag25', model='sinrgan1', out={str(tmp_path / 'run')!r}, **{TINY!r}"
    loaded = modules_after(f"import nrgan\nfor _ in nrgan.train(nrgan.TrainConfig({config})): pass")
    assert "torch" in loaded and not {"matplotlib", "rich", "torchmetrics", "tyro.cli"} & loaded


def test_a_training_command_loads_neither_pages_nor_figures(tmp_path: Path) -> None:
    words = ["train", "shapes-ag25", "sinrgan1", str(tmp_path / "run"), *(f"{dashed(k)}={v}" for k, v in TINY.items())]
    loaded = modules_after(f"from nrgan.cli import main\ntry: main({words!r})\nexcept SystemExit: pass")
    assert (tmp_path / "run" / layout.CHECKPOINT).exists() and "nrgan.cli.train" in loaded
    assert not {"nrgan.reports.page", "matplotlib", "skimage", "scipy.stats", "torchmetrics"} & loaded


PROCESS = """
import os, signal, sys, threading, torch, nrgan

def settings():
    torchs = torch.backends.cudnn.benchmark, torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    hooks = threading.excepthook, sys.excepthook, signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TORCHINDUCTOR")}
    return torchs, hooks, int(torch.get_rng_state().sum()), environment

torch.set_num_threads(2)
before = settings()
config = nrgan.TrainConfig(setting="shapes-ag25", model="gan", out=sys.argv[1], deterministic=True, **TINY)
for _ in nrgan.train(config):
    pass
for a, b in zip(settings(), before):
    assert a == b, (a, b)
"""


def test_training_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    code = PROCESS.replace("**TINY", f"**{TINY!r}")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there() -> None:
    assert all(getattr(nrgan, name) is not None for name in nrgan.__all__)
    assert set(nrgan.__all__) - {"__version__"} == set(nrgan._HOMES)
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        nrgan.trian  # noqa: B018
