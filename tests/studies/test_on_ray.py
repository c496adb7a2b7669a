"""Tables on a cluster of Ray: two nodes on this machine, of which processes and whole nodes are lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from conftest import PATIENCE, nrgan
from extending.test_extending import install
from nrgan.runs.folder import in_use, read_document
from nrgan.runs.log import last_iteration, read_metrics
from nrgan.studies.store import Store
from nrgan.studies.worker import Task, Worker, _why
from report_material import scans

ray = pytest.importorskip("ray", reason="Ray is not installed")

GRID = """
title = "Two"
settings = ["scans"]
models = ["gan", "sinrgan1"]
seeds = {seeds}
[training]
channels = 4
latent_size = 4
batch_size = 4
iterations = {iterations}
snapshot_interval = 50
log_interval = 1
checkpoint_minutes = 0
network = "{network}"
[evaluation]
features = "small_convolutions"
samples = 60
select_samples = 50
"""
NAMES = ["scans-gan-seed0", "scans-sinrgan1-seed0"]


def grid(folder: Path, iterations: int, network: str = "resnet", seeds: Sequence[int] = (0,)) -> list[str]:
    """The command that makes its table, in a folder with images."""
    scans(folder / "scans")
    text = GRID.format(iterations=iterations, network=network, seeds=list(seeds))
    (folder / "two.toml").write_text(text)
    return [sys.executable, "-m", "nrgan", "reproduce", "two.toml", "--out", "table", "--device", "cpu", "--on", "ray"]


def begin(command: list[str], folder: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"COLUMNS": "200"} | environment,
    )


def ended(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return said


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def have_reached(table: Path, iteration: int) -> Callable[[], bool]:
    """Whether two runs, which is all that there is place for, have got so far."""
    return lambda: sum(last_iteration(path.parent) >= iteration for path in table.glob("*/metrics.jsonl")) == 2


def check_trained_once(table: Path, iterations: int) -> None:
    for name in NAMES:
        assert [line["iteration"] for line in read_metrics(table / name / "metrics.jsonl")] == list(
            range(1, iterations + 1)
        )
    assert (table / "table.md").exists()


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A node without processors, which keeps the books, and two with one each."""
    from ray.cluster_utils import Cluster

    before = signal.getsignal(signal.SIGTERM)  # Ray takes it for this process
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    made.workers = [made.add_node(num_cpus=1) for _ in range(2)]
    signal.signal(signal.SIGTERM, before)
    made.wait_for_nodes()
    yield made
    made.shutdown()


@pytest.mark.slow
def test_a_node_is_lost_and_another_takes_its_run_on(tmp_path: Path, cluster: Any) -> None:
    table, command = tmp_path / "table", grid(tmp_path, 300)
    process = begin([*command, "--address", cluster.address], tmp_path)
    wait_for(have_reached(table, 5))
    cluster.remove_node(cluster.workers[1], allow_graceful=False)
    said = ended(process)
    assert ": failed: " not in said, said
    check_trained_once(table, 300)
    logs = [(table / f"{name}.log").read_text() for name in NAMES]
    assert sum("going on at" in log for log in logs) == 1, "the lost one only"
    # what is done is not done again
    before = {path: path.stat().st_mtime_ns for path in table.glob("*/run.json")}
    again = ended(begin([*command, "--address", cluster.address], tmp_path))
    assert "2 runs, 2 trained already" in again
    assert before == {path: path.stat().st_mtime_ns for path in table.glob("*/run.json")}


@pytest.mark.slow
def test_two_commands_at_once_and_a_worker_is_killed(tmp_path: Path, cluster: Any) -> None:
    table, command = tmp_path / "table", [*grid(tmp_path, 200), "--address", cluster.address]
    both = [begin(command, tmp_path) for _ in range(2)]
    wait_for(have_reached(table, 5))
    workers = subprocess.run(["pgrep", "-f", "ray::Worker"], capture_output=True, text=True, check=True).stdout.split()
    os.kill(int(workers[0]), signal.SIGKILL)
    for process in both:
        said = ended(process)
        assert ": failed: " not in said, said
    check_trained_once(table, 200)
    begun = [(table / f"{name}.log").read_text() for name in NAMES]
    assert sum(log.count("going on at") for log in begun) == 1 and all(log.count("done: ") == 1 for log in begun)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_command_is_ended_and_its_runs_save_themselves(
    tmp_path: Path, cluster: Any, number: signal.Signals
) -> None:
    table, command = tmp_path / "table", [*grid(tmp_path, 10**6, seeds=(0, 1)), "--address", cluster.address]
    process = begin(command, tmp_path)
    wait_for(have_reached(table, 5))
    process.send_signal(number)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number), said
    begun = [path.parent for path in table.glob("*/metrics.jsonl")]
    wait_for(lambda: not any(in_use(run) for run in begun))
    assert len(begun) == 2, "two have no place yet, and are not begun when others end"
    for run in begun:
        assert (run / "checkpoint.safetensors").exists()
        assert "stopped" in (table / f"{run.name}.log").read_text().splitlines()[-1]


@pytest.mark.slow
def test_rows_of_packages_here_reach_the_workers(tmp_path: Path, cluster: Any) -> None:
    site = install(tmp_path / "site", {"nrgan.families": {"mlp": "extra.mlp:SMALL"}})
    command = [*grid(tmp_path, 4, network="mlp"), "--address", cluster.address]
    said = ended(begin(command, tmp_path, PYTHONPATH=str(site)))
    assert ": failed: " not in said, said
    assert read_document(tmp_path / "table" / NAMES[1])["config"]["network"] == "mlp"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a server on this machine that does what S3 does."""
    servers = pytest.importorskip("moto.server", reason="moto is not installed")
    fsspec = pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = servers.ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    _, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    files = fsspec.S3FileSystem(skip_instance_cache=True)
    files.mkdir("bucket")
    yield "s3://bucket/two"
    server.stop()


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where workers have their own folders; with a short name, as Ray's sockets need it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.mark.slow
def test_machines_that_share_no_folder_keep_runs_in_a_store(
    tmp_path: Path, bucket: str, scratch: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table, iterations = tmp_path / "table", 200
    command = [*grid(tmp_path, iterations), "--address", cluster.address, "--store", bucket]
    process = begin(command, tmp_path)
    wait_for(lambda: sum(len(read_metrics(path)) >= 5 for path in scratch.glob("nrgan-*/table/*/metrics.jsonl")) == 2)
    process.terminate()
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM, said
    # with nothing left here, all is known from there
    assert not list(scratch.glob("nrgan-*/table")) and not list(table.glob("*/checkpoint*"))
    shutil.rmtree(table)
    said = ended(begin(command, tmp_path))
    assert ": failed: " not in said, said
    check_trained_once(table, iterations)
    assert all("going on at" in (table / f"{name}.log").read_text() for name in NAMES)
    Store(bucket).fetch(tmp_path / "fresh")
    for name in (*(f"{run}/checkpoint.safetensors" for run in NAMES), "table.md"):
        assert (tmp_path / "fresh" / name).exists(), name
    shutil.rmtree(table)
    told = nrgan("reproduce", "two.toml", "--out", table, "--status", "--store", bucket)
    assert "Two: 2 done" in told.stdout, told.stdout + told.stderr
    again = ended(begin(command, tmp_path))
    assert "2 runs, 2 trained already" in again, again


def test_a_run_has_one_name_wherever_the_command_is_given() -> None:
    def name(out: str, store: str | None) -> str:
        return Task(Path(out), "quick", None, "cpu", None, None, Path("/"), store).name

    assert name("/a/run", "s3://bucket") == name("/b/run", "s3://bucket") != name("/b/other", "s3://bucket")
    assert name("/a/run", None) != name("/b/run", None) == name("/b/run", None)


def test_a_worker_says_why_a_run_failed(tmp_path: Path) -> None:
    def said(out: Path) -> str | None:
        return Worker(Task(out, "quick", None, "cpu", None, None, tmp_path, None)).run()

    assert f"{tmp_path / 'absent'}: is not on" in str(said(tmp_path / "absent" / "run"))
    (tmp_path / "table").mkdir()
    assert str(said(tmp_path / "table" / "no-run")).startswith("unknown cell 'no-run'")
    assert _why(1, "a-run: no space left", "a-run") == "no space left"
    assert _why(-signal.SIGKILL, "", "a-run") == "was ended by SIGKILL"


def test_what_cannot_be_is_refused_before_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("reproduce", "quick", "--out", tmp_path / "table")
    for words, why in {
        ("--address", "auto"): "--address: is for runs on Ray; give --on ray too",
        ("--share", "0.5"): "--share: is for runs on Ray",
        ("--on", "ray", "--jobs", "2"): "--jobs 2: is for this machine",
        ("--on", "ray", "--share", "1.5"): "--share 1.5: of a GPU",
        ("--store", "s3://bucket"): "--store: is for runs on Ray",
        ("--on", "ray", "--store", "nosuch://bucket"): "--store nosuch://bucket: ",
        ("--on", "ray", "--address", "127.0.0.1:1"): "--address 127.0.0.1:1: cannot be reached ",
    }.items():
        refused = nrgan(*command, *words)
        assert refused.returncode == 2 and why in refused.stderr and refused.stderr.count("\n") == 1, refused.stderr
    monkeypatch.setitem(sys.modules, "ray", None)
    refused = nrgan(*command, "--on", "ray")
    assert refused.returncode == 2 and "pip install 'nrgan[ray]'" in refused.stderr
    assert not (tmp_path / "table").exists()
