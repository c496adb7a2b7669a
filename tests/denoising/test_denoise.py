"""From noisy files to clean ones by one command, and by the same one again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from scipy import ndimage

from nrgan import TrainConfig, train, train_denoiser
from nrgan.cli import main
from nrgan.corruptions import Fitted
from nrgan.denoising.config import DenoiserConfig
from nrgan.denoising.denoise import DenoiseOptions, Denoising, beside, denoise
from nrgan.denoising.denoiser import Denoiser
from nrgan.denoising.judged_files import judged
from nrgan.denoising.train import run
from nrgan.errors import UserError
from nrgan.frames import ValueRange
from nrgan.layout import ABOUT, find_snapshot
from nrgan.manifest import write_manifest
from nrgan.noise_file import MeasuredNoise, save_noise

LEVEL = 25.0
RANGE = ValueRange.of(0, 255, "uint8")
TOLD = MeasuredNoise(Fitted(level=(LEVEL,)), RANGE).text()
QUICK = {
    "iterations": 60,
    "minutes": None,
    "width": 4,
    "batch_size": 8,
    "threads": 1,
    "device": "cpu",
    "precision": "float32",
}


def scenes(count: int, side: int = 48) -> np.ndarray:
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.standard_normal((count, side, side)), (0, 4, 4))
    return 128 + 30 * smooth / smooth.std()


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """45 noisy PNGs, a JPEG and something that is no image."""
    clean, rng = scenes(46), np.random.default_rng(1)
    noisy = np.rint(clean + LEVEL * rng.standard_normal(clean.shape)).clip(0, 255).astype(np.uint8)
    folder = tmp_path / "scans"
    (folder / "day2").mkdir(parents=True)
    for k, image in enumerate(noisy[:45]):
        (folder / ("day2" if k > 30 else "") / f"{k:02}.png").write_bytes(imagecodecs.png_encode(image))
    (folder / "last.jpg").write_bytes(imagecodecs.jpeg_encode(noisy[45], level=98))
    (folder / "notes.txt").write_text("of Tuesday")
    return folder


def read(path: Path) -> np.ndarray:
    return np.asarray(imagecodecs.imread(path)).astype(float)


def test_files_become_clean_and_are_not_done_again(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    done = denoise(scans, out, noise=TOLD, **{**QUICK, "iterations": 250, "width": 8})
    assert (done.written, done.done_before) == (46, 0)
    clean = scenes(46)
    before, after = (
        np.mean([((read(folder / f"{k:02}.png") - clean[k]) ** 2).mean() for k in range(30)]) for folder in (scans, out)
    )
    assert after < 0.35 * before
    assert (out / "day2" / "44.png").is_file() and (out / "last.png").is_file() and not (out / "notes.txt").exists()
    weights = Denoiser.load(beside(out)).about
    again = denoise(scans, out, noise=TOLD, **{**QUICK, "iterations": 250, "width": 8})
    assert (again.written, again.done_before) == (0, 46) and Denoiser.load(beside(out)).about == weights
    (out / "00.png").unlink()
    assert denoise(scans, out, noise=TOLD, **{**QUICK, "iterations": 250, "width": 8}).written == 1


def test_a_command_that_was_stopped_goes_on(scans: Path, tmp_path: Path) -> None:
    config = DenoiserConfig(images=str(scans), out=beside(tmp_path / "clean"), noise=TOLD, **QUICK)
    steps = run(_training(config, tmp_path / "clean"))
    for _ in range(5):
        next(steps)
    steps.close()
    assert not (tmp_path / "clean").exists()
    prepared = _training(config, tmp_path / "clean")
    assert prepared.state.iteration == 5
    prepared.recorder.close()
    assert denoise(scans, tmp_path / "clean", noise=TOLD, **QUICK).written == 46


def _training(config: DenoiserConfig, out: Path) -> Any:
    prepared = Denoising(config, DenoiseOptions(out)).training()
    assert prepared is not None
    return prepared


def test_a_denoiser_that_is_there_serves_other_images_and_trains_nothing(scans: Path, tmp_path: Path) -> None:
    denoise(scans, tmp_path / "clean", noise=TOLD, **QUICK)
    others = tmp_path / "others"
    others.mkdir()
    image = np.random.default_rng(2).integers(80, 100, (12, 130), np.uint8)
    (others / "a.png").write_bytes(imagecodecs.png_encode(image))
    done = denoise(others, tmp_path / "others-clean", by=beside(tmp_path / "clean"))
    assert done.written == 1 and not beside(tmp_path / "others-clean").exists()
    assert read(tmp_path / "others-clean" / "a.png").shape == (12, 130)
    same = denoise(others, tmp_path / "as-they-were", by=beside(tmp_path / "clean"), strength=0.0)
    assert same.written == 1 and (read(tmp_path / "as-they-were" / "a.png") == image).all()
    np.save(tmp_path / "others.npy", np.arange(4800, dtype=np.uint16).reshape(3, 40, 40))
    with pytest.raises(UserError, match="uint16"):
        denoise(tmp_path / "others.npy", tmp_path / "no", by=beside(tmp_path / "clean"))


def test_noise_without_a_law_is_left_to_non_local_means_and_said(tmp_path: Path) -> None:
    rng, noisy = np.random.default_rng(1), scenes(60)
    noisy[:, 8:30, 8:30] += 60 * rng.standard_normal((60, 22, 22))  # in a part of each image only
    np.save(tmp_path / "noisy.npy", noisy.clip(0, 255).astype(np.uint8))
    config = DenoiserConfig(images=str(tmp_path / "noisy.npy"), out=beside(tmp_path / "clean"), **QUICK)
    work = Denoising(config, DenoiseOptions(tmp_path / "clean"))
    assert work.training() is None and not beside(tmp_path / "clean").exists()
    chosen = work.chosen()
    assert chosen.words.startswith("non-local means with the level") and "nrgan train" in chosen.words
    assert work.write(chosen, work.plan(chosen)).written == 1


def test_non_local_means_can_be_asked_for(scans: Path, tmp_path: Path) -> None:
    clean = scenes(46)
    denoise(scans, tmp_path / "clean", noise=TOLD, method="nlm")
    assert ((read(tmp_path / "clean" / "03.png") - clean[3]) ** 2).mean() < 0.5 * LEVEL**2
    config = DenoiserConfig(images=str(scans), out=tmp_path / "no", noise=TOLD, method="nlm", uncertainty=True)
    work = Denoising(config, DenoiseOptions(tmp_path / "other"))
    assert work.training() is None
    chosen = work.chosen()
    assert "no expected errors are written" in chosen.words
    assert work.write(chosen, work.plan(chosen)).written == 46 and not list((tmp_path / "other").glob("*-error*"))


def test_the_expected_error_lies_beside_each_file(scans: Path, tmp_path: Path) -> None:
    denoise(scans, tmp_path / "clean", noise=TOLD, uncertainty=True, **{**QUICK, "iterations": 200, "width": 8})
    error = read(next((tmp_path / "clean").glob("03-error*")))
    truth = read(tmp_path / "clean" / "03.png") - scenes(46)[3]
    assert error.shape == (48, 48) and 0.3 < np.sqrt((truth**2).mean() / np.nanmean(error**2)) < 3


@pytest.mark.parametrize("inside", ["scans", "scans/clean"])
def test_nothing_is_trained_for_a_folder_that_cannot_be_written_to(scans: Path, tmp_path: Path, inside: str) -> None:
    with pytest.raises(UserError, match="choose a folder elsewhere"):
        denoise(scans, tmp_path / inside, noise=TOLD, **QUICK)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.doc").write_text("all of it")
    with pytest.raises(UserError, match="did not write"):
        denoise(scans, tmp_path / "theirs", noise=TOLD, **QUICK)
    assert not list(tmp_path.glob("*-denoiser"))


def test_other_options_are_another_denoiser(scans: Path, tmp_path: Path) -> None:
    denoise(scans, tmp_path / "clean", noise=TOLD, **QUICK)
    with pytest.raises(UserError, match="width"):
        denoise(scans, tmp_path / "clean", noise=TOLD, **{**QUICK, "width": 5})


def test_a_setting_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name of a setting"):
        denoise("cifar10ag25", tmp_path / "clean", method="nlm")


def test_the_command_line_says_what_it_does_and_judges(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_noise("noise.json", Fitted(level=(LEVEL,)), RANGE)
    words = (
        "denoise scans clean --noise noise.json --iterations 40 --width 4 --batch-size 8 --threads 1 --judge".split()
    )
    with pytest.raises(SystemExit) as end:
        main(words)
    said = capsys.readouterr().out
    assert end.value.code == 0
    assert "renoise (recorrupted)" in said and "1 file of .jpg will be .png" in said and "wrote 46 files" in said
    judgement = json.loads((tmp_path / "clean-denoiser" / "judgement.json").read_text())
    assert judgement["risk"]["mse"] > 0 and judgement["residual"] and judgement["null_test"] and judgement["injection"]


def test_two_takes_judge_and_what_they_prove_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean, rng = scenes(8, side=64), np.random.default_rng(2)
    for name in ("first", "second"):
        noisy = np.rint(clean + LEVEL * rng.standard_normal(clean.shape)).clip(0, 255).astype(np.uint8)
        (tmp_path / name).mkdir()
        for k, image in enumerate(noisy):
            (tmp_path / name / f"{k}.png").write_bytes(imagecodecs.png_encode(image))
    first, second = (str(tmp_path / name) for name in ("first", "second"))
    with pytest.raises(SystemExit) as end:
        main(["denoise", first, str(tmp_path / "clean"), "--method", "nlm", "--noise", TOLD, "--halves", first, second])
    said = capsys.readouterr().out
    assert end.value.code == 0
    before, after = re.search(r"by two takes: PSNR ([\d.]+) dB before, ([\d.]+) after", said).groups()
    assert float(before) == pytest.approx(20 * np.log10(255 / LEVEL), abs=0.3) and float(after) > float(before) + 3
    assert "trained on both halves" in said
    for wrong in (str(tmp_path / "nothing"), str(tmp_path / "clean-denoiser"), TOLD):
        with pytest.raises(SystemExit) as end:
            main(["denoise", first, str(tmp_path / "new"), "--halves", first, wrong])
        assert end.value.code == 2 and not (tmp_path / "new").exists(), "said before anything is trained"


def test_a_run_teaches_a_denoiser_with_its_own_images_and_its_generator(
    scans: Path, tmp_path: Path, tiny: dict[str, Any]
) -> None:
    options = {**tiny, "image_size": 16, "iterations": 4}
    for _ in train(TrainConfig(setting=str(scans), model="sinrgan1", out=tmp_path / "run", fit="crop", **options)):
        pass
    config = DenoiserConfig(images=str(tmp_path / "run"), out=tmp_path / "denoiser", noise=TOLD, **QUICK)
    for _ in train_denoiser(config):
        pass
    about = Denoiser.load(tmp_path / "denoiser").about
    assert (about.method, about.rule) == ("mix", "recorrupted")
    assert "decibels" in about.chosen["gap"]
    done = denoise(scans, tmp_path / "clean", by=tmp_path / "run", noise=TOLD, **QUICK)
    assert done.written == 46 and Denoiser.load(tmp_path / "clean-denoiser").about.method == "mix"
    with pytest.raises(UserError, match="no denoiser"):
        Denoiser.load(tmp_path / "run")


def test_images_that_tell_nothing_of_their_noise_are_left_nearly_as_they_are(tmp_path: Path) -> None:
    drawing = np.zeros((6, 64, 64), np.uint8)
    drawing[:, 10:30, 10:40] = 200
    drawing[3, 50:52, 50:52] = 255
    np.save(tmp_path / "drawing.npy", drawing)
    assert denoise(tmp_path / "drawing.npy", tmp_path / "clean", **QUICK).written == 1
    assert np.abs(np.load(tmp_path / "clean" / "drawing.npy").astype(int) - drawing).max() <= 1


def test_other_images_are_judged_in_the_range_of_the_denoiser_not_in_their_own(tmp_path: Path) -> None:
    """Both of one camera; those that are denoised later are darker, so that a range of their own would be another."""
    rng, clean = np.random.default_rng(3), scenes(60)
    for name, light in (("first", 20.0), ("later", 8.0)):
        counts = 500 + light * clean + 100 * rng.standard_normal(clean.shape)
        np.save(tmp_path / f"{name}.npy", np.rint(counts).astype(np.uint16))
    told = MeasuredNoise(Fitted(level=(255 * 100 / 6000,)), ValueRange.of(0, 6000, "uint16")).text()
    denoise(tmp_path / "first.npy", tmp_path / "clean", noise=told, **{**QUICK, "iterations": 150, "width": 8})
    config = DenoiserConfig(images=str(tmp_path / "later.npy"), out=beside(tmp_path / "later-clean"), **QUICK)
    work = Denoising(config, DenoiseOptions(tmp_path / "later-clean", beside(tmp_path / "clean")))
    assert work.training() is None
    chosen = work.chosen()
    work.write(chosen, work.plan(chosen))
    risk = judged(work, chosen).risk
    answer = np.load(tmp_path / "later-clean" / "later.npy").astype(float)
    low, high = chosen.value_range.limits[0]
    truth = (((answer - 500 - 8 * clean) / (high - low)) ** 2).mean()
    assert risk is not None and risk.mse == pytest.approx(truth, rel=0.5)


def test_noise_whose_errors_are_not_told_leaves_the_second_files_out_and_says_why(scans: Path, tmp_path: Path) -> None:
    heavy = MeasuredNoise(Fitted(level=(LEVEL,), impulses=0.1), RANGE).text()
    config = DenoiserConfig(images=str(scans), out=beside(tmp_path / "clean"), noise=heavy, uncertainty=True, **QUICK)
    work = Denoising(config, DenoiseOptions(tmp_path / "clean"))
    prepared = work.training()
    assert prepared is not None
    for _ in run(prepared):
        pass
    f = Denoiser.load(beside(tmp_path / "clean"))
    assert f.error_network is None and "far from Gaussian" in str(f.about.errors_untold)
    chosen = work.chosen()
    assert chosen.errors is None and "no expected errors are written" in chosen.words
    assert work.write(chosen, work.plan(chosen)).written == 46


def test_where_nothing_does_better_than_nothing_the_files_stay_as_they_are(scans: Path, tmp_path: Path) -> None:
    denoise(scans, tmp_path / "clean", noise=TOLD, **QUICK)
    snapshot = find_snapshot(beside(tmp_path / "clean"))
    document = json.loads((snapshot / ABOUT).read_text())
    document["chosen"]["chosen"] = "nothing"
    (snapshot / ABOUT).write_text(json.dumps(document))
    write_manifest(snapshot)
    work = Denoising(
        DenoiserConfig(images=str(scans), out=tmp_path / "no", **QUICK),
        DenoiseOptions(tmp_path / "again", beside(tmp_path / "clean")),
    )
    chosen = work.chosen()
    assert chosen.words.startswith("nothing, so that the files stay as they are")
    work.write(chosen, work.plan(chosen))
    assert (read(tmp_path / "again" / "03.png") == read(scans / "03.png")).all()


@pytest.mark.parametrize(
    ("option", "said"), [({"corrupt": "ag25"}, "add noise"), ({"fit": "resize"}, "changes the noise")]
)
def test_images_are_denoised_as_they_are(scans: Path, tmp_path: Path, option: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        denoise(scans, tmp_path / "clean", **option, **QUICK)


def test_a_run_of_other_values_is_refused_before_anything_is_trained(
    scans: Path, tmp_path: Path, tiny: dict[str, Any]
) -> None:
    options = {**tiny, "image_size": 16, "iterations": 4}
    for _ in train(TrainConfig(setting=str(scans), model="sinrgan1", out=tmp_path / "run", fit="crop", **options)):
        pass
    np.save(tmp_path / "others.npy", np.arange(4800, dtype=np.uint16).reshape(3, 40, 40))
    with pytest.raises(UserError, match="uint16"):
        denoise(tmp_path / "others.npy", tmp_path / "clean", by=tmp_path / "run", **QUICK)
