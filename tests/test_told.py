"""Training on images whose noise is told: from the noise file to the generated file, and on without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.random import RandomState

from conftest import TINY, nrgan
from laws import ACROSS
from nrgan import TrainConfig, train
from nrgan.cli.train import Train
from nrgan.corruptions import AdditiveGaussian, Fitted, Told, Unknown, from_plain, to_plain
from nrgan.data import Shapes, open_data
from nrgan.errors import UserError
from nrgan.evaluation.measure import evaluate, usual_comparison
from nrgan.evaluation.protocol import Protocol
from nrgan.frames import ValueRange
from nrgan.noise_file import MeasuredNoise, in_range, read_noise, save_noise
from nrgan.runs import TrainedModel, read_config
from nrgan.settings import SETTINGS, choose_data, find_setting
from nrgan.training.prepare import open_plan
from test_run import assert_same_run

LAW = Fitted(
    signal=(0.2, 0.8), level=(20.0, 40.0), correlation=ACROSS, events=60.0, images=(0.8, 1.2), rows=3.0, impulses=0.02
)
MEASURED = MeasuredNoise(LAW, ValueRange.of(100, 4095, "uint16"))
"""The images below are of 0..4095."""
COUNT = 500


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn scenes that suffered the law, as a sensor of 12 bits gives them."""
    scenes = Shapes(image_size=16, count=COUNT).images() / 255.0
    noisy = np.stack([LAW.corrupt(scene, RandomState(k)) for k, scene in enumerate(scenes)])
    path = tmp_path_factory.mktemp("told") / "images.npy"
    np.save(path, np.clip(np.rint(noisy * 3995 + 100), 0, 4095).astype(np.uint16))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save_noise(tmp_path / "noise.json", MEASURED.law, MEASURED.range)
    return tmp_path / "noise.json"


def options(path: Path, out: Path, noise: str | Path | None, **changed: object) -> TrainConfig:
    own = {name: value for name, value in TINY.items() if name != "image_size"}
    fixed = {"model": "ambientgan", "value_range": "0,4095", "noise": None if noise is None else str(noise)}
    return TrainConfig(**{"setting": str(path), "out": out} | own | fixed | changed)  # type: ignore[arg-type]


def test_told_noise_is_simulated_and_never_added() -> None:
    told, image, x = Told(LAW), RandomState(0).rand(16, 16, 3), torch.rand(2, 3, 16, 16)
    assert np.array_equal(told.corrupt(image, RandomState(0)), image)
    ours, the_laws = (law.simulate(x, torch.Generator().manual_seed(1)) for law in (told, LAW))
    assert torch.equal(ours, the_laws) and not torch.equal(ours, x)
    again = from_plain(json.loads(json.dumps(to_plain(told))))
    assert again == told and again.law == LAW and told.already and told.known
    assert Unknown().already and not AdditiveGaussian().already and AdditiveGaussian().law == AdditiveGaussian()


def test_the_images_are_as_they_came(images: Path, file: Path, tmp_path: Path) -> None:
    """The same as those of which nothing is told, without clean ones, and the law is in their own range."""
    plan, data = open_plan(options(images, tmp_path / "run", file))
    plain = open_data(choose_data(str(images), value_range="0,4095"))
    rows = np.arange(COUNT)
    np.testing.assert_array_equal(data.noisy(rows), plain.noisy(rows))
    assert data.key == plain.key and not data.has_clean
    law = in_range(MEASURED, ValueRange.of(0, 4095, "uint16"))
    assert plan.setting.corruption == data.corruption == Told(law) and law != LAW
    assert law.signal[0] == pytest.approx((0.2 * 3995 + 100) / 4095)


def test_a_run_needs_the_noise_file_only_once(images: Path, file: Path, tmp_path: Path) -> None:
    """Stopped, the file gone, and gone on with from what the run kept: the same run."""
    whole, stopped = (options(images, tmp_path / name, file) for name in ("whole", "stopped"))
    for _ in train(whole):
        pass
    for progress in train(stopped):
        if progress.iteration == 4:
            break
    file.unlink()
    kept = TrainConfig(**read_config(stopped.out))
    assert kept.data.noise is not None and read_noise(kept.data.noise).range == ValueRange.of(0, 4095, "uint16")
    for _ in train(kept, resume=True):
        pass
    assert_same_run(stopped.out, whole.out)


def test_another_noise_is_another_run(images: Path, file: Path, tmp_path: Path) -> None:
    config = options(images, tmp_path / "run", file)
    for progress in train(config):
        if progress.iteration == 3:
            break
    save_noise(file, Fitted(), MEASURED.range)
    with pytest.raises(UserError, match="noise is another one there and another one here"):
        train(options(images, tmp_path / "run", file), resume=True)


def test_the_whole_chain_from_the_command_line(images: Path, file: Path, tmp_path: Path) -> None:
    out, own = tmp_path / "run", [f"--{k.replace('_', '-')}={v}" for k, v in TINY.items() if k != "image_size"]
    command = ("train", images, "auto", out, "--range", "0,4095", "--noise", file, *own)
    dry = nrgan(*command, "--dry-run")
    assert dry.returncode == 0 and "auto: ambientgan; it uses the noise that is told" in dry.stderr, dry.stderr
    done = nrgan(*command)
    assert done.returncode == 0, done.stderr
    assert "was complete" in nrgan(*command, "--resume").stdout
    file.unlink()
    law = in_range(MEASURED, ValueRange.of(0, 4095, "uint16"))
    about = json.loads((out / "snapshots" / "iteration-0000006" / "about.json").read_text())
    assert from_plain(about["corruption"]) == Told(law)

    trained = TrainedModel.load(out)
    assert trained.sampler is not None and usual_comparison(out) == "observed"
    parts = trained.observe(0, range(100)).parts
    noise = (parts["noise"] / 2).numpy()
    replaced = ((parts["noisy"] == 1) | (parts["noisy"] == -1)).all(1)
    assert float(replaced.float().mean()) == pytest.approx(0.02, abs=0.004)
    unit = (parts["clean"] / 2 + 0.5).permute(0, 2, 3, 1).numpy()
    kept = ~replaced.numpy()[:, None].repeat(3, 1)
    level = law.level_at(unit).transpose(0, 3, 1, 2)
    assert (noise / level * 255)[kept].std() == pytest.approx(1, abs=0.05)

    with pytest.raises(UserError, match="there are no clean images to compare with"):
        evaluate(out, Protocol(("fid",), samples=500, features="random_convolutions", against="clean"))
    features = ("--features", "random_convolutions")
    for verb in (
        ("evaluate", out, "--samples", 420, "--metrics", "fid", *features),
        ("select", out, "--samples", 420, *features),
        ("check-noise", out, "--samples", 100),
        ("generate", out, "--count", 2, "--with", "noise,noisy", "--out", tmp_path / "made"),
    ):
        done = nrgan(*verb)
        assert done.returncode == 0 and "regret" not in done.stdout, done.stderr
    made = tifffile.imread(tmp_path / "made" / "000001-noise.tif")
    assert made.dtype == np.float32 and 100 < made.std() < 2000, "in the images' own values"


def test_a_command_line_that_holds_the_numbers(
    images: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a run has kept can be typed again, and is the same run."""
    from nrgan.cli import main

    resolved = open_plan(options(images, tmp_path / "run", file))[0].config
    found: list[TrainConfig] = []
    monkeypatch.setattr(Train, "run", lambda self: found.append(self.config) or 0)
    with pytest.raises(SystemExit):
        main(["train", *resolved.command_line()])
    assert (
        found[0] == resolved
        and resolved.data.noise
        == MeasuredNoise(in_range(MEASURED, ValueRange.of(0, 4095, "uint16")), ValueRange.of(0, 4095, "uint16")).text()
    )
    # in another range the same text is the same noise again
    again = open_plan(resolved.replaced(value_range="100,4095"))[0].setting.corruption.law
    assert isinstance(again, Fitted)
    np.testing.assert_allclose(again.level, LAW.level)
    np.testing.assert_allclose(again.signal, LAW.signal)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"model": "sinrgan1"},
            r"sinrgan1 does not use what is told of the noise .*leave noise out.* with ambientgan$",
        ),
        ({"model": "gan"}, r"gan does not use what is told of the noise"),
        ({"model": "sdnrgan1"}, r"sdnrgan1 does not use what is told of the noise"),
        ({"corrupt": "ag25"}, "give one of both"),
        (
            {"setting": "shapes-ag25", "value_range": "auto"},
            "that of shapes-ag25 is known already; this is for images of",
        ),
        ({"noise": "nowhere.json"}, "nowhere.json: cannot be read as a noise file"),
        ({"noise": "{}"}, "holds no range with the numbers of a noise"),
    ],
)
def test_told_where_it_does_not_belong(
    changed: dict[str, object], words: str, images: Path, file: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=words):
        options(images, tmp_path / "run", **({"noise": file} | changed))  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_a_noise_of_other_values_is_refused_before_anything_is_written(
    images: Path, file: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "bytes.npy", (np.load(images) / 16).astype(np.uint8))
    config = options(tmp_path / "bytes.npy", tmp_path / "run", file, value_range="auto")
    with pytest.raises(UserError, match="noise: was measured in uint16 values, and these images are uint8"):
        train(config)
    assert not (tmp_path / "run").exists()


def test_a_law_of_ones_own_can_be_told(images: Path, tmp_path: Path) -> None:
    """From Python any corruption can: the images are not corrupted again."""
    config = options(images, tmp_path / "run", None, model="given")
    told = Told(AdditiveGaussian(30))
    plan, data = open_plan(config, objects_of(told))
    assert plan.setting.corruption == told and not data.has_clean
    plain = open_plan(options(images, tmp_path, None, model="gan"))[1]
    np.testing.assert_array_equal(data.noisy(np.arange(5)), plain.noisy(np.arange(5)))


def objects_of(told: Told) -> Any:
    from nrgan.models import MODELS
    from nrgan.training.plan import Objects

    return Objects(corruption=told, model=MODELS["ambientgan"])


def test_settings_say_whether_a_noise_is_told(images: Path, file: Path) -> None:
    assert find_setting(str(images), noise=str(file)).told
    assert not any(setting.told for setting in (find_setting(str(images)), *SETTINGS.values()))
    assert not find_setting(str(images), corrupt="ag25").told
