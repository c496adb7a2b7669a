"""The benchmark measures what it says: arithmetic as by hand, forms that are the same, the reference as it is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from conftest import TINY
from nrgan import TrainConfig, UserError
from nrgan.bench import command, measure
from nrgan.bench.plain_forms import plain_convolutions, plain_shortcuts
from nrgan.bench.reference_code import load, reference_work
from nrgan.bench.subject import Subject
from nrgan.networks import Discriminator, Generator

CPU = torch.device("cpu")
REFERENCE = os.environ.get("NRGAN_REFERENCE")


def config(**changed: object) -> TrainConfig:
    return TrainConfig(**({"setting": "shapes-ag25", "model": "gan", "out": Path("unused")} | TINY | changed))


def test_arithmetic_is_counted_as_by_hand() -> None:
    """gan, 16 pixels, C channels: 2 operations per multiplication, passes as the step makes them."""
    c, z, b = 8, 4, 4
    subject = Subject.make(config(channels=c, latent_size=z, batch_size=b, precision="float32"), CPU)
    c2 = c * c
    up = [2 * (c2 * s * s // 4 + 4 * c2 * s * s + 9 * c2 * s * s) for s in (4, 8, 16)]  # 1x1, 4x4 of stride 2, 3x3
    out = 2 * 27 * c * 256
    start = 2 * z * c * 4
    g = start + sum(up) + out
    first = [2 * 27 * c * 256, 2 * 16 * c2 * 64, 2 * 3 * c * 64]  # 3x3, 4x4 of stride 2, 1x1
    rest = 2 * (9 * c2 * 64 + 16 * c2 * 16 + c2 * 16) + 4 * 2 * 9 * c2 * 16
    d = sum(first) + rest
    on_image = first[0] + first[2]  # layers whose input is the image
    folding = 2 * 9 * 16 * c2
    expected = 2 * b * (3 * g - start)  # generator: forward, gradient of inputs (not z's) and of weights
    expected += 2 * b * 2 * d  # D on them: forward, gradient of inputs
    expected += b * g  # generator for D
    expected += b * (2 * d + 3 * d - on_image)  # real: forward, input gradient; pass at fixed gates and its gradient
    expected += b * (3 * d - on_image)  # fake
    counted = subject.flop()
    assert counted == pytest.approx(expected, abs=40 * folding + 2000 * c)


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


def test_alternation_takes_turns_and_drops_the_first() -> None:
    calls = []
    taken = measure.alternated({n: lambda n=n: calls.append(n) or 2 for n in "ab"}, 3, CPU)
    assert "".join(calls) == "abababab" and [len(v) for v in taken.values()] == [3, 3]


def test_the_command_writes_its_figures(tmp_path: Path) -> None:
    assert command.bench(config(), 1, 2, True, None, tmp_path / "figures.json") == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    (speed,) = figures["speed"]
    assert speed["packed"] == 2 and speed["gflop_per_iteration"] > 0 and 0 < speed["share_of_matrix_rate"] < 1
    flops = [row["gflop_per_iteration"] for row in figures["ablation"]]
    assert flops[0] > flops[1] > flops[2] > flops[3] == flops[4] == flops[5], "each exact step saves arithmetic"


def test_a_folder_that_is_no_reference_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkout of the reference"):
        load(tmp_path)


@pytest.mark.skipif(REFERENCE is None, reason="NRGAN_REFERENCE names no checkout of the reference implementation")
@pytest.mark.parametrize("model", ["gan", "sinrgan1", "sinrgan2"])
def test_the_reference_runs_as_it_is(model: str) -> None:
    work = reference_work(Path(str(REFERENCE)), config(model=model), CPU)
    assert work() == 1
