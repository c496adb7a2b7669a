"""README.md and docs/ hold what they say: Python blocks run, commands are accepted, files and links are there.

Python blocks of a document run from top to bottom as one program, in a folder of its own, at sizes of seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from docs.checks import check_command, check_language, check_link
from docs.documents import Command, Document, read_documents
from docs.running import parse, run_blocks
from nrgan import export
from nrgan.cli import main
from nrgan.corruptions import Fitted
from nrgan.frames import ValueRange
from nrgan.noise_file import save_noise
from nrgan.settings import SETTINGS
from nrgan.training import duration, timed_plan
from nrgan.training.budget import Pace
from small_denoiser import write_denoiser

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = read_documents(ROOT)
COMMANDS = [command for document in DOCUMENTS for command in document.commands]
OURS = [command for command in COMMANDS if command.words[:1] == ("nrgan",)]
OTHERS = [command for command in COMMANDS if command not in OURS]
TRAININGS = list(
    {
        command.words: command for command in OURS if command.words[1:2] == ("train",) and "--help" not in command.words
    }.values()
)
"""Each once, though several pages show it."""
WITH_PYTHON = [document for document in DOCUMENTS if any(block.language == "python" for block in document.blocks)]

LIMITS = {
    "iterations": 4,
    "decay_iterations": 2,
    "batch_size": 4,
    "generator_batch_size": 8,
    "channels": 4,
    "discriminator_channels": 4,
    "latent_size": 4,
    "image_size": 16,
    "log_interval": 2,
    "sample_interval": 2,
    "snapshot_interval": 2,
    "evaluate_every": 2,
    "every": 2,
    "evaluate_samples": 60,
    "samples": 60,
    "count": 60,
}
"""The largest value of a keyword in a Python block, and of a field of a `TrainConfig`, said or not."""

ELLIPSIS = {
    "train": ("shapes-ag25", "sinrgan1", "outputs"),
    "diagnose": ("scans/",),
    "generate": ("outputs",),
    "evaluate": ("outputs",),
    "compare": ("outputs", "outputs-b"),
}
"""What the `…` after a verb leaves out."""

PLACEHOLDERS = {"N": "4", "SETTING": "shapes-ag25", "S": "shapes-ag25", "MODEL": "sinrgan1", "M": "sinrgan1"}
"""Words for which a value must stand; other words in capitals are names of files, and parse as they are."""


def draw_scans(folder: Path) -> None:
    """100 noisy grey images of 64x64 pixels: a bright disc on a slope, Gaussian noise of level 20."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    for i in range(100):
        centre, radius = rng.uniform(16, 48, 2), rng.uniform(6, 14)
        disc = 70 / (1 + np.exp(np.hypot(y - centre[0], x - centre[1]) - radius))
        pixels = 60 + rng.uniform(-0.5, 0.5) * x + disc + rng.normal(0, 20, x.shape)
        Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")


def export_denoiser(file: Path) -> None:
    export(write_denoiser(file.with_name("a-denoiser")), file)


def draw_cell(file: Path) -> None:
    tifffile.imwrite(file, np.random.default_rng(0).integers(104, 4096, (96, 80), np.uint16))


def write_noise(file: Path) -> None:
    save_noise(file, Fitted(level=(20.0,)), ValueRange.of([0.0], [255.0], "uint8"))


MATERIAL: dict[str, Callable[[Path], None]] = {
    "scans": draw_scans,
    "gain16.json": write_noise,
    "denoiser.onnx": export_denoiser,
    "cell.tif": draw_cell,
}
"""Files that the documents take for granted, and who makes them."""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make_material(text: str) -> None:
    """Makes the files in this folder that a text names."""
    for name, make in MATERIAL.items():
        if name in text and not Path(name).exists():
            make(Path(name))


def arguments_of(command: Command) -> list[str]:
    """What `nrgan` is given, with the values of placeholders."""
    assert "…" not in command.words or command.words[1] in ELLIPSIS, f"{command.title}: ELLIPSIS has no such verb"
    words = [PLACEHOLDERS.get(word, word) for word in command.words[1:]]
    return [found for word in words for found in (ELLIPSIS[words[0]] if word == "…" else [word])]


def test_there_is_something_to_test() -> None:
    assert WITH_PYTHON and TRAININGS and OTHERS and any(document.links for document in DOCUMENTS)


@pytest.mark.parametrize("document", WITH_PYTHON, ids=lambda document: document.name)
def test_python_blocks_run(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [block for block in document.blocks if block.language == "python"]
    make_material("".join(block.text for block in blocks))
    run_blocks(blocks, str(ROOT / document.name), LIMITS, monkeypatch)


@pytest.mark.parametrize("command", OURS, ids=lambda command: command.title)
def test_nrgan_accepts(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    make_material(" ".join(command.words))
    made = parse(arguments_of(command), monkeypatch)
    assert len(made) == ("--help" not in command.words)


@pytest.mark.parametrize("command", TRAININGS, ids=lambda command: command.title)
def test_training_dry_runs(
    command: Command,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # commands are what is tested here; other tests measure the machine
    monkeypatch.setattr(timed_plan, "_pace", lambda *_: Pace(0.1, 0.002, 0.5))
    monkeypatch.setattr(duration, "seconds_per_iteration", lambda *_: 0.1)
    arguments = arguments_of(command)
    make_material(" ".join(arguments))
    if arguments[1] in SETTINGS and SETTINGS[arguments[1]].source == "cifar10":
        arguments += ["--data-root", str(request.getfixturevalue("stand_in_root"))]
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--dry-run"])
    shown = capsys.readouterr()
    assert stopped.value.code == 0 and shown.out, shown.err


@pytest.mark.parametrize("command", OTHERS, ids=lambda command: command.title)
def test_other_commands_name_what_is_there(command: Command) -> None:
    check_command(command, ROOT)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_blocks_say_their_language_and_links_lead_somewhere(document: Document) -> None:
    for block in document.blocks:
        check_language(block)
    for where, target in document.links:
        check_link(where, target, ROOT)
