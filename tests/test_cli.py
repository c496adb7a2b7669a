"""The command line as a person meets it: help, dry run, and every mistake answered in one line with exit code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from conftest import PATIENCE, TINY, nrgan_process
from nrgan.cli import main
from nrgan.observation import INVARIANCES, PRIORS
from nrgan.training.config import FLAT, option_name

TINY_OPTIONS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]


def failed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that a wrong command prints."""
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert exit_.value.code == 2
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1, captured.err
    return captured.err


def test_help_names_every_option_without_loading_torch() -> None:
    code = (
        "import sys; from nrgan.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in FLAT:
        assert f"--{option_name(name)}" in done.stdout
    assert "SETTING MODEL OUT" in done.stdout
    assert done.stdout.strip().endswith("False"), "help must not wait for torch"


def test_list_shows_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["list"])
    assert exit_.value.code == 0
    shown = capsys.readouterr().out
    words = ("cifar10pg30_25", "shapes-mix", "sdnrgan3", "ambientgan", *PRIORS, *INVARIANCES)
    assert all(f" {word} " in shown for word in words)


def test_dry_run_prints_the_resolved_configuration_and_stops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["train", "cifar10ag25", "sinrgan1", str(tmp_path / "out"), "--dry-run", "--batch-size", "16"])
    assert exit_.value.code == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["generator_batch_size"] == 32 and shown["discriminator_channels"] == 128
    assert shown["device"] == ("cuda" if torch.cuda.is_available() else "cpu")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cifar10ag52", "gan"], "unknown setting 'cifar10ag52'; the nearest are cifar10ag25"),
        (["cifar10ag25", "sinrgan"], "unknown model 'sinrgan'; the nearest are sinrgan"),
        (["cifar10ag25", "auto"], "MODEL auto: is for images of your own; cifar10ag25 is a setting, name a model"),
        (["cifar10ag25", "sdnrgan1"], "use sdnrgan1 with another, or cifar10ag25 with gan, ambientgan"),
        (["shapes-ag25", "learned"], "--prior none: without --invariances nothing tells noise from image"),
        (["shapes-ag25", "learned", "--dry-run"], "--prior none: without --invariances nothing tells noise from image"),
        (["shapes-ag25", "sinrgan1", "--prior", "gaussian"], "--prior gaussian: is for the model learned"),
        (["shapes-ag25", "gan", "--image-size", "20"], "--image-size 20: must be a multiple of 8"),
        (["shapes-ag25", "gan", "--batch-size", "0"], "--batch-size 0: must be 1 at least"),
        (["shapes-ag25", "gan", "--beta2", "1.5"], "--beta2 1.5: must be less than 1"),
        (["shapes-ag25", "gan", "--data-seed", "99999999"], "--data-seed 99999999: must lie in 0..85898"),
        (["shapes-ag25", "gan", "--seed", str(2**64)], f"--seed {2**64}: must be less than"),
        (["shapes-ag25", "gan", "--batch-size", "60000"], "--batch-size 60000: more than the 50,000 images"),
        (["shapes-ag25", "gan", "--device", "tpu"], "--device tpu: choose auto, cpu, cuda, cuda:N or mps"),
        (["shapes-ag25", "gan", "--resume", "--overwrite"], "--resume and --overwrite: choose one"),
        (
            ["cifar10ag25", "gan", "--data-root", "/nowhere/at/all"],
            "--data-root /nowhere/at/all: there is no such folder",
        ),
    ],
)
def test_mistakes_are_answered_in_one_line(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    setting, model, *options = arguments
    assert words in failed(capsys, "train", setting, model, tmp_path / "out", *options)
    assert not list(tmp_path.iterdir()), "nothing half-written"


def test_it_says_which_version_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0 and capsys.readouterr().out == f"nrgan {version('nrgan')}\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_where_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = failed(capsys, "train", "shapes-ag25", "gan", tmp_path / "out", "--device", "cuda")
    assert "no CUDA GPU is visible" in message and "--device cpu" in message


@pytest.mark.parametrize("arguments", [["train"], ["fly"], ["train", "a", "b", "c", "--colour", "blue"], []])
def test_unknown_words_exit_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_out_that_cannot_be_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    message = failed(capsys, "train", "shapes-ag25", "gan", tmp_path / "file" / "below", *TINY_OPTIONS)
    assert "cannot write" in message or "is a file" in message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_out_without_permission(tmp_path: Path) -> None:
    code = (
        "import os, sys; import nrgan.training.train, nrgan.cli.display; from nrgan.cli import main; os.setuid(65534);"
        "main(['train', 'shapes-ag25', 'gan', sys.argv[1], '--cache-dir', sys.argv[2], *sys.argv[3:]])"
    )
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o755)
    done = subprocess.run(
        [sys.executable, "-c", code, str(locked / "out"), str(cache), *TINY_OPTIONS],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: cannot write {locked / 'out'}") and done.stderr.count("\n") == 1
    assert not list(locked.iterdir())


def test_output_cut_off_by_its_reader_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m nrgan train --help | head -n 2", shell=True, capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr


def test_both_ways_to_start() -> None:
    assert nrgan_process("--help").returncode == 0
    script = Path(sys.executable).with_name("nrgan")
    assert subprocess.run([script, "--help"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        ["bench", "--channels", "2", "--image-size", "8", "--batch-size", "2", "--rounds", "1", "--json"],
        ["compare", "a", "b", "--out"],
        ["report", "a", "--out"],
    ],
)
def test_a_folder_in_the_way_is_left_alone(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("folder", "folder.png"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_text("x")
    out = tmp_path / ("folder.png" if command[0] == "compare" else "folder")
    assert "is a folder; give the name of a file" in failed(capsys, *command, out)
    assert (out / "mine").read_text() == "x"


def test_a_table_in_the_way_is_named_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "table.csv").write_text("mine")
    assert "table.csv: is there already" in failed(capsys, "reproduce", "quick", "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_diagnosis_in_the_way_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "diagnosis.json").write_text("{}")
    assert "diagnosis.json: is there already" in failed(capsys, "diagnose", "shapes-ag25", "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["diagnosis.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_behind_what_is_printed_is_said_in_a_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nrgan", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2 and done.stderr.splitlines() == [
        "error: no space left for what is printed; free some, or print elsewhere"
    ]


def test_what_train_takes_by_its_place_is_no_option_in_its_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images.npy").write_bytes(b"")
    said = failed(capsys, "train", tmp_path / "images.npy", "gan", tmp_path / "images.npy")
    assert f"error: OUT {tmp_path / 'images.npy'}: is the folder of the images" in said
