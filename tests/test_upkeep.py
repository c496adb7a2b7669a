"""doctor, fetch and completion: what they say is so, and what they propose works."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import nrgan, sha256_of
from nrgan import checkup as module
from nrgan.checkup import checkup
from nrgan.data import CIFAR10, SOURCES
from nrgan.errors import UserError
from nrgan.evaluation import features
from nrgan.fetching import downloads, fetch
from nrgan.frames import FORMATS
from nrgan.storage import default_cache


def test_every_format_is_said_and_a_missing_reader_has_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    there = module.find_spec
    monkeypatch.setattr(module, "find_spec", lambda name: None if name in ("astropy", "h5py") else there(name))
    kinds = {kind.name: kind for kind in checkup().kinds}
    assert list(kinds) == list(FORMATS)
    assert kinds["fits"].command == "pip install 'nrgan[astro]'" and not kinds["fits"].reads
    assert kinds["hdf5"].command == "pip install 'nrgan[formats]'"
    assert kinds["picture"].reads and kinds["picture"].command is None


def test_extras_and_libraries_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    found = checkup()
    names = [library.name for library in found.libraries]
    assert {"torch", "numpy", "tyro"} <= set(names) and "pytest" not in names and "mrcfile" not in names
    assert {"em", "astro", "export"} <= {extra.name for extra in found.extras} and not found.problems
    (em,) = (extra for extra in found.extras if extra.name == "em")
    assert [library.name for library in em.libraries] == ["mrcfile"]
    monkeypatch.setattr(module, "version", lambda name: "0.0.1")
    old = checkup()
    assert all(not library.fits for library in old.libraries) and "pip install --upgrade nrgan" in old.problems[0]
    assert {extra.command for extra in old.extras} >= {"pip install 'nrgan[em]'"}


def test_the_cache_is_measured_and_its_command_clears_what_is_ours_alone() -> None:
    cache = default_cache()
    (cache / "noisy").mkdir(parents=True, exist_ok=True)
    (cache / "noisy" / "set.npy").write_bytes(b"x" * 1000)
    (cache / CIFAR10.download.name).write_bytes(b"y" * 50)
    (cache / "thesis.txt").write_text("mine")
    found = checkup().cache
    assert found.sizes["noisy"] >= 1000 and found.sizes[CIFAR10.download.name] == 50
    assert found.clear is not None
    subprocess.run(shlex.split(found.clear), check=True)
    assert [path.name for path in cache.iterdir()] == ["thesis.txt"]
    assert checkup().cache.clear is None
    (cache / "thesis.txt").unlink()


def test_a_cache_that_cannot_be_written_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NRGAN_CACHE", str(tmp_path / "file" / "below"))
    done = nrgan("doctor")
    assert done.returncode == 1 and "to mend: the cache" in done.stdout and "set NRGAN_CACHE" in done.stdout


def test_doctor_prints_it_all_and_as_json() -> None:
    done = nrgan("doctor")
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in ("torch", ".nii.gz", "free memory", "cache: ", *downloads())[:4])
    found = json.loads(nrgan("doctor", "--json").stdout)
    assert found["problems"] == [] and [kind["name"] for kind in found["kinds"]] == list(FORMATS)


@pytest.fixture
def served(serve: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Stands for every download: small files of a server on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    url = serve(folder)
    files = {}
    for name, usual in downloads().items():
        files[name] = folder / usual.name
        files[name].write_bytes(name.encode() * 100)
        here = replace(usual, url=f"{url}/{usual.name}", sha256=sha256_of(files[name]))
        if name in SOURCES:
            monkeypatch.setattr(SOURCES[name], "download", here)
        else:
            monkeypatch.setitem(features.DOWNLOADS, name, here)
    return files


def test_all_is_fetched_verified_and_used_as_a_cache(
    served: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(served) == {"cifar10", "inception"}, "the help of fetch names them"
    done = nrgan("fetch", "--to", tmp_path / "carried here")
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "carried here").iterdir()} == {
        file.name: file.read_bytes() for file in served.values()
    }
    shutil.rmtree(tmp_path / "served")  # no network from here on
    (command,) = (line for line in done.stdout.splitlines() if line.startswith("on the other machine: "))
    name, _, value = shlex.split(command.removeprefix("on the other machine: "))[1].partition("=")
    monkeypatch.setenv(name, value)
    assert CIFAR10().archive == Path(value) / CIFAR10.download.name
    assert nrgan("fetch", "cifar10").returncode == 0, "there already"


def test_one_is_fetched_and_what_is_wrong_is_not_kept(served: dict[str, Path], tmp_path: Path) -> None:
    assert [path.name for path in fetch(["inception"], tmp_path / "to")] == [served["inception"].name]
    served["cifar10"].write_bytes(b"cut")
    with pytest.raises(UserError, match="wrong checksum"):
        fetch(["cifar10"], tmp_path / "to")
    assert [path.name for path in (tmp_path / "to").iterdir()] == [served["inception"].name]


def test_mistakes_of_fetch(tmp_path: Path) -> None:
    assert "unknown download 'cifar'; the nearest are cifar10" in nrgan("fetch", "cifar").stderr
    (tmp_path / "file").write_text("")
    assert "--to" in (said := nrgan("fetch", "--to", tmp_path / "file").stderr) and "is a file" in said


BASH = shutil.which("bash")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "nrgan.bash"
    path.write_text(nrgan("completion", "bash").stdout)
    return path


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["den"], {"denoise"}),
        (["train", "--iter"], {"--iterations", "--iterations-per-launch"}),
        (["generate", "outputs", "--form"], {"--format"}),
        (["generate", "outputs", "--format", "t"], {"tiff"}),
        (["diagnose", "sca"], {"scans"}),
        (["diagnose", "scans", "--dark", "sca"], {"scans"}),
        (["completion", ""], {"bash", "zsh", "tcsh"}),
    ],
)
def test_bash_completes(script: Path, typed: list[str], found: set[str], tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    code = (
        'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        "$(complete -p nrgan | grep -o -- '-F [^ ]*' | cut -c 4-); printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    words = [BASH, "--norc", "-c", code, script, "nrgan", *typed]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert set(done.stdout.split()) == found, done.stderr


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_get_a_script_with_every_verb(shell: str) -> None:
    done = nrgan("completion", shell)
    assert done.returncode == 0 and all(word in done.stdout for word in ("train-denoiser", "check-noise", "tiff"))
