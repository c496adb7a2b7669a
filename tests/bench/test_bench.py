"""The benchmark measures what it says: arithmetic as by hand, and a ceiling that bounds it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor

from conftest import TINY
from nrgan import TrainConfig
from nrgan.bench import ceiling, command
from nrgan.bench.clock import alternated
from nrgan.bench.measure import share_of_ceiling
from nrgan.bench.operations import Layout, recorded
from nrgan.bench.report import LINES, speed_table
from nrgan.bench.timed import TimedTraining
from nrgan.cli import main

CPU = torch.device("cpu")


def config(**changed: object) -> TrainConfig:
    return TrainConfig(**({"setting": "shapes-ag25", "model": "gan", "out": Path("unused")} | TINY | changed))


def test_arithmetic_is_counted_as_by_hand() -> None:
    """gan, 16 pixels, C channels: 2 operations per multiplication, passes as the step makes them."""
    c, z, b = 8, 4, 4
    training = TimedTraining.make(config(channels=c, latent_size=z, batch_size=b, precision="float32"), CPU)
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
    counted = training.flop()
    assert counted == pytest.approx(expected, abs=40 * folding + 2000 * c)


def test_operations_are_recorded_once_a_layout_and_run_again_as_they_were() -> None:
    x = torch.randn(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(5, 3, 3, 3)

    def work() -> None:
        for _ in range(2):
            torch.conv2d(x, kernel, padding=1)
        x[:, :1, ::2].flatten(1) @ torch.ones(1, 7).expand(32, 7)

    convolution, product = recorded(work)
    assert (convolution.calls, convolution.flop) == (2, 2 * 2 * 64 * 5 * 27)
    assert (product.calls, product.flop) == (1, 2 * 2 * 32 * 7)
    again = convolution.on_random_numbers(CPU)()
    assert isinstance(again, Tensor) and again.shape == (2, 5, 8, 8)
    assert again.is_contiguous(memory_format=torch.channels_last), "computed as it lay"
    assert Layout((32, 7), (0, 1), torch.float32) in product.arguments, "numbers that share a place still do"
    product.on_random_numbers(CPU)()


def test_the_ceiling_is_the_best_of_the_iteration_and_a_large_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that gives each operation its rate, the ceiling is the highest of those that count."""
    done: list[int] = []

    def rate(self: ceiling.Ceiling, flop: int, run: object) -> float:
        done.append(flop)
        return {2 * 8**3: 30.0, 2 * 16**3: 20.0, 2 * 2**3: 1000.0}.get(flop, 10.0)

    monkeypatch.setattr(ceiling.Ceiling, "_rate", rate)
    sides = (8, 8, 16, 2)
    operations = recorded(lambda: [torch.ones(n, n) @ torch.ones(n, n) for n in sides])
    found = ceiling.Ceiling(operations, CPU, torch.float32)
    assert found.sample() == 30.0, "the product of 2x2 does less than a hundredth of the arithmetic"
    assert 2 * 2048**3 in done


def test_a_share_above_one_is_not_shown() -> None:
    assert share_of_ceiling(10, [1.0, 2.0, 4.0], [20.0, 10.0, 10.0]) == 0.5
    assert share_of_ceiling(10, [1.0, 1.0, 1.0], [20.0, 9.0, 9.0]) is None
    row = dict.fromkeys(["model", *LINES.values()], 1.0)
    shown = io.StringIO()
    Console(file=shown).print(speed_table([row | {"share_of_ceiling": None}]))
    (line,) = (line for line in shown.getvalue().splitlines() if "share of the ceiling" in line)
    assert "–" in line and "%" not in line


def test_alternation_takes_turns_and_drops_the_first() -> None:
    calls = []
    taken = alternated({n: lambda n=n: calls.append(n) or 2 for n in "ab"}, 3, CPU)
    assert "".join(calls) == "abababab" and [len(v) for v in taken.values()] == [3, 3]


def test_the_command_writes_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.bench(config(), 2, 2, tmp_path / "figures.json") == 0
    (speed,) = json.loads((tmp_path / "figures.json").read_text())["speed"]
    assert speed["packed"] == 2 and speed["gflop_per_iteration"] > 0
    assert 0 < speed["share_of_ceiling"] < 1 and speed["ceiling_tflop_per_second"] > 0
    assert speed["processor"]["name"] in speed["device"] and speed["device"].endswith("1 thread")
    assert speed["processor"]["name"] in capsys.readouterr().out


@pytest.mark.parametrize("option", ["rounds", "packed"])
def test_counts_of_nothing_are_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["bench", f"--{option}", "0"])
    assert exit_.value.code == 2
    assert capsys.readouterr().err == f"error: --{option} 0: must be at least 1\n"
