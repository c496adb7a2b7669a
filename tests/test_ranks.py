"""Runs of several ranks as users start them: what one leaves, and what is said and kept when one of them dies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from conftest import PATIENCE, TINY
from nrgan.cli.launch import wanted
from nrgan.errors import UserError
from nrgan.runs import read_records
from nrgan.runs.log import read_metrics

OPTIONS = {**TINY, "log_interval": 1, "checkpoint_minutes": 0, "snapshot_interval": 10**6, "sample_interval": 10**6}
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


def train(out: Path, iterations: int, *words: str) -> list[str]:
    options = [f"--{k.replace('_', '-')}={v}" for k, v in (OPTIONS | {"iterations": iterations}).items()]
    return ["-m", "nrgan", "train", "shapes-ag25", "sinrgan1", str(out), *options, "--device=cpu", *words]


def begin(command: list[str]) -> subprocess.Popen[str]:
    # one thread, as torchrun gives: sums of as many threads are the same to the bit
    # and a process that is aborted says where
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def wait_for_iteration(out: Path, iteration: int) -> None:
    deadline, path = time.monotonic() + PATIENCE, out / "metrics.jsonl"
    while not path.exists() or len(read_metrics(path)) < iteration:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ranks_of(parent: int) -> list[int]:
    """The processes that train, in the order of their start."""
    listed = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=True).stdout
    return [int(number) for number in listed.split()]


def weights(out: Path) -> dict[str, object]:
    (newest,) = (out / "snapshots").iterdir()
    return load_file(newest / "model.safetensors")


def same_weights(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)  # type: ignore[attr-defined]


def losses(out: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if k != "images_per_second"} for line in read_metrics(out / "metrics.jsonl")]


def test_numbers_of_ranks() -> None:
    assert wanted("3", "cpu").count == 3 and not wanted("3", "cpu").choose
    assert wanted("auto", "cpu").choose
    for bad in ("0", "-1", "two", "1.5", "9999"):
        with pytest.raises(UserError, match="give a whole number from 1 to 1024, or auto"):
            wanted(bad, "cpu")


def test_what_ranks_cannot_share_is_one_line(tmp_path: Path) -> None:
    process = begin([sys.executable, *train(tmp_path / "run", 4, "--ranks=3", "--batch-size=2")])
    code, said = ended(process)
    assert code == 2 and said.count("\n") == 1
    assert said.startswith("error: --batch-size 2: has no image for each on 3 ranks")
    assert not (tmp_path / "run").exists()


def test_other_verbs_are_for_one_process(tmp_path: Path) -> None:
    code, said = ended(begin([*TORCHRUN, "-m", "nrgan", "list"]))
    assert code and said.count("error: list: is for one process") == 1


@pytest.mark.slow
def test_a_killed_rank_ends_the_others_with_one_message(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = begin([sys.executable, *train(out, 10**6, "--ranks=2")])
    wait_for_iteration(out, 3)
    others = ranks_of(process.pid)
    os.kill(others[1], signal.SIGKILL)
    code, said = ended(process)
    assert code == 1 and said.count("error:") == 1
    assert "rank 1 of 2 was ended by SIGKILL; the others have stopped too" in said
    for other in others:
        with pytest.raises(ProcessLookupError):
            os.kill(other, 0)
    # and it goes on, with another number of ranks
    reached = read_metrics(out / "metrics.jsonl")[-1]["iteration"]
    code, said = ended(begin([sys.executable, *train(out, reached + 3, "--resume")]))
    assert code == 0, said
    assert [line["iteration"] for line in losses(out)] == list(range(1, reached + 4))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_saves_once_and_ends_all(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "run"
    process = begin([sys.executable, *train(out, 10**6, "--ranks=2", "--checkpoint-minutes=60")])
    wait_for_iteration(out, 3)
    process.send_signal(number)
    code, said = ended(process)
    assert (code, said) == (128 + number, "")
    assert (out / "checkpoint.safetensors").exists() and not (out / "checkpoint.earlier.safetensors").exists()


@pytest.mark.slow
def test_ranks_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = begin([sys.executable, *train(out, 10**6, "--ranks=2")])
    wait_for_iteration(out, 3)
    others = ranks_of(process.pid)
    process.kill()
    deadline = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{other}").exists() for other in others):
        assert time.monotonic() < deadline, "orphans train on"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_rank_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = begin([sys.executable, *train(out, 30, "--ranks=2")])
    wait_for_iteration(out, 3)
    away = ranks_of(process.pid)[1]
    os.kill(away, signal.SIGSTOP)
    time.sleep(10)
    assert process.poll() is None
    os.kill(away, signal.SIGCONT)
    code, said = ended(process)
    assert code == 0, said
    assert [line["iteration"] for line in losses(out)] == list(range(1, 31))


@pytest.mark.slow
def test_a_script_of_ones_own_under_torchrun(tmp_path: Path) -> None:
    options = {**OPTIONS, "iterations": 5, "setting": "shapes-ag25", "model": "sinrgan1", "out": str(tmp_path / "run")}
    script = tmp_path / "script.py"
    # a file a rank: what two processes print at once can come out mingled
    script.write_text(
        "import atexit, os, pathlib, nrgan\n"
        "from nrgan import ranks\n"
        "def say(name, words):\n"
        f"    pathlib.Path({str(tmp_path)!r}, name + os.environ['RANK']).write_text(words)\n"
        "def threads():\n"
        "    return ' '.join(map(name_of, pathlib.Path('/proc/self/task').iterdir()))\n"
        "def name_of(thread):\n"
        "    try:\n"
        "        return (thread / 'comm').read_text()\n"
        "    except OSError:\n"  # it has ended meanwhile
        "        return ''\n"
        "atexit.register(lambda: say('left-', threads()))\n"  # the first to be registered is the last to be run
        f"for p in nrgan.train(nrgan.TrainConfig(**{options!r})):\n"
        "    last = p\n"
        "ranks.choose(ranks.here().some(2))\n"
        "say('threads-', threads())\n"
        "say('said-', str(last.iteration))\n"
    )
    done = subprocess.run([*TORCHRUN, str(script)], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / f"said-{rank}").read_text() for rank in range(2)] == ["5", "5"]
    assert len(losses(tmp_path / "run")) == 5
    # none of gloo's is left to be ended with the interpreter, which aborts the process if it is at work
    for rank in range(2):
        assert "gloo" in (tmp_path / f"threads-{rank}").read_text()
        assert "gloo" not in (tmp_path / f"left-{rank}").read_text()


@pytest.mark.slow
def test_killed_at_random_under_torchrun_it_is_the_undisturbed_run(tmp_path: Path) -> None:
    rng, kills, out = random.Random(0), 3, tmp_path / "killed"
    process = begin([*TORCHRUN, f"--max-restarts={kills}", *train(out, 300)])
    for k in range(kills):
        # at iterations and not at seconds: a fast machine must not have ended before
        wait_for_iteration(out, rng.randint(1 + 20 * k, 20 + 20 * k))
        os.kill(rng.choice(ranks_of(process.pid)), signal.SIGKILL)
    code, said = ended(process)
    assert code == 0, said
    code, said = ended(begin([*TORCHRUN, *train(tmp_path / "whole", 300)]))
    assert code == 0, said
    assert losses(out) == losses(tmp_path / "whole") and same_weights(out, tmp_path / "whole")


@pytest.mark.slow
def test_ranks_leave_what_one_process_leaves(tmp_path: Path) -> None:
    """Pictures, snapshots and figures; evaluations and generated images are those of one process to the bit."""
    one, two = tmp_path / "one", tmp_path / "two"
    # in bfloat16, which is auto on some machines, a share of a batch is rounded unlike the whole
    measured = (
        "--precision=float32",
        "--evaluate-every=3",
        "--evaluate-samples=900",
        "--evaluate-features=random_convolutions",
    )
    for command, out in (([sys.executable], one), (TORCHRUN, two)):
        code, said = ended(begin([*command, *train(out, 6, *measured)]))
        assert code == 0, said
    names = [
        sorted(str(path.relative_to(out)) for path in out.rglob("*") if "tensorboard/" not in str(path))
        for out in (one, two)
    ]
    assert names[0] == names[1]
    for a, b in zip(losses(one), losses(two), strict=True):
        assert a == pytest.approx(b, rel=1e-4)
    images = []
    for command, out in (([sys.executable], tmp_path / "a"), (TORCHRUN, tmp_path / "b")):
        code, said = ended(begin([*command, "-m", "nrgan", "generate", str(one), "--out", str(out), "--count=7"]))
        assert code == 0, said
        images.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert images[0] == images[1] and len(images[0]) == 8
    figures = []
    for command in ([sys.executable], TORCHRUN):
        evaluate = ["evaluate", str(one), "--samples=900", "--features=random_convolutions", "--metrics", "fid"]
        code, said = ended(begin([*command, "-m", "nrgan", *evaluate, "--against=observed", "--seed=1"]))
        assert code == 0, said
        figures.append([record.results for record in read_records(one) if record.seed == 1][-1])
    assert figures[0] == figures[1]
