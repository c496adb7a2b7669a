"""The temporary folder of a page: gone with the page, also with one that was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nrgan.page.folder import temporary_folder

PAGE = """
import sys, time
from pathlib import Path
from nrgan.page.folder import temporary_folder
with temporary_folder() as folder:
    Path(folder, "visitor-1").mkdir()
    Path(folder, "visitor-1", "image.png").write_text("of a visitor")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def started() -> tuple[subprocess.Popen[str], Path]:
    """A process with such a folder, in which a visitor is."""
    process = subprocess.Popen([sys.executable, "-c", PAGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_page_left_is_removed_by_the_next_and_nothing_of_one_that_lives(tmp_path: Path) -> None:
    (killed, dead), (living, alive) = started(), started()
    killed.kill()
    assert killed.wait() == -signal.SIGKILL and dead.is_dir(), "it could not"
    (tmp_path / "nrgan-page-of-others").mkdir()  # with no lock of ours in it
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "lock").write_text("")
    (tmp_path / "nrgan-page-link").symlink_to("precious")
    with temporary_folder() as mine:
        assert not dead.exists() and (alive / "visitor-1" / "image.png").is_file()
        assert {path.name for path in tmp_path.iterdir()} == {
            mine.name, alive.name, "nrgan-page-of-others", "nrgan-page-link", "precious"
        }  # fmt: skip
        assert (tmp_path / "precious" / "lock").exists()
        with temporary_folder():
            assert mine.is_dir(), "nor one's own"
    living.communicate("")
    assert living.returncode == 0 and not alive.exists() and not mine.exists()


def test_temporary_files_lie_in_it_while_it_is_there(tmp_path: Path) -> None:
    with temporary_folder() as folder:
        assert Path(tempfile.mkdtemp()).parent == folder and folder.parent == tmp_path
    assert tempfile.gettempdir() == str(tmp_path)
