"""Files and folders that are whole or absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nrgan import storage
from nrgan.errors import UserError
from nrgan.storage import append_to, check_output, clear_parts, disk_errors, locked, write_json, writing, writing_folder

GONE = 2**22 - 3
"""A number that no process has."""


def test_a_folder_replaces_another_whole(tmp_path: Path) -> None:
    for content in ("one", "two"):
        with writing_folder(tmp_path / "folder") as part:
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
    here = storage._host()
    dead, living = tmp_path / f".file.{here}-{GONE}.part", tmp_path / f".file.{here}-1.part"
    elsewhere, forgotten = tmp_path / f".file.{'0' * 8}-{GONE}.part", tmp_path / f".file.{'0' * 8}-1.part"
    for part in (dead, living, elsewhere, forgotten):
        part.write_text("half")
    os.utime(forgotten, (0, 0))
    with writing(tmp_path / "file") as part:
        part.write_text("whole")
    assert not dead.exists() and living.exists()
    assert elsewhere.exists(), "of another machine, where that process may well run"
    assert not forgotten.exists()
    (tmp_path / ".mine.part").write_text("no part of ours")
    clear_parts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.part", "file"]


def test_errors_name_the_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"), writing(tmp_path / "file" / "below") as part:
        part.write_text("")


def test_what_a_kill_left_between_two_renames_is_put_right(tmp_path: Path) -> None:
    here = storage._host()
    aside = tmp_path / f".best.{here}-{GONE}.old.part"
    aside.mkdir()
    (aside / "weights").write_text("old")
    (tmp_path / f".best.{here}-{GONE}.part").mkdir()
    with pytest.raises(RuntimeError, match="stopped"), writing_folder(tmp_path / "best"):
        raise RuntimeError("stopped")
    assert (tmp_path / "best" / "weights").read_text() == "old", "put back, for nothing has replaced it"
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    with writing_folder(tmp_path / "best"):
        pass
    assert not list((tmp_path / "best").iterdir())


def test_a_file_never_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for name in ("folder", "link"):
        with pytest.raises(UserError, match=f"{name}: is a folder; give the name of a file"), writing(tmp_path / name):
            raise AssertionError("begun")
    assert (tmp_path / "folder" / "mine").read_text() == "x"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="a device or a pipe"), writing(tmp_path / "pipe"):
        raise AssertionError("begun")


def test_a_folder_never_takes_the_place_of_a_file_or_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("file", "link"):
        with pytest.raises(UserError, match="move it elsewhere"), writing_folder(tmp_path / name):
            raise AssertionError("begun")


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    for name in ("locked", "added", "written"):
        (tmp_path / name).symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        locked(tmp_path / "locked")
    with pytest.raises(OSError, match="symbolic links"):
        append_to(tmp_path / "added")
    with writing(tmp_path / "written") as part:
        part.write_text("new")
    assert (tmp_path / "victim").read_text() == "precious" and (tmp_path / "written").read_text() == "new"


def test_a_lock_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    held = locked(tmp_path / "file")
    assert held is not None and locked(tmp_path / "file") is None
    held.close()
    assert (tmp_path / "file").read_text() == "content"


def test_only_our_own_files_are_replaced_unasked(tmp_path: Path) -> None:
    ours, mine = tmp_path / "ours.json", tmp_path / "mine.json"
    mine.write_text("{}")
    for figure in (1, 2):
        write_json({"figure": figure}, ours)
    assert '"figure": 2' in ours.read_text()
    with pytest.raises(UserError, match="is there already, and nrgan did not make it"):
        write_json({}, mine)
    assert mine.read_text() == "{}"
    check_output(mine, overwrite=True)
    write_json({}, mine, overwrite=True)
    check_output(mine)


def test_an_error_of_reading_is_told_as_one(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"absent: cannot be read: No such file"),
        disk_errors(tmp_path / "out" / "file"),
    ):
        (tmp_path.parent / "absent").read_text()
    with pytest.raises(UserError, match=r"cannot write .*file"), disk_errors(tmp_path / "out" / "file"):
        (tmp_path / "out" / "file").write_text("")
