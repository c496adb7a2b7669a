"""Reading CIFAR-10: the real one, the archive, the download, and every way a file can be wrong."""

from __future__ import annotations

import pickle
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import Hostile, sha256_of
from nrgan.data import CIFAR10
from nrgan.data.sources.cifar10 import ARCHIVE, DOWNLOAD, FOLDER
from nrgan.errors import UserError


def test_the_real_images(cifar10_root: Path) -> None:
    train, test = CIFAR10(cifar10_root).images(), CIFAR10(cifar10_root, split="test").images()
    assert train.shape == (50_000, 32, 32, 3) and test.shape == (10_000, 32, 32, 3)
    # the data set's well-known channel means and deviations
    np.testing.assert_allclose(train.mean((0, 1, 2)) / 255, [0.4914, 0.4822, 0.4465], atol=1e-4)
    np.testing.assert_allclose(train.std((0, 1, 2)) / 255, [0.2470, 0.2435, 0.2616], atol=1e-4)


def test_stand_in_folder_is_read_in_order(stand_in_root: Path) -> None:
    images = CIFAR10(stand_in_root).images()
    first = np.random.RandomState(0).randint(0, 256, (10_000, 3072), dtype=np.uint8)
    assert np.array_equal(images[17], first[17].reshape(3, 32, 32).transpose(1, 2, 0))
    assert np.array_equal(CIFAR10(stand_in_root / FOLDER).images()[0], images[0]), "the inner folder will do"


@pytest.fixture(scope="module")
def archive(stand_in_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / ARCHIVE
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        tar.add(stand_in_root / FOLDER, arcname=FOLDER)
    return path


@pytest.fixture
def fetched_from(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path | None], None]:
    """Lets CIFAR-10 be another archive at another place, and of the checksum of that file."""

    def change(url: str, archive: Path | None = None) -> None:
        digest = sha256_of(archive) if archive is not None else "0" * 64
        monkeypatch.setattr(CIFAR10, "download", replace(DOWNLOAD, url=url, sha256=digest))

    return change


REFUSED = "http://127.0.0.1:9/refused.tar.gz"


def test_archive_gives_the_same_images(
    archive: Path, stand_in_root: Path, fetched_from: Callable[[str, Path | None], None]
) -> None:
    fetched_from(REFUSED, archive)
    source = CIFAR10(archive.parent)
    assert np.array_equal(source.images(), CIFAR10(stand_in_root).images())


def test_archive_with_the_wrong_checksum_is_refused(archive: Path) -> None:
    with pytest.raises(UserError, match="wrong checksum"):
        CIFAR10(archive.parent)


@pytest.fixture
def server(archive: Path, serve: Callable[[Path], str]) -> str:
    """A local web server of the archive."""
    return serve(archive.parent)


def test_download_is_verified_and_kept(
    server: str, archive: Path, stand_in_root: Path, tmp_path: Path, fetched_from: Callable[[str, Path | None], None]
) -> None:
    fetched_from(f"{server}/{ARCHIVE}", archive)
    source = CIFAR10(cache=tmp_path)
    assert np.array_equal(source.images()[123], CIFAR10(stand_in_root).images()[123])
    kept = tmp_path / ARCHIVE
    modified = kept.stat().st_mtime_ns
    fetched_from(REFUSED, archive)
    CIFAR10(cache=tmp_path)
    assert kept.stat().st_mtime_ns == modified, "not fetched twice"


def test_download_altered_or_absent_is_refused_and_not_kept(
    server: str, tmp_path: Path, fetched_from: Callable[[str, Path | None], None]
) -> None:
    for url, why in (
        (f"{server}/{ARCHIVE}", "wrong checksum"),
        (f"{server}/absent.tar.gz", "cannot be downloaded"),
        (REFUSED, "cannot be downloaded .*nrgan fetch"),
    ):
        fetched_from(url, None)
        with pytest.raises(UserError, match=why):
            CIFAR10(cache=tmp_path / "made" / "for it")
    assert not list(tmp_path.iterdir())


def copy_with(root: Path, target: Path, **changed: bytes | None) -> Path:
    """The stand-in folder with some files replaced, or left out."""
    folder = target / FOLDER
    folder.mkdir(parents=True)
    for file in (root / FOLDER).iterdir():
        content = changed.get(file.name, b"as it was")
        if content == b"as it was":
            (folder / file.name).symlink_to(file)
        elif content is not None:
            (folder / file.name).write_bytes(content)
    return target


def test_a_hostile_pickle_runs_nothing(stand_in_root: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    for payload in (Hostile(marker), {b"data": Hostile(marker), b"labels": []}):
        for protocol in (3, 4):
            root = copy_with(
                stand_in_root,
                tmp_path / f"{type(payload).__name__}{protocol}",
                data_batch_3=pickle.dumps(payload, protocol),
            )
            with pytest.raises(UserError, match=r"data_batch_3: not a CIFAR-10 batch: it asks for .*system"):
                CIFAR10(root).images()
    assert not marker.exists()


def tricky_pickles() -> dict[str, bytes]:
    """Pickles that stay within the known names, and are still no batch."""
    array = np.zeros((10, 3072), np.uint8)
    labels = [0] * 10
    return {
        "objects": pickle.dumps({b"data": np.array([[{}]], dtype=object), b"labels": labels}, 3),
        "floats": pickle.dumps({b"data": array.astype(float), b"labels": labels}, 3),
        "shape": pickle.dumps({b"data": array[:, :5], b"labels": labels}, 3),
        "columns": pickle.dumps({b"data": np.asfortranarray(array), b"labels": labels}, 3),
        "labels": pickle.dumps({b"data": array, b"labels": labels[:3]}, 3),
        "not a batch": pickle.dumps([1, 2, 3], 3),
        "text": b"<html>404</html>",
        "called": b"cnumpy\ndtype\n(S'u1'\ntR.",
        "ndarray": b"cnumpy\nndarray\n(I99999999999\ntR.",
        "huge": b"\x80\x02U\xff",
    }


@pytest.mark.parametrize("name", sorted(tricky_pickles()))
def test_other_contents_are_refused_by_name(name: str, stand_in_root: Path, tmp_path: Path) -> None:
    root = copy_with(stand_in_root, tmp_path, data_batch_2=tricky_pickles()[name])
    with pytest.raises(UserError, match="data_batch_2"):
        CIFAR10(root).images()


def test_truncated_missing_and_short_files(stand_in_root: Path, tmp_path: Path) -> None:
    content = (stand_in_root / FOLDER / "data_batch_4").read_bytes()
    cut = copy_with(stand_in_root, tmp_path / "cut", data_batch_4=content[: len(content) // 3])
    with pytest.raises(UserError, match=r"data_batch_4.*cut short"):
        CIFAR10(cut).images()
    missing = copy_with(stand_in_root, tmp_path / "missing", data_batch_5=None)
    with pytest.raises(UserError, match="data_batch_5: missing"):
        CIFAR10(missing).key()
    few = pickle.dumps({b"data": np.zeros((10, 3072), np.uint8), b"labels": [0] * 10}, 3)
    short = copy_with(stand_in_root, tmp_path / "short", data_batch_5=few)
    with pytest.raises(UserError, match="40010 images instead of 50000"):
        CIFAR10(short).images()
    first = copy_with(stand_in_root, tmp_path / "first", data_batch_1=None)
    with pytest.raises(UserError, match="data_batch_1: missing"):
        CIFAR10(first).images()


def test_a_folder_without_it_is_tried_first_and_named(
    tmp_path: Path, fetched_from: Callable[[str, Path | None], None]
) -> None:
    fetched_from(REFUSED, None)
    with pytest.raises(UserError, match=f"cannot be downloaded .*{tmp_path} holds neither"):
        CIFAR10(tmp_path, cache=tmp_path / "cache")
    with pytest.raises(UserError, match="there is no such folder"):
        CIFAR10.check(32, tmp_path / "nowhere")


def test_a_cache_that_cannot_be_written_is_said(
    server: str, archive: Path, tmp_path: Path, fetched_from: Callable[[str, Path | None], None]
) -> None:
    fetched_from(f"{server}/{ARCHIVE}", archive)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot (write|be downloaded)"):
        CIFAR10(cache=tmp_path / "file")


def test_damaged_archive(tmp_path: Path, fetched_from: Callable[[str, Path | None], None]) -> None:
    (tmp_path / ARCHIVE).write_bytes(b"\x1f\x8b" + b"nonsense" * 10)
    fetched_from(REFUSED, tmp_path / ARCHIVE)
    with pytest.raises(UserError, match="cannot be read"):
        CIFAR10(tmp_path).images()


def test_key_follows_the_bytes(stand_in_root: Path, tmp_path: Path) -> None:
    content = (stand_in_root / FOLDER / "data_batch_1").read_bytes()
    changed = copy_with(stand_in_root, tmp_path, data_batch_1=content + b"x")
    assert CIFAR10(changed).key() != CIFAR10(stand_in_root).key()
    assert CIFAR10(stand_in_root).key() == CIFAR10(stand_in_root).key()
    assert DOWNLOAD.sha256.startswith("6d958be0")
