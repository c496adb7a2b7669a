"""Replays of the reference implementation: its recorded noise and training steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from parity import Deviation, noisy_stand_in, replay

HERE = Path(__file__).parent
REFERENCE_RUNS = [
    "gan__cifar10ag25",
    "ambientgan__cifar10ag25",
    "sinrgan1__cifar10ag25",
    "sinrgan2__cifar10ag25",
    "sdnrgan1__cifar10p30",
    "sdnrgan2__cifar10mg25",
]
OWN_RUNS = sorted(path.stem for path in (HERE / "recorded").glob("train_*.npz"))
with np.load(HERE / "recorded" / "noise.npz") as _file:
    NOISY_SETTINGS = sorted({name.split("/")[0] for name in _file.files})
# recorded under this name: data seed, indices of the stand-in set of 40, clip
NOISE_CASES = {
    "seed0_clip": (0, [0, 17], True),
    "seed3_clip": (3, [39], True),
    "seed0_noclip": (0, [5], False),
}


def replayed(path: Path) -> Deviation:
    model, setting = path.stem.removeprefix("train_").split("__")
    return replay(path, setting, model)


@pytest.mark.parametrize("run", REFERENCE_RUNS)
def test_training_replays_the_reference(shared: Path, run: str) -> None:
    deviation = replayed(shared / "golden" / f"train_{run}.npz")
    assert deviation.losses < 1e-10 and deviation.weights < 1e-10


@pytest.mark.parametrize("setting", NOISY_SETTINGS)
@pytest.mark.parametrize("case", NOISE_CASES)
def test_noise_is_the_reference_bit_for_bit(shared: Path, setting: str, case: str) -> None:
    data_seed, indices, clip = NOISE_CASES[case]
    with np.load(shared / "golden" / "noise.npz") as file:
        expected = file[f"{setting}/{case}"]
    assert np.array_equal(noisy_stand_in(setting, 7, 40, data_seed, indices, clip), expected)


@pytest.mark.parametrize("run", OWN_RUNS)
def test_training_replays_its_own_recording(run: str) -> None:
    """Small recordings kept here, of all seven models, made when the reference's own replayed to 1e-14."""
    deviation = replayed(HERE / "recorded" / f"{run}.npz")
    assert deviation.losses < 1e-10 and deviation.weights < 1e-10


def test_every_published_model_and_setting_is_recorded() -> None:
    recorded = {run.removeprefix("train_").split("__")[0] for run in OWN_RUNS}
    assert recorded == {"gan", "ambientgan", "sinrgan1", "sinrgan2", "sdnrgan1", "sdnrgan2", "sdnrgan3"}
    assert len(NOISY_SETTINGS) == 16


@pytest.mark.parametrize("setting", NOISY_SETTINGS)
def test_noise_is_its_own_recording_bit_for_bit(setting: str) -> None:
    """Every 61st value of the reference's images, kept here."""
    with np.load(HERE / "recorded" / "noise.npz") as file:
        for case, (data_seed, indices, clip) in NOISE_CASES.items():
            images = noisy_stand_in(setting, 7, 40, data_seed, indices, clip)
            assert np.array_equal(images.reshape(len(indices), -1)[:, ::61], file[f"{setting}/{case}"])


def test_a_wrong_step_is_noticed(shared: Path) -> None:
    """The comparison can fail: another model's observation of the same draws deviates."""
    path = shared / "golden" / "train_sinrgan1__cifar10ag25.npz"
    assert replay(path, "cifar10mg25", "sdnrgan1").losses > 1e-6
