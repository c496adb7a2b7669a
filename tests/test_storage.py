"""Files and folders that are whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from nrgan.errors import UserError
from nrgan.storage import clear_parts, writing


def test_a_folder_replaces_another_whole(tmp_path: Path) -> None:
    for content in ("one", "two"):
        with writing(tmp_path / "folder") as part:
            part.mkdir()
            (part / content).write_text(content)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["two"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_failed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    with writing(tmp_path / "file") as part:
        part.write_text("good")
    with pytest.raises(ValueError, match="on purpose"), writing(tmp_path / "file") as part:
        part.write_text("half")
        raise ValueError("on purpose")
    assert (tmp_path / "file").read_text() == "good" and len(list(tmp_path.iterdir())) == 1


def test_what_dead_writers_left_is_removed_and_living_ones_keep_theirs(tmp_path: Path) -> None:
    dead, living = tmp_path / ".file.4194999.part", tmp_path / ".file.1.part"
    for part in (dead, living):
        part.write_text("half")
    with writing(tmp_path / "file") as part:
        part.write_text("whole")
    assert not dead.exists() and living.exists()
    clear_parts(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_errors_name_the_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"), writing(tmp_path / "file" / "below") as part:
        part.write_text("")


def test_what_a_kill_left_between_two_renames_is_put_right(tmp_path: Path) -> None:
    gone = 2**22 - 3  # no process has this number
    aside = tmp_path / f".best.{gone}.old.part"
    aside.mkdir()
    (aside / "weights").write_text("old")
    (tmp_path / f".best.{gone}.part").mkdir()
    with pytest.raises(RuntimeError, match="stopped"), writing(tmp_path / "best"):
        raise RuntimeError("stopped")
    assert (tmp_path / "best" / "weights").read_text() == "old", "put back, for nothing has replaced it"
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    with writing(tmp_path / "best") as part:
        part.mkdir()
    assert not list((tmp_path / "best").iterdir())
