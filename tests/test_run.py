"""A whole run: what it leaves behind, that it goes on exactly, and how it ends."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from conftest import PATIENCE, TINY, nrgan, nrgan_process
from nrgan import MODELS, Generator, TrainConfig, TrainingDiverged, UserError, train
from nrgan.data import CIFAR10
from nrgan.runs import RunRecorder
from nrgan.runs.log import read_metrics
from nrgan.tensor_files import write_sealed
from nrgan.training.duration import seconds_per_iteration
from nrgan.training.plan import Objects
from nrgan.training.prepare import prepare
from nrgan.training.train import Training


def config(out: Path, **changed: object) -> TrainConfig:
    return TrainConfig(**({"setting": "shapes-ag25", "model": "sinrgan1", "out": out} | TINY | changed))


def training(config: TrainConfig, resume: bool = False, overwrite: bool = False) -> Training:
    return Training(prepare(config, Objects(), resume, overwrite))


def run(out: Path, resume: bool = False, **changed: object) -> Path:
    for _ in train(config(out, **changed), resume=resume):
        pass
    return out


def assert_same_run(one: Path, two: Path) -> None:
    """Networks, averages, optimisers, random state and place, bit for bit; and the lines of losses."""
    a, b = load_file(one / "checkpoint.safetensors"), load_file(two / "checkpoint.safetensors")
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name
    lines = [
        [{k: v for k, v in line.items() if k != "images_per_second"} for line in read_metrics(path / "metrics.jsonl")]
        for path in (one, two)
    ]
    assert lines[0] == lines[1]


def test_the_run_folder(tmp_path: Path) -> None:
    out = run(tmp_path / "run", snapshot_interval=3, sample_interval=3)
    document = json.loads((out / "run.json").read_text())
    assert document["config"]["model"] == "sinrgan1" and document["config"]["seed"] == 0
    assert document["data_key"]["corruption"] == "AdditiveGaussian(level=25)" and document["versions"]["torch"]
    assert "commit" in document
    assert [line["iteration"] for line in read_metrics(out / "metrics.jsonl")] == [2, 4, 6]
    assert list((out / "tensorboard").glob("events.*"))
    names = sorted(path.name for path in (out / "samples").iterdir())
    kinds = [f"iteration-000000{i}-{kind}.png" for i in (3, 6) for kind in ("clean", "noise", "noisy")]
    assert names == [*kinds, "real_noisy.png"]
    picture = np.asarray(Image.open(out / "samples" / "real_noisy.png"))
    assert picture.shape == (160, 160, 3) and picture.std() > 20
    snapshots = sorted(path.name for path in (out / "snapshots").iterdir())
    assert snapshots == ["iteration-0000003", "iteration-0000006"]
    assert not list(out.rglob("*.part"))


def test_snapshots_are_the_averaged_generators(tmp_path: Path) -> None:
    made = training(config(tmp_path / "run"))
    for _ in made.run():
        pass
    generator = Generator.from_pretrained(tmp_path / "run")
    averaged = made.state.averaged.generator.state_dict()
    assert all(torch.equal(value, averaged[name]) for name, value in generator.state_dict().items())
    snapshot = tmp_path / "run" / "snapshots" / "iteration-0000006"
    noise_generator = Generator.from_pretrained(snapshot / "noise_generator")
    learned = made.state.averaged.observer.noise_generator.state_dict()
    assert all(torch.equal(value, learned[name]) for name, value in noise_generator.state_dict().items())
    about = json.loads((snapshot / "about.json").read_text())
    assert (about["iteration"], about["setting"], about["model"]) == (6, "shapes-ag25", "sinrgan1")


def test_the_same_latents_are_shown_every_time(tmp_path: Path) -> None:
    made = training(config(tmp_path / "run"))
    one, two = made.observe_shown(5).parts, made.observe_shown(5).parts
    assert one.keys() == two.keys() == {"clean", "noise", "noisy"}
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_resumes_exactly(tmp_path: Path, model: str) -> None:
    setting = "shapes-p30" if model == "sdnrgan1" else "shapes-ag5-50"
    changed = {"model": model, "setting": setting, "critic_steps": 2}
    whole = run(tmp_path / "whole", **changed)
    for progress in train(config(tmp_path / "parts", **changed)):
        if progress.iteration == 3:  # between two lines of losses
            break
    run(tmp_path / "parts", resume=True, **changed)
    assert_same_run(whole, tmp_path / "parts")


def test_resume_crosses_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nrgan.data import Shapes

    monkeypatch.setattr(Shapes, "open", lambda image_size, *_: Shapes(image_size, count=10))
    whole = run(tmp_path / "whole", iterations=11)
    for progress in train(config(tmp_path / "parts", iterations=11)):
        if progress.iteration == 7:
            break
    run(tmp_path / "parts", resume=True, iterations=11)
    assert_same_run(whole, tmp_path / "parts")


def test_a_longer_run_goes_on_from_a_finished_one(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", iterations=8)
    run(tmp_path / "parts", iterations=6)
    run(tmp_path / "parts", resume=True, iterations=8)
    assert_same_run(whole, tmp_path / "parts")


def test_another_runs_folder_is_refused_or_overwritten(tmp_path: Path) -> None:
    out = run(tmp_path / "run")
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="resume goes on with it, overwrite puts this one in its place"):
        train(config(out))
    with pytest.raises(UserError, match="seed is 0 there and 1 here"):
        train(config(out, seed=1), resume=True)
    with pytest.raises(UserError, match="choose one"):
        train(config(out), resume=True, overwrite=True)
    for _ in train(config(out, seed=1), overwrite=True):
        pass
    assert_same_run(out, run(tmp_path / "fresh", seed=1))
    assert (out / "notes.txt").read_text() == "mine", "only the run's own files are deleted"


def test_a_folder_that_is_no_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "holiday.png").write_bytes(b"")
    for foreign in (None, "{}", '{"config": {"a": 1}, "versions": 2}', "[" * 5000):
        if foreign is not None:
            (tmp_path / "run.json").write_text(foreign)
        for how in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(UserError, match=r"is no run.s folder, but holds .*samples"):
                train(config(tmp_path), **how)
    assert (tmp_path / "samples" / "holiday.png").exists() and (tmp_path / "run.json").read_text() == foreign


def test_the_run_that_is_overwritten_is_kept_until_the_first_checkpoint(tmp_path: Path) -> None:
    out, copy = run(tmp_path / "run", snapshot_interval=3), tmp_path / "copy"
    shutil.copytree(out, copy)
    made = training(config(out, seed=1, snapshot_interval=2), overwrite=True)
    aside = tmp_path / "run.old-1"
    assert made.recorder.earlier == aside and not (out / "checkpoint.safetensors").exists()
    kept = {path.relative_to(aside): path.read_bytes() for path in aside.rglob("*") if path.is_file()}
    assert kept == {p.relative_to(copy): p.read_bytes() for p in copy.rglob("*") if p.is_file() and p.name != ".lock"}
    seen = [aside.exists() for _ in made.run()]
    assert seen[0] and not seen[1], "until the first checkpoint, that of the snapshot"


def test_an_overwriting_run_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    out = run(tmp_path / "run")
    (tmp_path / "run.old-1").mkdir()
    made = training(config(out, seed=1), overwrite=True)
    made.recorder.close()  # it dies before it has learned anything
    assert (tmp_path / "run.old-2" / "checkpoint.safetensors").exists()
    again = training(config(out, seed=1), resume=True)
    assert again.recorder.earlier == tmp_path / "run.old-2", "what goes on knows of it"
    list(again.run())
    assert not (tmp_path / "run.old-2").exists() and (tmp_path / "run.old-1").exists()


@pytest.mark.parametrize("name", ["samples", "metrics.jsonl", "checkpoint.safetensors"])
def test_a_run_whose_files_lead_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    out = run(tmp_path / "run")
    (out / name).rename(tmp_path / "elsewhere")
    (out / name).symlink_to(tmp_path / "elsewhere")
    for how in ({"resume": True}, {"overwrite": True}):
        with pytest.raises(UserError, match=f"its {name} lead elsewhere"):
            train(config(out), **how)


def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    out = run(tmp_path / "run")
    (tmp_path / "victim").write_text("precious")
    (out / ".lock").unlink()
    (out / ".lock").symlink_to(tmp_path / "victim")
    with pytest.raises(UserError, match="cannot write"):
        train(config(out), resume=True)
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("bad", ['{"iteration": 4, "real": 0.', "garbage", "[1]", "\xff\xfe", '{"real": 1.0}'])
def test_a_damaged_line_costs_no_other(tmp_path: Path, bad: str) -> None:
    out = run(tmp_path / "run", log_interval=1)
    path = out / "metrics.jsonl"
    lines = path.read_text().splitlines()
    path.write_bytes("\n".join([*lines[:2], bad, *lines[3:]]).encode("latin-1") + b"\n")
    said = [p.message for p in train(config(out, log_interval=1, iterations=8), resume=True) if p.message]
    assert said == [f"1 damaged lines of {path} were set aside in metrics.damaged.jsonl"]
    assert [line["iteration"] for line in read_metrics(path)] == [1, 2, 4, 5, 6, 7, 8]
    assert len((out / "metrics.damaged.jsonl").read_text().splitlines()) == 1
    assert path.read_text().splitlines()[:2] == lines[:2]


def test_half_a_line_at_the_end_is_no_damage(tmp_path: Path) -> None:
    out = run(tmp_path / "run", log_interval=1)
    with (out / "metrics.jsonl").open("a") as file:
        file.write('{"iteration": 7, "re')
    assert not [p.message for p in train(config(out, log_interval=1, iterations=8), resume=True) if p.message]
    assert [line["iteration"] for line in read_metrics(out / "metrics.jsonl")] == list(range(1, 9))


def test_a_run_killed_before_its_first_checkpoint_begins_again(tmp_path: Path) -> None:
    whole, out = run(tmp_path / "whole"), run(tmp_path / "killed")
    (out / "checkpoint.safetensors").unlink()
    with pytest.raises(UserError, match="has lost checkpoint"):  # not a kill's doing: its snapshots are precious
        train(config(out), resume=True)
    shutil.rmtree(out / "snapshots")
    assert_same_run(whole, run(out, resume=True))


def test_a_run_killed_between_checkpoint_and_snapshot_makes_the_snapshot(tmp_path: Path) -> None:
    out = run(tmp_path / "run", snapshot_interval=3)
    shutil.rmtree(out / "snapshots")
    (out / "snapshots").mkdir()
    run(out, resume=True, snapshot_interval=3)
    assert [path.name for path in (out / "snapshots").iterdir()] == ["iteration-0000006"]


@pytest.mark.parametrize(
    "changed", [{"checkpoint_minutes": 0}, {"snapshot_interval": 6, "sample_interval": 4}, {"sample_interval": 5}]
)
def test_the_end_is_always_shown_and_kept(tmp_path: Path, changed: dict[str, object]) -> None:
    out = run(tmp_path / "run", **changed)
    assert (out / "samples" / "iteration-0000006-clean.png").exists()
    assert (out / "snapshots" / "iteration-0000006" / "model.safetensors").exists()


def test_a_run_stopped_at_its_very_end_is_completed(tmp_path: Path) -> None:
    for progress in train(config(tmp_path / "run")):
        if progress.iteration == 6:
            break
    run(tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "snapshots" / "iteration-0000006" / "model.safetensors").exists()


def test_resume_begins_where_there_is_nothing(tmp_path: Path) -> None:
    assert_same_run(run(tmp_path / "one", resume=True), run(tmp_path / "two"))


@pytest.mark.parametrize("damage", ["cut", "empty", "other", "another width", "another model", "other data"])
def test_a_damaged_checkpoint_is_refused_and_left_alone(tmp_path: Path, damage: str) -> None:
    out = run(tmp_path / "run")
    checkpoint = out / "checkpoint.safetensors"
    others = {
        "another width": {"channels": 8},
        "another model": {"model": "sinrgan2"},
        "other data": {"setting": "shapes-u50"},
    }
    if damage in others:
        other = run(tmp_path / "other", **others[damage])
        content = (other / "checkpoint.safetensors").read_bytes()
    else:
        content = {"cut": checkpoint.read_bytes()[:1000], "empty": b"", "other": b"\0" * 5000}[damage]
    checkpoint.write_bytes(content)
    (out / "checkpoint.earlier.safetensors").unlink(missing_ok=True)
    with pytest.raises(UserError, match=r"checkpoint\.safetensors(: is damaged or cut short| is of another)"):
        train(config(out, iterations=9), resume=True)
    assert checkpoint.read_bytes() == content


def flip(path: Path) -> None:
    """Changes one byte of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    whole, out = (run(tmp_path / name, snapshot_interval=2, log_interval=1) for name in ("whole", "run"))
    flip(out / "checkpoint.safetensors")
    shutil.rmtree(out / "snapshots" / "iteration-0000006" / "discriminator")
    prepared = prepare(config(out, snapshot_interval=2, log_interval=1), Objects(), resume=True)
    (note,) = prepared.notes()
    assert "is damaged" in note and "going on from the checkpoint before, of iteration 4" in note
    assert prepared.state.iteration == 4
    list(Training(prepared).run())
    assert_same_run(out, whole)
    assert (out / "checkpoint.damaged.safetensors").exists()
    later = [json.loads(line)["iteration"] for line in (out / "metrics.later.jsonl").read_text().splitlines()]
    assert later == [5, 6]
    for snapshot in ("iteration-0000004", "iteration-0000006"):
        sums = [(folder / "snapshots" / snapshot / "SHA256SUMS").read_text().splitlines() for folder in (whole, out)]
        assert sums[0] == sums[1] and len(sums[0]) == 6, "made again, to the same bits"


def test_with_both_checkpoints_damaged_a_run_is_left_as_it_is(tmp_path: Path) -> None:
    out = run(tmp_path / "run", snapshot_interval=2)
    for name in ("checkpoint.safetensors", "checkpoint.earlier.safetensors"):
        flip(out / name)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"checkpoint\.safetensors: is damaged.*there is no other to go on from"):
        train(config(out, snapshot_interval=2, iterations=9), resume=True)
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_kill_between_the_two_names_of_a_checkpoint(tmp_path: Path) -> None:
    whole, out = (run(tmp_path / name, snapshot_interval=2) for name in ("whole", "run"))
    (out / "checkpoint.safetensors").unlink()
    run(out, resume=True, snapshot_interval=2)
    assert_same_run(out, whole)
    assert not (out / "checkpoint.damaged.safetensors").exists() and not (out / "metrics.later.jsonl").exists()


def rewritten(path: Path, about: dict[str, object], tensors: dict[str, torch.Tensor | None]) -> None:
    """A sealed checkpoint with other contents: what a hostile hand makes, not damage."""
    with safe_open(path, framework="pt") as file:
        document = {**json.loads(file.metadata()["nrgan"]), **about}
    changed = load_file(path) | {name: value for name, value in tensors.items() if value is not None}
    changed = {name: value for name, value in changed.items() if name not in tensors or tensors[name] is not None}
    write_sealed(changed, {"nrgan": json.dumps(document)}, path)


@pytest.mark.parametrize(
    ("about", "tensors"),
    [
        ({"iteration": -5}, {}),
        ({"iteration": True}, {}),
        ({"iteration": "4"}, {}),
        ({"epoch": -1}, {}),
        ({"position": 10**18}, {}),
        ({"position": None}, {}),
        ({"format": "3"}, {}),
        ({"device": 3}, {}),
        ({"run": []}, {}),
        ({}, {"generator_adam/generator.start.bias/exp_avg": torch.zeros(3)}),
        ({}, {"generator_adam/generator.start.bias/exp_avg": None}),
        ({}, {"generator_adam/generator.start.bias/step": torch.zeros(7)}),
        ({}, {"generators/generator.start.bias": torch.zeros(64, dtype=torch.float64)}),
        ({}, {"averaged/generator.start.bias": torch.full((16,), float("nan"))}),
        ({}, {"losses/values": torch.zeros(10**6, 4)}),
        ({}, {"rng": torch.zeros(9, dtype=torch.uint8)}),
        ({}, {"more": torch.zeros(1)}),
    ],
)
def test_a_checkpoint_of_other_contents_is_refused_before_it_is_used(
    tmp_path: Path, about: dict[str, object], tensors: dict[str, torch.Tensor | None]
) -> None:
    out = run(tmp_path / "run", iterations=5)
    (out / "checkpoint.earlier.safetensors").unlink(missing_ok=True)
    path = out / "checkpoint.safetensors"
    rewritten(path, {}, {})
    run(out, resume=True, iterations=5)
    rewritten(path, about, tensors)
    content = path.read_bytes()
    with pytest.raises(UserError, match=r"checkpoint\.safetensors: "):
        train(config(out, iterations=9), resume=True)
    assert path.read_bytes() == content


def test_damage_in_the_cached_images_stops_the_run_and_it_goes_on(tmp_path: Path) -> None:
    cache, whole = tmp_path / "cache", run(tmp_path / "whole", iterations=40)
    changed = {"cache_dir": cache, "iterations": 40}
    steps = train(config(tmp_path / "run", **changed))
    next(steps)
    steps.close()
    (file,) = (cache / "noisy").glob("*.npy")
    content = bytearray(file.read_bytes())
    for image in range(0, 50_000, 1000):
        content[-1 - image * 3 * 16 * 16 * 4] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"images .* are damaged; it has been removed"):
        run(tmp_path / "run", resume=True, **changed)
    assert_same_run(run(tmp_path / "run", resume=True, **changed), whole)


@pytest.mark.parametrize("iterations", [1, 2])
def test_a_run_of_the_command_that_ended_at_once_goes_on(tmp_path: Path, iterations: int) -> None:
    """The command tries how long an iteration takes before it begins, which leaves moments of zero behind."""
    options = [f"--{k.replace('_', '-')}={v}" for k, v in (TINY | {"log_interval": 1}).items()]
    for out, ends in (("whole", [4]), ("parts", [iterations, 4])):
        for end in ends:
            command = ("train", "shapes-ag25", "sinrgan1", tmp_path / out, *options, "--iterations", end, "--resume")
            done = nrgan(*command)
            assert done.returncode == 0, done.stderr
    assert_same_run(tmp_path / "parts", tmp_path / "whole")


def test_a_checkpoint_before_the_first_iteration_goes_on(tmp_path: Path) -> None:
    made = training(config(tmp_path / "run"))
    seconds_per_iteration(made.state, made.plan)
    made.save_checkpoint()
    made.recorder.close()
    assert_same_run(run(tmp_path / "run", resume=True), run(tmp_path / "whole"))


def test_a_checkpoint_that_cannot_be_read_is_not_set_aside(tmp_path: Path) -> None:
    out = run(tmp_path / "run", snapshot_interval=2)
    (out / "checkpoint.safetensors").unlink()
    (out / "checkpoint.safetensors").mkdir()
    with pytest.raises(UserError, match=r"checkpoint\.safetensors: cannot be read"):
        run(out, resume=True, snapshot_interval=2, iterations=9)
    assert (out / "checkpoint.safetensors").is_dir() and not (out / "checkpoint.damaged.safetensors").exists()


def test_a_checkpoint_of_another_format_is_said_to_be_one(tmp_path: Path) -> None:
    out = run(tmp_path / "run")
    path = out / "checkpoint.safetensors"
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["nrgan"]) | {"format": 2}
    save_file(load_file(path), path, {"nrgan": json.dumps(about)})
    (out / "checkpoint.earlier.safetensors").unlink(missing_ok=True)
    with pytest.raises(UserError, match=r"a checkpoint of format 2; this version reads 3"):
        run(out, resume=True)


def test_a_run_folder_that_is_removed_is_one_clear_end(tmp_path: Path) -> None:
    steps = train(config(tmp_path / "run", iterations=50, snapshot_interval=5))
    with pytest.raises(UserError, match="run: has been moved or removed while it was trained; nothing more is written"):
        for progress in steps:
            if progress.iteration == 3:
                shutil.rmtree(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_losses_whose_file_is_removed_stop_the_run_and_it_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(UserError, match=r"metrics\.jsonl: has been removed while it was written; resume"):
        for progress in train(config(out)):
            if progress.iteration == 3:
                (out / "metrics.jsonl").unlink()
    run(out, resume=True)
    assert [line["iteration"] for line in read_metrics(out / "metrics.jsonl")] == [6]


def test_an_iteration_that_is_too_large_says_which_options_make_it_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = train(config(tmp_path / "run"))
    next(steps)

    def too_large(*_: object) -> None:
        torch.empty(2**60)

    monkeypatch.setattr("nrgan.training.loop.single_iteration", too_large)
    with pytest.raises(UserError, match=r"not enough memory for an iteration \(.*take smaller batches, more parts"):
        list(steps)


def test_losses_that_are_not_finite_stop_the_run(tmp_path: Path) -> None:
    out = tmp_path / "run"
    made = training(config(out, iterations=50, log_interval=4, checkpoint_minutes=0))
    with pytest.raises(TrainingDiverged) as caught:
        for progress in made.run():
            if progress.iteration == 9:
                with torch.no_grad():
                    made.state.discriminator.finish.bias.fill_(float("nan"))
    message = str(caught.value)
    assert message.startswith("iteration 10: the losses are not finite")
    assert "real nan" in message and f"{out / 'checkpoint.safetensors'} of iteration 9" in message
    # what is on disk is good, and goes on
    run(out, resume=True, iterations=12, log_interval=4, checkpoint_minutes=0)


def test_a_state_that_is_not_finite_is_never_saved(tmp_path: Path) -> None:
    made = training(config(tmp_path / "run", checkpoint_minutes=0))
    with pytest.raises(
        TrainingDiverged, match=r"iteration 5: discriminator/finish\.bias is not finite.*of iteration 4"
    ):
        for progress in made.run():
            if progress.iteration == 4:  # as an update would: the losses so far are fine
                moments = made.state.discriminator_adam.state[made.state.discriminator.finish.bias]
                moments["exp_avg_sq"].fill_(float("nan"))
    run(tmp_path / "run", resume=True, checkpoint_minutes=0)


def test_going_on_on_another_device_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for progress in train(config(tmp_path / "run")):
        if progress.iteration == 3:
            break
    path = tmp_path / "run" / "checkpoint.safetensors"
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["nrgan"]) | {"device": "cuda"}
    tensors = load_file(path) | {"rng": torch.zeros(16, dtype=torch.uint8)}  # the size of a GPU's random state
    write_sealed(tensors, {"nrgan": json.dumps(about)}, path)
    made = prepare(config(tmp_path / "run"), Objects(), resume=True)
    assert made.state.iteration == 3 and any("another kind of device" in note for note in made.notes())


def test_a_full_disk_while_training_is_said(tmp_path: Path) -> None:
    options = [f"--{k.replace('_', '-')}={v}" for k, v in (TINY | {"iterations": 5000, "log_interval": 1}).items()]
    prepared = nrgan_process("train", "shapes-ag25", "gan", tmp_path / "first", *options, "--iterations=1")
    assert prepared.returncode == 0
    code = (
        "import resource, sys; from nrgan.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "shapes-ag25", "gan", str(tmp_path / "run"), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 2, done.stderr
    assert "error: no space left to write" in done.stderr and "Traceback" not in done.stderr


def test_a_collapse_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nrgan.training.train._HEALTH_INTERVAL", 1)
    changed = {"iterations": 40, "log_interval": 1, "ema_decay": 0.5, "generator_learning_rate": 1e-9}
    made = training(config(tmp_path / "run", **changed))
    with torch.no_grad():  # a generator that makes one grey image
        for pair in (made.state.generators, made.state.averaged):
            pair.generator.finish.weight.zero_()
    messages = [progress.message for progress in made.run() if progress.message]
    assert len(messages) == 1 and "nearly all alike" in messages[0]
    logged = [line["warning"] for line in read_metrics(tmp_path / "run" / "metrics.jsonl") if "warning" in line]
    assert logged == messages


def test_nothing_is_written_where_a_run_cannot_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CIFAR10, "download", replace(CIFAR10.download, url="http://127.0.0.1:9/refused.tar.gz"))
    with pytest.raises(UserError, match=r"cannot be downloaded .*holds neither"):
        train(TrainConfig(setting="cifar10ag25", model="gan", out=tmp_path / "run", data_root=tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        train(config(tmp_path / "file"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_save_and_exit(tmp_path: Path, number: signal.Signals) -> None:
    options = [f"--{k.replace('_', '-')}={v}" for k, v in (TINY | {"iterations": 100_000}).items()]
    command = [sys.executable, "-m", "nrgan", "train", "shapes-ag25", "sinrgan1", str(tmp_path / "run"), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "run" / "metrics.jsonl").exists() or not read_metrics(tmp_path / "run" / "metrics.jsonl"):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number and not errors
    assert "saved; go on with --resume" in output
    reached = int(output.split("stopped at iteration ")[1].split(",")[0].replace(",", ""))
    whole = run(tmp_path / "whole", iterations=reached)
    assert_same_run(tmp_path / "run", whole)


def test_a_real_run_of_the_command(tmp_path: Path) -> None:
    options = [f"--{k.replace('_', '-')}={v}" for k, v in TINY.items()]
    done = nrgan_process("train", "shapes-mix", "ambientgan", tmp_path / "run", *options)
    assert done.returncode == 0, done.stderr
    assert "training ambientgan on shapes-mix" in done.stdout and "iteration 6/6" in done.stdout
    assert "done: 6 iterations" in done.stdout and "iteration-0000006-clean.png" in done.stdout
    again = nrgan_process("train", "shapes-mix", "ambientgan", tmp_path / "run", "--resume", *options)
    assert again.returncode == 0 and "was complete at iteration 6" in again.stdout


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_on_the_real_cifar10(cifar10_root: Path, tmp_path: Path, model: str) -> None:
    setting = "cifar10mg25" if model.startswith("sd") else "cifar10ag25"
    out = tmp_path / "run"
    changed = {"setting": setting, "model": model, "image_size": 32, "data_root": cifar10_root}
    run(out, **changed, iterations=4)
    assert Generator.from_pretrained(out).sample(2).shape == (2, 32, 32, 3)
    assert all(np.isfinite(v) for line in read_metrics(out / "metrics.jsonl") for v in line.values())


def test_a_checkpoint_of_another_precision_says_which_goes_on(tmp_path: Path) -> None:
    out = run(tmp_path / "run", precision="float32")
    with pytest.raises(UserError, match=r"precision is 'float32' there and 'bfloat16' here; precision float32 goes on"):
        train(config(out, precision="bfloat16"), resume=True)
    refused = nrgan("train", "shapes-ag25", "sinrgan1", out, "--resume", "--precision=bfloat16", *_options())
    assert refused.returncode == 2 and refused.stderr.endswith("; --precision float32 goes on\n")


def test_the_expected_duration_and_the_processor_are_said(tmp_path: Path) -> None:
    done = nrgan("train", "shapes-ag25", "gan", tmp_path / "run", *_options())
    assert done.returncode == 0 and "expected to take about" in done.stdout, done.stderr
    from nrgan.training.processor import processor

    document = json.loads((tmp_path / "run" / "run.json").read_text())
    assert document["processor"] == processor().describe() and processor().name in document["device"]


def _options() -> list[str]:
    return [f"--{k.replace('_', '-')}={v}" for k, v in TINY.items()]


def test_a_run_that_was_trained_on_meanwhile_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process trains on between the reading of the checkpoint and the taking of the folder."""
    out = run(tmp_path / "run")
    restore = RunRecorder.restore

    def slow(recorder: RunRecorder, state: object) -> bool:
        exact = restore(recorder, state)
        monkeypatch.setattr(RunRecorder, "restore", restore)
        run(out, resume=True, iterations=8)
        return exact

    monkeypatch.setattr(RunRecorder, "restore", slow)
    with pytest.raises(UserError, match="was trained on meanwhile"):
        train(config(out, iterations=10), resume=True)
    assert read_metrics(out / "metrics.jsonl")[-1]["iteration"] == 8


def test_going_on_amid_an_epoch_updates_the_discriminator_as_often_as_it_says(tmp_path: Path) -> None:
    """The measured iteration has an order of its own: the run's place may lie beyond its single batch."""
    from nrgan.training.duration import seconds_per_iteration

    made = training(config(tmp_path / "run", iterations=6))
    steps = made.run()
    for _ in range(4):
        next(steps)
    assert made.state.place.position > 2 * made.config.schedule.batch_size
    before = {name: value.clone() for name, value in made.state.tensors().items()}
    updates = [0]
    adam = made.state.discriminator_adam
    hook = adam.register_step_post_hook(lambda *_: updates.__setitem__(0, updates[0] + 1))
    seconds_per_iteration(made.state, made.plan)
    hook.remove()
    assert updates[0] <= 3 * made.config.schedule.critic_steps
    assert all(torch.equal(made.state.tensors()[name], value) for name, value in before.items())
    steps.close()


def test_figures_of_the_users_own_are_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "metric-mine.jsonl").write_text("precious")
    for how in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(UserError, match=r"is no run.s folder, but holds metric-mine.jsonl"):
            train(config(tmp_path), **how)
    assert (tmp_path / "metric-mine.jsonl").read_text() == "precious"


def test_a_run_that_is_stopped_keeps_the_earlier_one(tmp_path: Path) -> None:
    out, aside = run(tmp_path / "run"), tmp_path / "run.old-1"
    steps = training(config(out, seed=1, iterations=6), overwrite=True).run()
    next(steps)
    steps.close()
    assert (out / "checkpoint.safetensors").exists() and (aside / "checkpoint.safetensors").exists()
    assert json.loads((out / "run.json").read_text())["earlier"] == "run.old-1"
    list(train(config(out, seed=1, iterations=6), resume=True))
    assert not aside.exists() and json.loads((out / "run.json").read_text())["earlier"] is None


def test_a_copy_of_the_users_named_like_ours_is_left_alone(tmp_path: Path) -> None:
    out = run(tmp_path / "run")
    list(train(config(out, seed=1), overwrite=True))
    copy = tmp_path / "run.old-1"
    assert not copy.exists()
    shutil.copytree(out, copy)
    run(out, resume=True, seed=1, iterations=8)
    assert (copy / "checkpoint.safetensors").exists() and (copy / "run.json").exists()


def test_an_earlier_run_that_cannot_be_removed_stops_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from nrgan.runs import recorder

    def refuse(earlier: Path) -> None:
        raise UserError(f"cannot write {earlier}")

    out = run(tmp_path / "run")
    monkeypatch.setattr(recorder, "discard", refuse)
    list(train(config(out, seed=1), overwrite=True))
    assert "the earlier run stays in" in caplog.text and (tmp_path / "run.old-1").exists()


def test_a_run_that_began_meanwhile_is_not_put_aside(tmp_path: Path) -> None:
    out = tmp_path / "run"
    late = RunRecorder(out)
    run(out)
    late.check({}, {})
    with pytest.raises(UserError, match="holds a run already"):
        late.begin({}, {}, 0)
    assert (out / "checkpoint.safetensors").exists() and not (tmp_path / "run.old-1").exists()
