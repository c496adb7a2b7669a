"""`learned`: composed by names, trained, gone on with, and had back from what the run keeps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from conftest import TINY, nrgan
from nrgan import Generator, TrainConfig, TrainedModel, UserError, evaluate, train
from nrgan.data import Shapes
from nrgan.evaluation.measure import select_snapshot
from nrgan.evaluation.noise_check import check_noise
from nrgan.evaluation.protocol import Protocol, Resources
from nrgan.layout import ABOUT, BEST, CHECKPOINT, find_snapshot
from nrgan.manifest import write_manifest
from nrgan.models import LEARNED, find_model
from nrgan.networks import sizes_of
from nrgan.observation import INVARIANCES, PRIORS, Composition, compose
from nrgan.runs import read_config
from nrgan.settings import SETTINGS
from nrgan.training.recorded import as_recorded

COMPOSED = {"prior": "row-stripes", "invariances": "half-turns,shuffle-rows,invert", "implicit": True}


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shapes, "open", lambda image_size, *_: Shapes(image_size, count=450))


def config(out: Path, **changed: object) -> TrainConfig:
    own = {"setting": "shapes-ag25", "model": LEARNED, "snapshot_interval": 3, "out": out}
    return TrainConfig(**(own | TINY | changed))


def run(out: Path, stop: int | None = None, resume: bool = False, **changed: object) -> Path:
    for progress in train(config(out, **changed), resume=resume):
        if progress.iteration == stop:
            break
    return out


def test_a_run_goes_on_without_its_composition_and_is_the_run_in_one(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", **COMPOSED)
    parts = run(tmp_path / "parts", stop=3, **COMPOSED)
    for wrong in ({"prior": "gaussian"}, {**COMPOSED, "implicit": False}, {**COMPOSED, "invariances": "invert"}):
        with pytest.raises(UserError, match=r"is of another configuration: .*(prior|implicit|invariances) is '?"):
            train(config(parts, **wrong), resume=True)
    run(parts, resume=True)
    one, two = (load_file(out / CHECKPOINT) for out in (whole, parts))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    assert {name: read_config(parts)[name] for name in COMPOSED} == COMPOSED


def test_auto_that_was_composed_is_composed_so_again(tmp_path: Path) -> None:
    out = tmp_path / "run"
    recorded = config(out, **COMPOSED).plain()
    for leaving in (config(out, setting=str(tmp_path), model="auto"), config(out)):
        again = as_recorded(leaving, recorded)
        assert again.model == LEARNED and again.observation == config(out, **COMPOSED).observation
    said = config(out, prior="gaussian", network="resnet")
    assert as_recorded(said, recorded) == said, "what is said is not replaced"


@pytest.mark.parametrize("prior", PRIORS)
def test_every_prior_trains_and_is_had_back(prior: str, tmp_path: Path) -> None:
    out = run(tmp_path / "run", iterations=3, prior=prior, invariances="invert")
    observer = TrainedModel.load(out).pair.observer
    law = PRIORS[prior].prior
    assert observer.prior == law and observer.invariances == (INVARIANCES["invert"].transform,)
    assert sizes_of(observer.noise_generator).image_channels == 3 * (law.maps if law is not None else 1)


def test_every_verb_knows_it_from_what_the_run_keeps(tmp_path: Path) -> None:
    out, resources = run(tmp_path / "run", **COMPOSED), Resources(device=torch.device("cpu"))
    model = TrainedModel.load(out)
    assert model.about.composition == Composition(**COMPOSED) and model.sampler is not None
    assert np.array_equal(Generator.from_pretrained(out).sample(3), model.sample(3))
    protocol = Protocol(("fid",), 450, "observed")
    assert evaluate(out, protocol, resources)[0].results.keys() == {"fid[random_convolutions]"}
    select_snapshot(out, protocol, resources, show_clean=False)
    assert TrainedModel.load(out / BEST).about.composition == Composition(**COMPOSED)
    check = check_noise(model, resources, 100)
    assert check.model == LEARNED and check.learned is not None
    # Gₙ makes nine maps for three channels, and what is written is noise of the images' own shape
    made = nrgan("generate", out, "--out", tmp_path / "made", "--count", 2, "--with", "noise")
    assert made.returncode == 0, made.stderr


def test_the_whole_of_it_by_the_command_line(tmp_path: Path) -> None:
    first = config(tmp_path / "run", **COMPOSED)
    assert nrgan("train", *first.command_line()).returncode == 0
    assert {name: read_config(tmp_path / "run")[name] for name in COMPOSED} == COMPOSED
    longer = config(tmp_path / "run", iterations=8)
    said = nrgan("train", *longer.command_line(), "--resume")
    assert said.returncode == 0 and not {"--prior", "--invariances"} & {*longer.command_line()}
    shown = nrgan("train", *longer.command_line(), "--resume", "--dry-run")
    assert json.loads(shown.stdout)["prior"] == COMPOSED["prior"]


def test_snapshots_that_say_nothing_of_it_are_as_before_and_nonsense_is_refused(tmp_path: Path) -> None:
    out = run(tmp_path / "run", model="sinrgan1")
    folder = find_snapshot(out)
    about = json.loads((folder / ABOUT).read_text())

    def load(**changed: object) -> TrainedModel:
        (folder / ABOUT).write_text(json.dumps({**about, **changed}))
        write_manifest(folder)
        return TrainedModel.load(folder)

    before = load().sample(2)
    about = {name: value for name, value in about.items() if name not in COMPOSED}
    assert np.array_equal(load().sample(2), before), "as version 0.2 wrote it"
    assert load(model=LEARNED, prior="gaussian").sampler is not None, "which is what sinrgan1 is"
    with pytest.raises(UserError, match="nothing tells noise from image"):
        load(model=LEARNED)
    with pytest.raises(UserError, match="unknown prior 'no'"):
        load(model=LEARNED, prior="no")
    with pytest.raises(UserError, match="invariances 3: give a text"):
        load(model=LEARNED, invariances=3)
    with pytest.raises(UserError, match="is of another network"):
        load(model=LEARNED, prior="row-stripes")
    shutil.rmtree(out)


def test_a_published_model_is_a_composition_bit_for_bit(tmp_path: Path) -> None:
    named, composed = run(tmp_path / "named", model="sinrgan1"), run(tmp_path / "composed", prior="gaussian")
    one, two = (load_file(out / CHECKPOINT) for out in (named, composed))
    assert all(torch.equal(one[name], two[name]) for name in one)
    order = ("quarter-turns", "permute-channels", "invert-channels")
    assert compose(invariances=order).invariances == find_model("sinrgan2", SETTINGS["shapes"]).invariances


def test_names_are_taken_as_a_text_or_a_list(tmp_path: Path) -> None:
    said = [config(tmp_path, invariances=value) for value in ("flips,shifts", "flips, shifts", ("flips", "shifts"))]
    words = said[0].command_line()
    assert said[0] == said[1] == said[2] and words[words.index("--invariances") + 1] == "flips,shifts"
    assert config(tmp_path, prior="gaussian", invariances=()) == config(tmp_path, prior="gaussian")


def test_what_is_composed_says_what_must_hold() -> None:
    model = compose("gaussian", ("flips", "invert"), implicit=True)
    held = (PRIORS["gaussian"], INVARIANCES["flips"], INVARIANCES["invert"])
    assert model.knowledge == "; ".join(f"it {row.holds}" for row in held) and model.implicit
