"""Tables that several processes make, as jobs of a cluster or side by side, and how far they are."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import PATIENCE, nrgan, nrgan_process
from nrgan.layout import LOCK
from nrgan.runs.folder import in_use
from nrgan.runs.log import last_iteration, read_metrics
from nrgan.storage import locked
from nrgan.studies.grid import load_grid
from nrgan.studies.launcher import train_all
from nrgan.studies.reproduce import StudyWatcher, cells_of
from nrgan.studies.slurm import slurm_script
from nrgan.studies.status import statuses

GRID = """
title = "Two"
settings = ["shapes-ag25"]
models = ["gan", "sinrgan1"]
[training]
image_size = 16
channels = 4
latent_size = 4
batch_size = 4
iterations = {iterations}
snapshot_interval = {snapshots}
log_interval = 1
checkpoint_minutes = 0
[evaluation]
samples = 420
select_samples = 420
"""
FEW = "import nrgan.evaluation.real as real; real.MOST = 500; from nrgan.cli import main; main()"
"""The command line in a process of its own, with fewer real images."""
NAMES = ["shapes-ag25-gan-seed0", "shapes-ag25-sinrgan1-seed0"]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)  # the same path with fewer real images


def grid(folder: Path, iterations: int = 4) -> str:
    path = folder / "two.toml"
    path.write_text(GRID.format(iterations=iterations, snapshots=max(2, iterations // 4)))  # each is evaluated
    return str(path)


def states(grid: str, out: Path) -> dict[str, str]:
    """By the command that says them."""
    done = nrgan("reproduce", grid, "--out", out, "--status")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    return {line[0]: line[1] for line in lines if line and line[0] in NAMES}


def test_one_cell_and_then_the_other_make_the_table(tmp_path: Path) -> None:
    name, out = grid(tmp_path), tmp_path / "out"
    command = ("reproduce", name, "--out", out, "--device", "cpu")
    assert set(states(name, out).values()) == {"waiting"} and not out.exists()
    first = nrgan(*command, "--cell", NAMES[1])
    assert first.returncode == 0, first.stdout + first.stderr
    assert states(name, out) == {NAMES[0]: "waiting", NAMES[1]: "done"}
    assert "fid[random_convolutions]" in first.stdout and not (out / "table.md").exists()
    again = nrgan(*command, "--cell", "2/2")
    assert again.returncode == 0 and "1 runs, 1 trained already" in again.stdout
    assert nrgan(*command, "--cell", "1/2").returncode == 0
    assert set(states(name, out).values()) == {"done"}
    whole = nrgan(*command)
    assert "2 runs, 2 trained already" in whole.stdout and (out / "table.md").exists()


def test_cells_by_number_are_all_of_them_once(tmp_path: Path) -> None:
    chosen = load_grid("quick")
    everything = cells_of("quick", chosen, tmp_path)
    parts = [cells_of("quick", chosen, tmp_path, f"{k}/3") for k in (1, 2, 3)]
    assert sorted(c.out for part in parts for c in part) == sorted(c.out for c in everything)
    assert cells_of("quick", chosen, tmp_path, f"{len(everything) + 1}/{len(everything) + 1}") == []
    for wrong, said in {"0/2": "K is from 1 to N", "3/2": "K is from 1 to N", "gan": "unknown cell"}.items():
        refused = nrgan("reproduce", "quick", "--out", tmp_path, "--cell", wrong)
        assert refused.returncode == 2 and said in refused.stderr


def test_states_of_runs(tmp_path: Path) -> None:
    name, out = grid(tmp_path), tmp_path / "out"
    run = out / NAMES[0]
    run.mkdir(parents=True)
    lock = locked(run / LOCK)
    assert lock is not None
    found = list(statuses(cells_of(name, load_grid(name), out), load_grid(name).evaluation))
    lock.close()
    # a lock that this process holds counts as another's: it is asked by opening the file anew
    assert [status.state for status in found] == ["running", "waiting"]
    (out / f"{NAMES[1]}.log").write_text("log of nrgan train\nerror: no space left\n")
    assert states(name, out) == {NAMES[0]: "waiting", NAMES[1]: "failed"}
    assert "no space left" in nrgan("reproduce", name, "--out", out, "--status").stdout


def test_a_run_in_use_is_waited_for_and_not_begun(tmp_path: Path) -> None:
    """And where the other one has ended it, it is not trained again."""
    name, out = grid(tmp_path), tmp_path / "out"
    configs = cells_of(name, load_grid(name), out, NAMES[0])
    run = configs[0].out
    run.mkdir(parents=True)
    held = [locked(run / LOCK)]
    assert held[0] is not None and in_use(run)
    asked: list[int] = []

    def stopped() -> int:
        asked.append(1)
        if len(asked) == 3:
            held[0].close()
        return 0

    heard: list[tuple[Path, str | None]] = []
    watcher = StudyWatcher()
    watcher.ended = lambda out, failure: heard.append((out, failure))  # type: ignore[method-assign]
    failures = train_all(configs, watcher, lambda config: len(asked) >= 3, stopped)
    assert failures == {} and heard == [(run, None)] and len(asked) == 3
    assert not (out / f"{NAMES[0]}.log").exists()


@pytest.mark.slow
def test_two_commands_on_one_table_train_no_run_twice(tmp_path: Path) -> None:
    name, out = grid(tmp_path, iterations=60), tmp_path / "out"
    command = [sys.executable, "-c", FEW, "reproduce", name, "--out", str(out), "--device=cpu"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    for run in NAMES:
        assert [line["iteration"] for line in read_metrics(out / run / "metrics.jsonl")] == list(range(1, 61))
        log = (out / f"{run}.log").read_text()
        assert log.count("training ") == 1 and "going on at" not in log and "error" not in log
        for figures in (out / run).glob("metric-*.jsonl"):
            lines = figures.read_text().splitlines()
            assert len(lines) == len({line.split('"iteration": ')[1].split(",")[0] for line in lines})


@pytest.mark.slow
def test_a_job_that_is_out_of_time_is_queued_again_and_ends_the_run(tmp_path: Path) -> None:
    """The printed script, in a place where srun and scontrol are ours."""
    name, out, tools = grid(tmp_path, iterations=400), tmp_path / "out", tmp_path / "bin"
    tools.mkdir()
    for tool, text in {
        "srun": 'exec "$@"',
        "scontrol": f'echo "$@" >> {tmp_path}/queued',
        "nrgan": f"exec {sys.executable} -c '{FEW}' \"$@\"",
    }.items():
        (tools / tool).write_text(f"#!/bin/bash\n{text}\n")
        (tools / tool).chmod(0o755)
    printed = nrgan_process("reproduce", name, "--out", out, "--device", "cpu", "--print-slurm")
    script = tmp_path / "jobs.sh"
    script.write_text(printed.stdout)
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    about = {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}
    environment = os.environ | about
    job = subprocess.Popen([str(script)], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + PATIENCE
    while last_iteration(out / NAMES[1]) < 3:
        assert time.monotonic() < deadline and job.poll() is None
        time.sleep(0.1)
    # Slurm signals the processes of the step, not the script
    step = subprocess.run(["pgrep", "-P", str(job.pid)], capture_output=True, text=True, check=True).stdout
    os.kill(int(step.split()[0]), signal.SIGTERM)
    job.communicate(timeout=PATIENCE)
    assert job.returncode == 143 and (tmp_path / "queued").read_text() == "requeue 7_2\n"
    assert states(name, out) == {NAMES[0]: "waiting", NAMES[1]: "stopped"}
    again = subprocess.run([str(script)], env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    assert states(name, out) == {NAMES[0]: "waiting", NAMES[1]: "done"}


def test_names_in_a_script_are_quoted() -> None:
    script = slurm_script("A\ntitle", "mine", 3, ["reproduce", "my grid.toml", "--out", "a$b"])
    assert "srun nrgan reproduce 'my grid.toml' --out 'a$b' --cell \"$SLURM_ARRAY_TASK_ID/3\"" in script
    assert "# A title: 3 runs" in script and "--array=1-3" in script
