"""`benchmarks/speed.py`: forms that are the same, the steps of the ablation, the reference as it is."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from rich.console import Console

import ablation
from conftest import TINY
from nrgan import TrainConfig, UserError
from nrgan.networks import Discriminator, Generator
from plain_forms import plain_convolutions, plain_shortcuts
from reference_code import check_comparison, load, reference_work
from speed import main

CPU = torch.device("cpu")
REFERENCE = os.environ.get("NRGAN_REFERENCE")
SMALL = ["--channels", "4", "--batch-size", "4", "--image-size", "16", "--device", "cpu", "--rounds", "1"]

STAND_IN = {
    "models/net.py": """
        import torch
        def Generator(latent, size, image_channels, channels, scale): return torch.nn.Linear(latent, channels)
        def Discriminator(image_channels, channels, scale): return torch.nn.Linear(image_channels, channels)
    """,
    "models/common.py": """
        import torchvision.utils, cv2
        def weights_init(module): pass
    """,
    "trainers/nrgan_trainer.py": """
        class NRGANTrainer:
            def __init__(self, iterator, batch_size, device, **options):
                self.iterator, self.batch_size = iterator, batch_size
            def update(self):
                real, _ = next(self.iterator)
                real.permute(0, 2, 3, 1).view(self.batch_size, -1)  # refused by current PyTorch
    """,
}
"""The layout of the reference's checkout, with nothing in it."""


def config(**changed: object) -> TrainConfig:
    return TrainConfig(**({"setting": "shapes-ag25", "model": "gan", "out": Path("unused")} | TINY | changed))


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    checkout = tmp_path / "checkout"
    for name, code in STAND_IN.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(dedent(code))
    return checkout


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a wrong command, of which nothing may be measured; gives the one line that it prints."""

    def measured(*_: object) -> None:
        pytest.fail("measured before all that can be wrong was looked at")

    monkeypatch.setattr("nrgan.bench.measure.measure", measured)

    def run(*arguments: object) -> str:
        assert main([*SMALL, *map(str, arguments)]) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("error: ") and captured.err.count("\n") == 1 and not captured.out
        return captured.err

    return run


def test_plain_forms_are_the_same_networks() -> None:
    generator, discriminator = Generator(4, 16, 3, 8).double(), Discriminator(3, 8).double()
    x = generator(torch.randn(2, 4, dtype=torch.float64))
    logits = discriminator(x)
    z_gradient = torch.autograd.grad(logits.sum(), list(generator.parameters()), retain_graph=True)
    with plain_convolutions(), plain_shortcuts():
        torch.testing.assert_close(discriminator(x), logits, rtol=1e-10, atol=1e-12)
        again = torch.autograd.grad(discriminator(x).sum(), list(generator.parameters()), retain_graph=True)
    for a, b in zip(z_gradient, again, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-12)


def test_each_exact_step_of_the_ablation_saves_arithmetic() -> None:
    flops = [ablation.flop_of(config(), CPU, step) for step in ablation.STEPS]
    assert flops[0] > flops[1] > flops[2] > flops[3] == flops[4] == flops[5]


def test_steps_are_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablation, "STEPS", (ablation.STEPS[0], ablation.STEPS[-1]))  # a process each
    first, last = ablation.ablate(config(), CPU, 1)
    assert first["step"] == "only needed gradients" and first["times_faster"] == 1
    assert last["step"] == "+ bfloat16" and last["seconds_per_iteration"] > 0
    assert first["gflop_per_iteration"] > last["gflop_per_iteration"]
    shown = Console(width=120, record=True, file=io.StringIO())
    shown.print(ablation.ablation_table([first, last]))
    assert "+ bfloat16" in shown.export_text()


def test_the_command_measures_ours_and_what_lies_beside_it(
    stand_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SMALL, "--model", "gan", "--reference", str(stand_in), "--json", str(tmp_path / "figures.json")]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert list(figures) == ["about", "speed", "reference"]
    reference = figures["reference"]
    assert reference["reference"]["times_faster"] == 1 and reference["ours, float32"]["seconds_per_iteration"] > 0
    assert "Against the reference implementation" in capsys.readouterr().out


def test_a_folder_that_is_no_reference_is_refused_at_once(
    stand_in: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    assert f"--reference {tmp_path}: no checkout" in refused("--reference", tmp_path)
    (stand_in / "models" / "common.py").unlink()
    assert "models/common.py is missing" in refused("--reference", stand_in)
    with pytest.raises(UserError, match="no checkout of the reference"):
        load(tmp_path, "models.net")


def test_what_cannot_be_compared_is_refused_at_once(stand_in: Path, refused: Callable[..., str]) -> None:
    check_comparison(stand_in, config())
    reference = ("--reference", stand_in)
    assert "--model ambientgan: the reference is timed with gan" in refused("--model", "ambientgan", *reference)
    assert "--image-size 64: our networks are deeper" in refused("--image-size", "64", *reference)


@pytest.mark.parametrize("option", ["rounds", "packed"])
def test_counts_of_nothing_are_refused(option: str, refused: Callable[..., str]) -> None:
    assert f"--{option} 0: must be at least 1" in refused(f"--{option}", "0")


def test_nothing_of_a_checkout_is_left_to_be_imported(stand_in: Path) -> None:
    before = set(sys.modules)
    (net,) = load(stand_in, "models.net")
    load(stand_in, "models.common")
    assert not {"models", "models.net", "torchvision", "cv2"} & (set(sys.modules) - before)
    (stand_in / "models" / "net.py").write_text("two = 2")
    assert load(stand_in, "models.net")[0].two == 2 and not hasattr(net, "two")


@pytest.mark.skipif(REFERENCE is None, reason="NRGAN_REFERENCE names no checkout of the reference implementation")
@pytest.mark.parametrize("model", ["gan", "sinrgan1", "sinrgan2"])
def test_the_reference_runs_as_it_is(model: str) -> None:
    work = reference_work(Path(str(REFERENCE)), config(model=model), CPU)
    assert work() == 1
