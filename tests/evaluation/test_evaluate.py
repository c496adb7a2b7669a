"""Whole evaluations of small runs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import nrgan as nrgan_package
from conftest import TINY, nrgan
from frechet import closed_form
from nrgan import TrainConfig, TrainedModel, train
from nrgan.data import Shapes
from nrgan.errors import UserError
from nrgan.evaluation.evaluate import Evaluator
from nrgan.evaluation.features import extract, load_features
from nrgan.evaluation.measure import evaluate, select_snapshot
from nrgan.evaluation.metrics import Moments
from nrgan.evaluation.protocol import Protocol, Resources
from nrgan.evaluation.real import read_moments
from nrgan.evaluation.selection import Watch, fid, read_chosen
from nrgan.networks import Generator
from nrgan.runs import read_records
from nrgan.training.plan import Objects
from nrgan.training.prepare import prepare

SMALL = Protocol(("fid",), samples=500, features="random_convolutions")


def copied(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


def test_a_models_images_are_those_of_sample(run: Path) -> None:
    model = TrainedModel.load(run)
    images = np.concatenate(list(model.images(seed=3, n=250, observed=False)))
    exact = Generator.from_pretrained(run).sample(250, seed=3)
    np.testing.assert_allclose(images, exact.astype(float), atol=1)  # single precision, where a value is near an edge
    assert (images != exact).mean() < 1e-3
    part = np.concatenate(list(model.images(seed=3, n=50, observed=False, first=200)))
    np.testing.assert_array_equal(part, images[200:])
    observed = np.concatenate(list(model.images(seed=3, n=250, observed=True)))
    assert (observed != images).any() and observed.shape == images.shape
    assert np.array_equal(observed, np.concatenate(list(model.images(seed=3, n=250, observed=True))))


def test_figures_do_not_depend_on_batches_blocks_or_processes(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TrainedModel.load(copied(run, tmp_path))
    protocol = replace(SMALL, metrics=("fid", "kid", "pr"), against="observed")

    def figures(**options: int) -> list[float]:
        evaluator = Evaluator(protocol, model.about, model.image_size, Resources(**options))  # type: ignore[arg-type]
        return [value for record in evaluator.records(model) for value in record.results.values()]

    first = figures()
    assert figures() == first, "the same number for the same seed, run after run"
    monkeypatch.setattr("nrgan.evaluation.generated._BLOCK", 200)  # several for each process
    assert figures(batch_size=37) == pytest.approx(first, rel=1e-5)
    assert figures(processes=2) == pytest.approx(first, rel=1e-5)


def test_a_model_that_learns_its_noise_is_measured_by_two_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nrgan.evaluation.generated._BLOCK", 300)
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)  # the same path with fewer real images
    out = tmp_path / "run"
    list(train(TrainConfig(setting="shapes-mg25", model="sdnrgan1", out=out, **TINY)))
    for processes in (1, 2):
        options = ("--samples", 600, "--metrics", "fid", "--against", "observed", "--processes", processes)
        done = nrgan("evaluate", out, *options, "--device", "cpu")
        assert done.returncode == 0, done.stderr
    alone, shared = read_records(out)
    assert fid(shared) == pytest.approx(fid(alone), rel=1e-5) and shared.same_question(alone)


def test_lines_say_what_was_measured(run: Path, tmp_path: Path) -> None:
    own = copied(run, tmp_path)
    clean = evaluate(own, SMALL)
    evaluate(own / "snapshots" / "iteration-0000002", replace(SMALL, against="observed"))
    lines = (own / "metric-fid500_full-random_convolutions.jsonl").read_text().splitlines()
    line = json.loads(lines[0])
    assert line["results"] == {"fid[random_convolutions]": fid(clean[0])}
    assert line["samples"] == 500 and line["against"] == "clean" and line["reference_count"] == 50_000
    observed = json.loads((own / "metric-fid500_full-observed-random_convolutions.jsonl").read_text())
    assert observed["iteration"] == 2 and observed["reference"] != line["reference"]
    with (own / "metric-fid500_full-random_convolutions.jsonl").open("a") as file:
        file.write('{"metric": "fid')  # a kill while writing
    assert len(read_records(own)) == 2


def test_fid_agrees_with_features_taken_by_hand(run: Path, tmp_path: Path) -> None:
    own = copied(run, tmp_path)
    value = fid(evaluate(own, SMALL)[0])
    features = load_features("random_convolutions", 16)
    device = TrainedModel.load(own).device
    real = Moments.of(extract(features, Shapes(image_size=16).images(), 500, device)[0])
    generated = Moments.of(extract(features, Generator.from_pretrained(own).sample(500), 500, device)[0])
    # an untrained generator's images are all nearly alike: a last bit that rounds another way moves the figure
    assert value == pytest.approx(closed_form(real, generated), rel=1e-2)


def test_kept_statistics(run: Path, tmp_path: Path) -> None:
    own, cache = copied(run, tmp_path), tmp_path / "cache"
    evaluate(own, SMALL, Resources(cache=cache))
    (kept,) = (cache / "references").glob("*.npz")
    with np.load(kept) as file:
        assert file["count"] == 50_000 and str(file["features"]) == "random_convolutions"
        assert file["sigma"].shape == (416, 416) and file["mu"].dtype == np.float64
    against_kept = replace(SMALL, reference=kept)
    again = evaluate(own, against_kept)
    first = read_records(own)[0]
    assert fid(again[0]) == fid(first)
    with pytest.raises(UserError, match="moments only"):
        evaluate(own, replace(against_kept, metrics=("kid",)))
    for size in (0, 100, kept.stat().st_size // 2):
        cut = tmp_path / "cut.npz"
        cut.write_bytes(kept.read_bytes()[:size])
        with pytest.raises(UserError, match=r"cut\.npz: no statistics .*cut short"):
            evaluate(own, replace(SMALL, reference=cut))
    content = kept.read_bytes()
    for damaged in (content[:100], content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]):
        kept.write_bytes(damaged)
        assert fid(evaluate(own, SMALL, Resources(cache=cache))[0]) == fid(first)
        assert np.load(kept)["count"] == 50_000, "made again"
    np.savez(tmp_path / "other.npz", mu=np.zeros(3), sigma=np.eye(3), count=5)
    with pytest.raises(UserError, match="statistics of 3 features, not of the 416"):
        read_moments(tmp_path / "other.npz", load_features("random_convolutions", 16))


def test_figures_of_another_reference_are_not_mixed_up(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)
    own, cache = copied(run, tmp_path), tmp_path / "cache"
    model = TrainedModel.load(own)
    Evaluator(SMALL, model.about, model.image_size, Resources(cache=cache)).prepare()
    (near,) = (cache / "references").glob("*.npz")
    with np.load(near) as file:
        values = {**file, "mu": file["mu"] + 1}
    far = tmp_path / "far.npz"
    np.savez(far, **values)
    found = {}
    for reference in (None, near, far):
        evaluator = Evaluator(
            replace(SMALL, reference=reference), model.about, model.image_size, Resources(cache=cache)
        )
        assert evaluator.kept(own, model.about.iteration) is None, "the others' figures are not taken for its own"
        found[reference] = evaluator.measure(model)
        assert evaluator.kept(own, model.about.iteration) == found[reference]
        assert evaluator.evaluate(own / "snapshots" / "iteration-0000006") == found[reference]
    assert len(read_records(own)) == 3, "each was measured once"
    assert len({record.reference for (record,) in found.values()}) == 3
    of_none, of_near, of_far = (fid(record) for (record,) in found.values())
    assert of_none == of_near and of_far > of_near + 100


def test_bad_questions(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"400 samples would mean nothing, 417 are needed"):
        evaluate(run, replace(SMALL, samples=400))
    with pytest.raises(UserError, match="classify nothing"):
        evaluate(run, replace(SMALL, metrics=("is",)))
    with pytest.raises(UserError, match="unknown metric 'fidd'"):
        Protocol(("fidd",))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="neither a snapshot"):
        evaluate(tmp_path / "empty", SMALL)
    with pytest.raises(UserError, match="has no snapshots"):
        select_snapshot(tmp_path / "empty", SMALL)
    imported = tmp_path / "imported"
    shutil.copytree(run / "snapshots" / "iteration-0000006", imported)
    (imported / "about.json").write_text("{}")
    (imported / "SHA256SUMS").unlink()
    with pytest.raises(UserError, match="does not say its setting and model; give setting and model"):
        evaluate(imported, SMALL)
    assert evaluate(imported, SMALL, setting="shapes-ag25", model="sinrgan2")[0].iteration == 0


def watched(out: Path, **options: object) -> TrainConfig:
    watching = {"evaluate_every": 2, "evaluate_samples": 420}
    return TrainConfig(**{"setting": "shapes-ag25", "model": "sinrgan2", "out": out} | TINY | watching | options)


def test_training_keeps_its_best(tmp_path: Path) -> None:
    shown = [p.metrics for p in train(watched(tmp_path / "run")) if p.metrics]
    assert len(shown) == 3 and set(shown[0]) == {"fid[random_convolutions]"}
    records = read_records(tmp_path / "run")
    assert [record.iteration for record in records] == [2, 4, 6]
    assert {record.against for record in records} == {"observed"}, "no clean image is used unless asked for"
    chosen = read_chosen(tmp_path / "run")
    assert chosen is not None
    assert fid(chosen.record) == min(fid(record) for record in records)
    assert "no clean image was used" in chosen.reason and "lowest fid[random_convolutions]" in chosen.reason
    model = TrainedModel.load(tmp_path / "run" / "best")
    assert model.about.iteration == chosen.record.iteration and model.run == tmp_path / "run"


def test_evaluating_changes_nothing_that_is_learned(tmp_path: Path) -> None:
    for _ in train(watched(tmp_path / "watched", iterations=3, evaluate_every=1)):
        pass
    for _ in train(watched(tmp_path / "alone", iterations=3, evaluate_every=0)):
        pass
    one, two = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("watched", "alone"))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_a_resumed_run_evaluates_on(tmp_path: Path) -> None:
    for progress in train(watched(tmp_path / "run")):
        if progress.iteration == 3:
            break
    assert [record.iteration for record in read_records(tmp_path / "run")] == [2]
    for _ in train(watched(tmp_path / "run"), resume=True):
        pass
    for _ in train(watched(tmp_path / "whole")):
        pass
    resumed, whole = (read_records(tmp_path / name) for name in ("run", "whole"))
    assert [r.results for r in resumed] == [r.results for r in whole]
    for _ in train(watched(tmp_path / "run"), resume=True):  # complete: nothing is measured again
        pass
    assert len(read_records(tmp_path / "run")) == 3
    for _ in train(
        watched(tmp_path / "run", iterations=2),  # anew
        overwrite=True,
    ):
        pass
    assert len(read_records(tmp_path / "run")) == 1


def test_selecting_among_saved_snapshots(run: Path, tmp_path: Path) -> None:
    own = copied(run, tmp_path)
    found = select_snapshot(own, replace(SMALL, samples=420))
    assert len(found.candidates) == 3 and found.regret is not None and found.regret >= 0
    values = [fid(candidate.observed) for candidate in found.candidates]
    assert fid(found.chosen.observed) == min(values)
    chosen = read_chosen(own)
    assert chosen is not None and chosen.record == found.chosen.observed
    weights = (own / "best" / "model.safetensors").read_bytes()
    assert weights == (found.chosen.snapshot / "model.safetensors").read_bytes()
    lines = len(read_records(own))
    by_clean = select_snapshot(own, replace(SMALL, samples=420), by_clean=True)
    assert by_clean.regret == 0 and len(read_records(own)) == lines, "nothing was measured twice"
    clean = read_chosen(own)
    assert clean is not None and "clean images" in clean.reason and clean.record.against == "clean"


def test_the_verbs(run: Path, tmp_path: Path) -> None:
    own = copied(run, tmp_path)
    done = nrgan("evaluate", own, "--samples", 500, "--metrics", "fid", "pr")
    assert done.returncode == 0, done.stderr
    assert "fid[random_convolutions]" in done.stdout and "recall[random_convolutions]" in done.stdout
    assert "500 samples against 50,000 clean images" in done.stdout
    done = nrgan("select", own, "--samples", 420)
    assert done.returncode == 0 and "regret of the choice" in done.stdout and "kept in" in done.stdout
    done = nrgan("check-noise", own / "best", "--samples", 200)
    assert done.returncode == 0 and (own / "noise-check.png").is_file(), done.stderr
    assert "marginal distance W1" in done.stdout and "samples as observed" in done.stdout
    bad = nrgan("evaluate", tmp_path / "nothing", "--metrics", "fidd")
    assert bad.returncode == 2 and bad.stderr.startswith("error: unknown metric 'fidd'; the nearest are fid")
    bad = nrgan("evaluate", own, "--features", "absent.pt")
    assert bad.returncode == 2 and bad.stderr.startswith("error: --features absent.pt") and "Trace" not in bad.stderr
    bad = nrgan("train", "shapes-ag25", "gan", tmp_path / "new", "--evaluate-every", 5, "--evaluate-features", "x.pt")
    assert bad.returncode == 2 and not (tmp_path / "new").exists(), "refused before anything is written"


def test_verbs_are_functions_too(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)
    own = copied(run, tmp_path)
    (record,) = nrgan_package.evaluate(own, SMALL)
    assert record in read_records(own) and record.iteration == 6
    selection = nrgan_package.select(own, replace(SMALL, samples=420), show_clean=False)
    assert selection.regret is None and (own / "best" / "model.safetensors").is_file()
    (of_best,) = nrgan_package.evaluate(own, SMALL, snapshot="best")
    assert of_best.iteration == selection.chosen.observed.iteration
    check, folder = nrgan_package.check_noise(own, samples=100)
    assert folder == own and check.learned is not None and check.samples == 100


def test_an_evaluation_that_cannot_be_deletes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "run"
    for _ in train(watched(out, evaluate_every=0)):
        pass
    for wrong, message in (({"evaluate_features": "x.pt"}, "no such file"), ({"evaluate_samples": 400}, "416")):
        with pytest.raises(UserError, match=message):
            prepare(watched(out, **wrong), Objects(), overwrite=True)
    np.save(tmp_path / "five.npy", np.random.RandomState(0).randint(0, 256, (500, 16, 16, 5), dtype=np.uint8))
    np.save(tmp_path / "few.npy", np.random.RandomState(0).randint(0, 256, (40, 16, 16, 3), dtype=np.uint8))
    of_rgb = tmp_path / "means.pt"
    blank = torch.zeros((2, 3, 16, 16), dtype=torch.uint8)
    torch.jit.trace(lambda images: images.float().mean(dim=(2, 3)), blank).save(str(of_rgb))
    for name, features, message in (
        ("five", str(of_rgb), "5 channels: these features see grey or RGB images only"),
        ("few", "random_convolutions", "40 real images would mean nothing"),
    ):
        own = watched(out, setting=str(tmp_path / f"{name}.npy"), image_size=None, evaluate_features=features)
        with pytest.raises(UserError, match=message):
            prepare(own, Objects(), overwrite=True)
    assert (out / "snapshots" / "iteration-0000006").is_dir() and (out / "checkpoint.safetensors").is_file()


def test_an_evaluation_that_a_kill_cut_off_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = watched(tmp_path / "run", snapshot_interval=2)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            list(train(config))
    assert read_records(tmp_path / "run") == []
    list(train(config, resume=True))
    assert [record.iteration for record in read_records(tmp_path / "run")] == [2, 4, 6]


def test_best_is_compared_with_its_like(tmp_path: Path) -> None:
    config = watched(tmp_path / "run", snapshot_interval=2, evaluate_every=0, iterations=4)
    list(train(config))
    select_snapshot(tmp_path / "run", replace(SMALL, samples=420), by_clean=True)
    list(train(watched(tmp_path / "run"), resume=True))
    chosen = read_chosen(tmp_path / "run")
    assert chosen is not None
    observed = [record for record in read_records(tmp_path / "run") if record.against == "observed"]
    latest = next(record for record in reversed(observed) if record.iteration == 6)
    if chosen.record.against == "observed":
        assert chosen.record == latest
    else:
        kept = next(record for record in observed if record.iteration == chosen.record.iteration)
        assert fid(latest) > fid(kept)


def test_numbers_that_cannot_be(run: Path, tmp_path: Path) -> None:
    for options in (("--batch-size", 0), ("--processes", 0), ("--seed", 2**64), ("--seed", -1)):
        done = nrgan("evaluate", run, "--samples", 500, *options)
        assert done.returncode == 2 and done.stderr.startswith(f"error: {options[0]} {options[1]}"), done.stderr
    (tmp_path / "file").write_text("")
    done = nrgan("generate", run, "--out", tmp_path / "file")
    assert done.returncode == 2 and "is a file" in done.stderr


def test_without_a_choice_of_metrics_all_that_the_features_can_give(run: Path, tmp_path: Path) -> None:
    path = copied(run, tmp_path)
    done = nrgan("evaluate", path, "--samples", 500, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    labels = {label.partition("[")[0] for record in read_records(path) for label in record.results}
    assert {"fid", "kid_mean", "precision", "recall"} <= labels
