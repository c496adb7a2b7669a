"""Training on one's own images, from the file to the generated file."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import shlex
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import torch

from conftest import PATIENCE, TINY, nrgan
from nrgan import TrainConfig, train
from nrgan.data import Shapes, open_data
from nrgan.draws import FreshDraws
from nrgan.errors import UserError
from nrgan.evaluation.measure import evaluate
from nrgan.evaluation.protocol import Protocol
from nrgan.ranges import dequantise
from nrgan.runs import TrainedModel, read_config
from nrgan.settings import choose_data
from nrgan.training.batches import EpochPosition, ResidentBatches, StreamedBatches
from nrgan.training.prepare import open_plan
from own_files import count_decodes
from test_run import assert_same_run, training

Array = npt.NDArray[Any]
COUNT = 12


def pictures(dtype: str, channels: int, count: int = COUNT, size: int = 16) -> Array:
    """Drawn scenes with a little noise, as a sensor of that type gives them."""
    scenes = Shapes(image_size=size, count=count).images() / 255.0
    rng = np.random.RandomState(0)
    scenes = np.concatenate([scenes] * 2, axis=3)[..., :channels] + rng.randn(count, size, size, channels) * 0.05
    if dtype == "float32":
        return (scenes * 40 - 7).astype(np.float32)
    top = {"uint8": 255, "uint16": 4095}[dtype]
    return np.clip(np.rint(scenes * top), 0, top).astype(dtype)


def png(image: Array) -> bytes:
    return bytes(imagecodecs.png_encode(image.squeeze(2) if image.shape[2] == 1 else image))


def tiff(image: Array) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(
        out, np.ascontiguousarray(image.transpose(2, 0, 1)), photometric="minisblack", metadata={"axes": "CYX"}
    )
    return out.getvalue()


def folder(images: Array, at: Path) -> Path:
    (at / "deeper").mkdir(parents=True)
    for k, image in enumerate(images):
        (at / ("deeper" if k % 2 else ".") / f"{k:03d}.png").write_bytes(png(image))
    return at


def zipped(images: Array, at: Path) -> Path:
    with zipfile.ZipFile(at.with_suffix(".zip"), "w") as file:
        for k, image in enumerate(images):
            file.writestr(f"{k:03d}.tif", tiff(image))
    return at.with_suffix(".zip")


def stack(images: Array, at: Path) -> Path:
    np.save(at.with_suffix(".npy"), images)
    return at.with_suffix(".npy")


def pages(images: Array, at: Path) -> Path:
    tifffile.imwrite(at.with_suffix(".tif"), images.squeeze(3), photometric="minisblack")
    return at.with_suffix(".tif")


def shards(images: Array, at: Path) -> Path:
    at.mkdir()
    for shard, part in enumerate(np.array_split(images, 3)):
        with tarfile.open(at / f"s-{shard:02d}.tar", "w") as file:
            for k, image in enumerate(part):
                content = png(image)
                entry = tarfile.TarInfo(f"{shard}{k:03d}.png")
                entry.size = len(content)
                file.addfile(entry, io.BytesIO(content))
    return at / "s-{00..02}.tar"


KINDS: list[tuple[Callable[[Array, Path], Path], str, int]] = [
    (folder, "uint8", 3),
    (zipped, "uint16", 5),
    (stack, "float32", 3),
    (stack, "uint16", 1),
    (pages, "uint16", 1),
    (shards, "uint8", 1),
]


def options(path: Path, out: Path, **changed: object) -> TrainConfig:
    own = {k: v for k, v in TINY.items() if k != "image_size"}
    return TrainConfig(**{"setting": str(path), "model": "sinrgan2", "out": out} | own | changed)  # type: ignore[arg-type]


def weights(run: Path) -> bytes:
    return (run / "snapshots" / "iteration-0000006" / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("write", "dtype", "channels"), KINDS)
def test_every_kind_of_source_is_trained_on_and_given_back(
    write: Callable[[Array, Path], Path], dtype: str, channels: int, tmp_path: Path
) -> None:
    images = pictures(dtype, channels)
    path = write(images, tmp_path / "images")
    config = options(path, tmp_path / "run")
    for _ in train(config):
        pass
    data = open_plan(config)[1]
    seen = data.noisy(np.arange(COUNT))
    value_range = data.value_range
    ((low, high),) = value_range.limits
    span = high - low
    given = np.sort(seen.transpose(0, 2, 3, 1).reshape(COUNT, -1), axis=0)
    expected = np.sort(((images.astype(np.float64) - low) / span).reshape(COUNT, -1), axis=0)
    np.testing.assert_allclose(given, expected, atol=1e-6)
    document = json.loads((config.out / "run.json").read_text())
    assert document["config"]["image_size"] == 16 and document["data"]["channels"] == channels
    assert (document["data"]["low"], document["data"]["dtype"]) == (low, dtype)

    done = nrgan("generate", config.out, "--count", 3, "--out", tmp_path / "made", "--with", "noise,noisy")
    assert done.returncode == 0, done.stderr
    made = sorted(path for path in (tmp_path / "made").iterdir() if path.stem.isdigit())
    assert len(made) == 3 and len(list((tmp_path / "made").glob("*-noise.*"))) == 3
    first = next(TrainedModel.load(config.out).in_own_values(seed=0, count=1))
    read = tifffile.imread(made[0]) if made[0].suffix == ".tif" else imagecodecs.imread(made[0])
    read = read.reshape(16, 16, 1) if channels == 1 else read if read.shape[-1] == channels else read.transpose(1, 2, 0)
    assert read.dtype == dtype and read.shape == (16, 16, channels)
    np.testing.assert_array_equal(read, first.clean)
    assert first.clean.min() >= low and first.clean.max() <= high
    unit = (first.clean.astype(float) - low) / span
    clean = TrainedModel.load(config.out).observe(0, range(100)).parts["clean"][0].permute(1, 2, 0).numpy() / 2 + 0.5
    np.testing.assert_allclose(unit, clean, atol=0.6 / span + 1e-6)
    assert first.noise is not None and first.noise.dtype == np.float32


def test_one_image_can_be_made_again(tmp_path: Path) -> None:
    config = options(stack(pictures("uint16", 3), tmp_path / "images"), tmp_path / "run")
    for _ in train(config):
        pass
    for name, more in (("all", ("--count", 4)), ("one", ("--first", 2, "--count", 1))):
        assert nrgan("generate", config.out, "--out", tmp_path / name, "--with", "noisy", *more).returncode == 0
    for file in ("000002.png", "000002-noisy.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "all" / file).read_bytes()
    again = nrgan("generate", config.out, "--out", tmp_path / "all")
    assert again.returncode == 2 and "is not empty" in again.stderr
    wrong = nrgan("generate", tmp_path / "images.npy", "--out", tmp_path / "new")
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr


def test_a_bright_and_a_dim_channel_each_have_their_own_range(tmp_path: Path) -> None:
    images = np.rint(pictures("float32", 2) / 40 * [60_000, 200] + [20_000, 200]).clip(0, 65_535).astype(np.uint16)
    lows, highs = images.min(axis=(0, 1, 2)), images.max(axis=(0, 1, 2))
    spec = ";".join(f"{low},{high}" for low, high in zip(lows, highs, strict=True))
    path = stack(images, tmp_path / "images")
    config = options(path, tmp_path / "run", value_range=spec)
    run = training(config)
    data = run.data
    unit = data.noisy(np.arange(COUNT))
    assert unit.min(axis=(0, 2, 3)).tolist() == [0, 0] and unit.max(axis=(0, 2, 3)).tolist() == [1, 1]
    assert np.array_equal(data.value_range.from_unit(unit.transpose(0, 2, 3, 1)), images)
    levels = (highs.astype(int) - lows + 1).tolist()
    assert data.levels == tuple(levels)
    rows = run.batches.rows(1)[0]
    taken = run.batches.take(rows, FreshDraws(torch.Generator().manual_seed(1)))
    u = FreshDraws(torch.Generator().manual_seed(1)).uniform("dequantisation", tuple(taken.shape))
    for c in range(2):
        alone = dequantise(run.batches.unit(rows)[:, c], u[:, c], levels[c])
        assert torch.equal(taken[:, c], alone), "each channel in steps of its own"
    list(run.run())

    document = json.loads((config.out / "run.json").read_text())
    assert document["data"]["low"] == lows.tolist() and document["data_key"]["range"][1] == highs.tolist()
    subject = TrainedModel.load(config.out)
    assert subject.about.value_range == data.value_range
    assert open_data(subject.about.data(16)).key == data.key, "a snapshot finds the same images again"
    done = nrgan("generate", config.out, "--count", 3, "--out", tmp_path / "made", "--with", "noise")
    assert done.returncode == 0, done.stderr
    subject.pair.double()  # as images are generated
    parts = subject.observe(0, range(100)).parts
    spans = (highs - lows).astype(float)
    for k in range(3):
        made = tifffile.imread(tmp_path / "made" / f"{k:06d}.tif").transpose(1, 2, 0)
        clean = parts["clean"][k].permute(1, 2, 0).numpy() / 2 + 0.5
        assert made.dtype == np.uint16
        np.testing.assert_allclose((made - lows.astype(float)) / spans, clean, atol=0.6 / spans.min() + 1e-6)
        noise = tifffile.imread(tmp_path / "made" / f"{k:06d}-noise.tif").transpose(1, 2, 0)
        np.testing.assert_allclose(noise / spans, parts["noise"][k].permute(1, 2, 0).numpy() / 2, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "levels"), [({}, (5, 9)), ({"corrupt": "ag25", "model": "gan"}, None), ({"mend": "stripes"}, None)]
)
def test_few_values_are_told_apart_where_images_come_as_stored(
    changed: dict[str, object], levels: tuple[int, ...] | None, tmp_path: Path
) -> None:
    """Whether in training or of a snapshot; noise that is added and what is mended have values between."""
    counts = np.random.default_rng(0).integers(0, [5, 9], (COUNT, 16, 16, 2)).astype(np.uint16)
    config = options(stack(counts, tmp_path / "images"), tmp_path / "run", value_range="0,4;0,8", **changed)
    run = training(config)
    assert run.plan.setting.sensor.levels == levels == run.data.levels
    assert run.data.choice.sensor.levels is None, "which images are read does not depend on it"
    list(run.run())
    assert TrainedModel.load(config.out).setting.sensor.levels == levels


def test_one_range_is_saved_as_numbers_as_it_always_was(tmp_path: Path) -> None:
    config = options(stack(pictures("uint16", 2), tmp_path / "images"), tmp_path / "run", value_range="0,4095")
    for _ in train(config):
        pass
    about = json.loads((config.out / "snapshots" / "iteration-0000006" / "about.json").read_text())
    assert (about["low"], about["high"], about["dtype"]) == (0.0, 4095.0, "uint16")
    assert json.loads((config.out / "run.json").read_text())["data_key"]["range"] == [0.0, 4095.0, "uint16"]


@pytest.mark.parametrize("fit", ["crop", "tiles"])
@pytest.mark.parametrize("write", [folder, pages, stack])
def test_images_are_decoded_once_before_the_first_iteration(
    write: Callable[[Array, Path], Path], fit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = Shapes(image_size=64, count=60).images()[..., :1] / 255 * 0.8 + 0.05
    rng = np.random.RandomState(0)
    counts = rng.poisson(scenes * 30) / 30 + rng.randn(*scenes.shape) * 0.02
    path = write(np.clip(counts * 3000 + 100, 0, 65535).astype(np.uint16), tmp_path / "images")
    decodes = count_decodes(monkeypatch)
    run = training(options(path, tmp_path / "run", model="auto", image_size=32, fit=fit))
    assert next(run.run()).iteration == 1 and run.batches.resident
    assert len(decodes) == 60 and set(decodes.values()) == {1}


@pytest.mark.parametrize("workers", [0, 2])
def test_streamed_images_train_the_same_networks(workers: int, tmp_path: Path) -> None:
    path = folder(pictures("uint8", 3), tmp_path / "images")
    for name, changed in (("resident", {"stream": "never"}), ("streamed", {"stream": "always", "workers": workers})):
        for _ in train(options(path, tmp_path / name, **changed)):
            pass
    assert weights(tmp_path / "resident") == weights(tmp_path / "streamed")
    # stopped and gone on with, now streamed, now resident
    for progress in train(options(path, tmp_path / "stopped", stream="always", workers=workers)):
        if progress.iteration == 4:
            break
    for progress in train(options(path, tmp_path / "stopped", stream="never"), resume=True):
        if progress.iteration == 5:
            break
    for _ in train(options(path, tmp_path / "stopped", stream="always", workers=workers), resume=True):
        pass
    assert weights(tmp_path / "stopped") == weights(tmp_path / "resident")


def test_streamed_batches_are_resident_ones(tmp_path: Path) -> None:
    data = open_data(choose_data(str(stack(pictures("uint8", 3), tmp_path / "images"))))
    device = torch.device("cpu")
    resident = ResidentBatches(data.all_noisy(), 5, EpochPosition(1), device)
    streamed = StreamedBatches(data, 5, EpochPosition(1), device, workers=2)
    for _ in range(7):
        one, two = resident.rows(2), streamed.rows(2)
        assert torch.equal(one, two)
        for k in range(2):
            assert torch.equal(resident.unit(one[k]), streamed.unit(two[k]))
    rows = streamed.rows(1)
    streamed.rows(1)
    with pytest.raises(RuntimeError, match="in their order"):
        streamed.unit(rows[0].flip(0))
    streamed.close()


LIMITED = """
import resource, sys
from pathlib import Path
from nrgan import TrainConfig
from nrgan.training.plan import Objects
from nrgan.training.prepare import prepare
from nrgan.training.train import Training

small, big, out, allowed = *sys.argv[1:4], int(sys.argv[4]) << 20
def begin(path, name):
    config = TrainConfig(
        setting=path, model="sinrgan1", out=f"{out}/{name}", image_size=64, fit="tiles", channels=4, latent_size=4,
        batch_size=4, iterations=8, threads=1, device="cpu", precision="float32",
    )
    return Training(prepare(config, Objects()))
for _ in begin(small, "first").run():  # what the libraries take for themselves
    pass
used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (used + allowed, used + allowed))
run = begin(big, "second")
assert type(run.batches).__name__ == "StreamedBatches", type(run.batches)
assert run.data.bytes >= 10 * allowed
for _ in run.run():
    pass
print("trained", len(run.data))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits a process's memory as Linux does")
def test_a_source_ten_times_larger_than_memory(tmp_path: Path) -> None:
    allowed = 240
    side, images = 1024, 320
    path = tmp_path / "big.npy"
    stored = np.lib.format.open_memmap(path, "w+", np.uint8, (images, side, side, 2))  # type: ignore[no-untyped-call]
    scene = np.random.RandomState(0).randint(0, 200, (side, side, 2), dtype=np.uint8)
    for k in range(images):
        stored[k] = scene + np.uint8(k % 50)
    np.save(tmp_path / "small.npy", np.array(stored[:2]))
    del stored
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "small.npy", path, tmp_path / "runs", str(allowed)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0 and "trained" in done.stdout, done.stderr[-2000:]


def test_added_noise_leaves_the_originals_as_the_clean_reference(tmp_path: Path) -> None:
    images = Shapes(image_size=16, count=600).images()
    path = stack(images, tmp_path / "images")
    data = open_data(choose_data(str(path), corrupt="ag25"))
    rows = np.arange(600)
    np.testing.assert_array_equal(data.clean(rows), images)
    noise = data.noisy(rows).transpose(0, 2, 3, 1) - images / 255
    middle = (images > 90) & (images < 165)
    assert 255 * noise[middle].std() == pytest.approx(25, rel=0.02)
    np.testing.assert_array_equal(data.noisy(rows[5:7]), data.noisy(rows)[5:7])
    for model in ("ambientgan", "sinrgan1"):
        config = options(path, tmp_path / model, model=model, corrupt="ag25")
        for _ in train(config):
            pass
        protocol = Protocol(("fid",), samples=500, features="random_convolutions")
        assert evaluate(config.out, protocol)[0].against == "clean"


def test_without_clean_images(tmp_path: Path) -> None:
    path = stack(pictures("uint8", 3, count=500), tmp_path / "images")
    config = options(
        path, tmp_path / "run", evaluate_every=3, evaluate_samples=420, evaluate_features="random_convolutions"
    )
    shown = [progress.metrics for progress in train(config) if progress.metrics]
    assert len(shown) == 2 and (config.out / "best").is_dir()
    with pytest.raises(UserError, match="there are no clean images to compare with; against observed"):
        evaluate(config.out, Protocol(("fid",), samples=500, features="random_convolutions"))
    done = nrgan("select", config.out, "--samples", 420, "--features", "random_convolutions")
    assert done.returncode == 0 and "regret" not in done.stdout, done.stderr
    done = nrgan("check-noise", config.out, "--samples", 100)
    assert done.returncode == 0 and "noisy images" in done.stdout, done.stderr


def test_models_that_must_know_the_noise(tmp_path: Path) -> None:
    path = stack(pictures("uint8", 3), tmp_path / "images")
    for model in ("ambientgan", "sdnrgan1"):
        with pytest.raises(UserError, match=f"{model} needs"):
            options(path, tmp_path / "run", model=model)
    options(path, tmp_path / "run", model="sdnrgan1", corrupt="p30")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"batch_size": 64}, "batch_size 64: more than the 12 images"),
        ({"image_size": 20}, "image_size 20: must be a multiple of 8"),
        ({"image_size": 32}, "smaller"),
        ({"value_range": "5"}, "range"),
        ({"corrupt": "ag26"}, "corrupt ag26: is no corruption"),
        ({"data_root": "here"}, "data_root: "),
    ],
)
def test_options_that_do_not_fit(changed: dict[str, object], message: str, tmp_path: Path) -> None:
    path = stack(pictures("uint8", 3), tmp_path / "images")
    with pytest.raises(UserError, match=message):
        training(options(path, tmp_path / "run", **changed))
    assert not (tmp_path / "run").exists()


def test_changed_images_are_not_gone_on_with(tmp_path: Path) -> None:
    path = stack(pictures("uint8", 3), tmp_path / "images")
    for progress in train(options(path, tmp_path / "run")):
        if progress.iteration == 3:
            break
    assert read_config(tmp_path / "run")["image_size"] == 16
    stack(pictures("uint8", 3, count=COUNT + 1), tmp_path / "images")
    with pytest.raises(UserError, match="its images are not those that it was begun with"):
        training(options(path, tmp_path / "run"), resume=True)


def test_the_folder_of_the_images_is_no_run_folder(tmp_path: Path) -> None:
    path = stack(pictures("uint8", 3), tmp_path / "images")
    with pytest.raises(UserError, match="is the folder of the images"):
        options(path.parent, path.parent)


def test_the_command_that_a_diagnosis_prints_trains_on_what_was_diagnosed(tmp_path: Path) -> None:
    path = tmp_path / "my stack.npy"
    np.save(path, np.random.RandomState(0).randint(60, 190, (8, 136, 200), dtype=np.uint8))
    done = nrgan("diagnose", path, "--out", tmp_path / "diagnosis")
    assert done.returncode == 0, done.stderr
    printed = shlex.split(" ".join(done.stdout.split()).partition("train with: ")[2])
    assert printed[:2] == ["nrgan", "train"] and {"--fit", "tiles"} <= set(printed) and "--image-size" not in printed
    pasted = nrgan(*printed[1:], "--dry-run", "--batch-size", 4)
    assert pasted.returncode == 0, pasted.stderr
    assert json.loads(pasted.stdout)["image_size"] in (32, 64) and '"fit": "tiles"' in pasted.stdout
    printed = shlex.split(nrgan("diagnose", path, "--size", 40, "--out", tmp_path / "diagnosis").stdout)
    assert printed[printed.index("--image-size") + 1] == "40"


def test_a_microscopists_stack_end_to_end(tmp_path: Path) -> None:
    """16-bit grey pages with Poisson-Gaussian noise: diagnose, train with the model named, generate."""
    scenes = Shapes(image_size=64, count=60).images()[..., :1].mean(axis=3) / 255 * 0.8 + 0.05
    rng = np.random.RandomState(0)
    counts = rng.poisson(scenes * 30) / 30 + rng.randn(*scenes.shape) * 0.02
    stored = np.clip(counts * 3000 + 100, 0, 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "cells.tif", stored, photometric="minisblack")
    done = nrgan("diagnose", tmp_path / "cells.tif", "--out", tmp_path / "diagnosis")
    assert done.returncode == 0 and "sdnrgan2" in done.stdout, done.stdout + done.stderr
    files = {path.name for path in (tmp_path / "diagnosis").iterdir()}
    assert files == {"diagnosis.json", "diagnosis.png", "noise.json"}
    printed = shlex.split(" ".join(done.stdout.split()).partition("train with: ")[2])
    pasted = nrgan(*printed[1:], "--dry-run", "--batch-size", 4)
    assert pasted.returncode == 0 and json.loads(pasted.stdout)["model"] == "ambientgan", pasted.stderr
    small = [f"--{k.replace('_', '-')}={v}" for k, v in TINY.items() if k != "image_size"]
    done = nrgan("train", tmp_path / "cells.tif", "auto", tmp_path / "run", "--size", 32, "--fit", "tiles", *small)
    assert done.returncode == 0, done.stderr
    config = read_config(tmp_path / "run")
    assert config["model"] == "ambientgan" and '"law":"Fitted"' in config["noise"] and "tiles" in done.stdout
    done = nrgan("generate", tmp_path / "run", "--count", 2, "--out", tmp_path / "made")
    made = imagecodecs.imread(tmp_path / "made" / "000001.png")
    assert done.returncode == 0 and made.dtype == np.uint16 and made.shape == (32, 32)
    done = nrgan(
        "train", tmp_path / "cells.tif", "auto", tmp_path / "run", "--size", 32, "--fit", "tiles", *small, "--resume"
    )
    assert done.returncode == 0 and "was complete" in done.stdout, done.stderr


def test_a_run_is_found_from_anywhere_and_its_images_may_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(pictures("uint8", 3), tmp_path / "here" / "scans")
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for progress in train(options(Path("scans"), tmp_path / "run")):
        if progress.iteration == 3:
            break
    monkeypatch.chdir(tmp_path / "there")
    done = nrgan("check-noise", "../run/snapshots/../", "--samples", 100)
    assert done.returncode == 2 and "neither a snapshot" in done.stderr, "it has none yet"
    (tmp_path / "here").rename(tmp_path / "moved")
    for _ in train(options(tmp_path / "moved" / "scans", tmp_path / "run"), resume=True):
        pass
    assert nrgan("generate", "../run", "--count", 1).returncode == 0
    done = nrgan("check-noise", "../run", "--samples", 100)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("workers", [0, 2])
def test_an_image_that_vanishes_while_streaming_is_named_and_nothing_is_lost(workers: int, tmp_path: Path) -> None:
    path = folder(pictures("uint8", 3), tmp_path / "images")
    changed = {"stream": "always", "workers": workers, "critic_steps": 2, "iterations": 60, "checkpoint_minutes": 0}
    run = training(options(path, tmp_path / "run", **changed))
    files = {file: file.read_bytes() for file in path.rglob("*.png")}
    stamps = {file: file.stat().st_mtime_ns for file in files}
    with pytest.raises(UserError, match=r"\.png: cannot be read: No such file") as raised:
        for progress in run.run():
            if progress.iteration == 3:
                for file in files:
                    file.unlink()
    assert "Traceback" not in str(raised.value)
    for file, content in files.items():
        file.write_bytes(content)
        os.utime(file, ns=(stamps[file], stamps[file]))
    for _ in train(options(path, tmp_path / "run", **changed), resume=True):
        pass
    for _ in train(options(path, tmp_path / "whole", **changed)):
        pass
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_a_reader_that_dies_costs_nothing(tmp_path: Path) -> None:
    path = folder(pictures("uint8", 3), tmp_path / "images")
    changed = {"stream": "always", "workers": 1, "iterations": 60}
    run = training(options(path, tmp_path / "run", **changed))
    with pytest.raises(UserError, match="take fewer workers"):
        for progress in run.run():
            if progress.iteration == 3:
                (reader,) = multiprocessing.active_children()
                reader.kill()
                reader.join()
    for _ in train(options(path, tmp_path / "run", **changed), resume=True):
        pass
    for _ in train(options(path, tmp_path / "whole", **changed)):
        pass
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_a_state_in_the_middle_of_an_iteration_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stack(pictures("uint8", 3), tmp_path / "images")
    changed = {"checkpoint_minutes": 0}

    def fails(*_: object) -> None:
        raise UserError("between the generators' update and the discriminator's")

    run = training(options(path, tmp_path / "run", **changed))
    with monkeypatch.context() as patch, pytest.raises(UserError, match="between"):
        for progress in run.run():
            if progress.iteration == 3:
                patch.setattr("nrgan.training.graph.discriminator_step", fails)
    for _ in train(options(path, tmp_path / "run", **changed), resume=True):
        pass
    for _ in train(options(path, tmp_path / "whole", **changed)):
        pass
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path) -> None:
    path = stack(pictures("uint8", 3), tmp_path / "images")
    run = training(options(path, tmp_path / "run"))
    small = [f"--{k.replace('_', '-')}={v}" for k, v in TINY.items() if k != "image_size"]
    other = nrgan("train", path, "sinrgan2", tmp_path / "run", "--resume", *small)
    assert other.returncode == 2 and "is being trained by another process" in other.stderr
    list(run.run())


def test_a_run_that_chose_its_model_goes_on_without_choosing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(pictures("uint8", 3, count=200, size=32), tmp_path / "images")
    changed = {"model": "auto"}
    for progress in train(options(path, tmp_path / "run", **changed)):
        if progress.iteration == 3:
            break
    chosen = read_config(tmp_path / "run")["model"]
    assert chosen != "auto"

    def again(data: object) -> str:
        raise AssertionError("diagnosed again")

    monkeypatch.setattr("nrgan.training.prepare.recommended", again)
    for _ in train(options(path, tmp_path / "run", **changed), resume=True):
        pass
    assert read_config(tmp_path / "run")["model"] == chosen


def test_whether_out_may_be_written_is_asked_before_an_image_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stack(pictures("uint8", 3), tmp_path / "images")
    for _ in train(options(path, tmp_path / "run")):
        pass
    monkeypatch.setattr("nrgan.training.prepare.open_data", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(UserError, match="holds a run already"):
        train(options(path, tmp_path / "run"))


def test_images_too_small_to_train_on_are_said_to_be(tmp_path: Path) -> None:
    path = folder(np.random.default_rng(0).integers(0, 255, (60, 1, 40, 3), np.uint8), tmp_path / "thin")
    done = nrgan("diagnose", path, "--out", tmp_path / "found")
    assert done.returncode == 2 and "has images of 1 pixels on a side; 16 are the fewest" in done.stderr


def test_a_dry_run_opens_the_images(tmp_path: Path) -> None:
    path = folder(pictures("uint16", 1, count=200, size=32), tmp_path / "images")
    done = nrgan("train", path, "auto", tmp_path / "run", "--dry-run")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert f"auto: {shown['model']}; nrgan diagnose says why" in done.stderr
    assert shown["image_size"] == 32 and shown["model"] not in ("auto", None) and not (tmp_path / "run").exists()
    missing = nrgan("train", tmp_path / "nothing", "auto", tmp_path / "run", "--dry-run")
    assert missing.returncode == 2 and missing.stderr.count("\n") == 1
