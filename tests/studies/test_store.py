"""Runs at a URL: what is put there, in which order, and what comes back."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

import pytest

from nrgan.errors import UserError
from nrgan.studies.store import Store, is_result


@pytest.fixture
def url() -> str:
    """In this process's memory, which all filesystems of that kind share."""
    return f"memory://{uuid4().hex}/table"


FILES = {
    "a/run.json": "{}",
    "a/metrics.jsonl": "1",
    "a/checkpoint.safetensors": "first",
    "a/snapshots/iteration-0000001/model.safetensors": "weights",
    "a/snapshots/iteration-0000001/discriminator/model.safetensors": "more",
    "a/snapshots/iteration-0000001/zz": "said",
    "a/tensorboard/events": "curves",
    "a.log": "log",
}
HIDDEN = {"a/.lock": "", "a/.metrics.jsonl.0-1.part": "half"}


def lay(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def lying(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def watched(store: Store, monkeypatch: pytest.MonkeyPatch, also: Any = lambda: None) -> list[str]:
    """The names that are put, in order; `also` is done before each."""
    names, put = list[str](), store._fs.put_file

    def put_file(local: str, remote: str) -> None:
        also()
        names.append(remote.split("/table/")[1])
        put(local, remote)

    monkeypatch.setattr(store._fs, "put_file", put_file)
    return names


def test_all_comes_back_and_nothing_hidden(tmp_path: Path, url: str) -> None:
    lay(tmp_path / "here", FILES | HIDDEN | {"b/run.json": "of another"})
    Store(url).check()
    Store(url).put(tmp_path / "here", "a")
    Store(url).fetch(tmp_path / "there", "a")
    assert lying(tmp_path / "there") == FILES
    Store(url).put(tmp_path / "here", "b")
    Store(url).fetch(tmp_path / "results", wanted=is_result)
    left_out = {"a/checkpoint.safetensors", "a/tensorboard/events"}
    assert lying(tmp_path / "results").keys() == FILES.keys() - left_out | {"b/run.json"}
    Store(url).fetch(tmp_path / "empty", "c")
    assert not (tmp_path / "empty").exists()


def test_what_others_depend_on_comes_last(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may be lost at any moment: a checkpoint there has its losses, a snapshot all of its parts."""
    lay(tmp_path, FILES)
    store = Store(url)
    checkpoint = tmp_path / "a/checkpoint.safetensors"

    def trains_on() -> None:
        new = checkpoint.with_name("new")
        new.write_text("later")
        new.replace(checkpoint)

    names = watched(store, monkeypatch, trains_on)
    store.put(tmp_path, "a")
    assert names[-1] == "a/checkpoint.safetensors"
    snapshot = [name for name in names if "snapshots" in name]
    assert snapshot[-1].endswith("iteration-0000001/model.safetensors")
    Store(url).fetch(tmp_path / "there", "a")
    assert (tmp_path / "there/a/checkpoint.safetensors").read_text() == "first", "as it was when the losses were put"


def test_what_is_there_is_not_put_again(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, FILES)
    store = Store(url)
    store.put(tmp_path, "a")
    names = watched(store, monkeypatch)
    store.put(tmp_path, "a")
    assert names == []
    (tmp_path / "a/metrics.jsonl").write_text("1\n2")
    store.put(tmp_path, "a")
    assert names == ["a/metrics.jsonl"]
    other = Store(url)
    other.fetch(tmp_path / "there", "a")
    names = watched(other, monkeypatch)
    other.put(tmp_path / "there", "a")
    assert names == [], "nor what has just come from there"


def test_what_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="store nosuch://bucket: Protocol not known") as refused:
        Store("nosuch://bucket")
    assert "\n" not in str(refused.value)
    # a bucket that is not there is no file of ours that has just been replaced
    store = Store(f"file://{tmp_path}/absent/table")
    lay(tmp_path, FILES)
    for work in (store.check, lambda: store.put(tmp_path, "a")):
        with pytest.raises(UserError, match=r"store file:.*absent"):
            work()


def test_results_are_what_a_table_is_made_from() -> None:
    there = {
        name for name in [*FILES, "table.md", "b/checkpoint.earlier.safetensors"] if is_result(PurePosixPath(name))
    }
    assert there == FILES.keys() - {"a/checkpoint.safetensors", "a/tensorboard/events"}
