"""Sources that cannot be trained on: each is refused when it is opened, in a sentence that names the file."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from conftest import Hostile
from nrgan.errors import UserError
from nrgan.frames import archives, file_slice, open_frames, pixels
from own_files import folder, noise, npy, pillow, png, squeezed, tarred, tiff, zipped

GREY = noise("uint8", 24, 20, 1)
RGB = noise("uint8", 24, 20, 3)
DEEP = noise("uint16", 24, 20, 3)
GOOD = {f"{i}.png": png(noise("uint8", 24, 20, 1, seed=i)) for i in range(3)}
WITH_NAN = noise("float32", 24, 20, 1)
WITH_NAN[3, 4] = np.nan


def flipped(data: bytes, where: int) -> bytes:
    return data[:where] + bytes([data[where] ^ 0xFF]) + data[where + 1 :]


def claims(width: int, height: int) -> bytes:
    """A PNG whose header claims so many pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\0IDAT"
    )


def claiming_npy(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def claiming_tiff() -> bytes:
    """A TIFF whose width and height have been set to 60,000."""
    data = bytearray(tiff(GREY[..., 0], metadata=None))
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        for name in ("ImageWidth", "ImageLength"):
            tag = opened.pages.first.tags[name]
            data[tag.valueoffset : tag.valueoffset + 4] = struct.pack("<I", 60_000)
    return bytes(data)


JPEG = pillow(Image.fromarray(RGB), "JPEG")
PAGES = tiff(noise("uint8", 6, 24, 20), planarconfig=None, metadata=None, rowsperstrip=24)

CORRUPT: dict[str, tuple[bytes, str]] = {
    "empty.png": (b"", "it is empty"),
    "text.png": (b"<html>404</html>", "not an image"),
    "cut.png": (png(RGB)[:-200], "cut short|truncated"),
    "cut.jpg": (JPEG[:-100], "truncated"),
    "cut.bmp": (pillow(Image.fromarray(RGB), "BMP")[:-50], "truncated"),
    "cut.webp": (pillow(Image.fromarray(RGB), "WEBP", lossless=True)[:-50], "damaged|not an image"),
    "cut 16.png": (png(DEEP)[:-40], "damaged"),
    "altered 16.png": (flipped(png(DEEP), 500), "damaged"),
    "cut.tif": (tiff(squeezed(GREY))[:-30], "cut short"),
    "cut compressed.tif": (tiff(squeezed(GREY), compression="zlib", metadata=None)[:-30], "cut short"),
    "cut pages.tif": (PAGES[: len(PAGES) - 700], "cut short"),
    "text.tif": (b"II*\0nonsense", "damaged|cut short"),
    "cielab.tif": (tiff(RGB, photometric="cielab"), "unusual kind"),
    "cut.npy": (npy(RGB)[:-1], "cut short"),
    "cut header.npy": (npy(RGB)[:40], "not an .npy"),
    "text.npy": (b"text", "not an .npy"),
    "none.npy": (npy(np.zeros((0, 24, 20, 1), np.uint8)), "no images"),
    "nan.npy": (npy(WITH_NAN * np.nan), "none of its values is a number"),
    "infinite.tif": (tiff(np.full((24, 20), np.inf, np.float32)), "none of its values is a number"),
    "overflowing.npy": (npy(WITH_NAN.astype(np.float64).clip(0, 1) * 0 + 1e300), "none of its values is a number"),
    "complex.npy": (npy(RGB.astype(np.complex64)), "complex64"),
    "claims.png": (claims(30_000, 30_000), "decoding 30000x30000 pixels would take"),
    "claims.npy": (claiming_npy((60_000, 60_000)), "cut short"),
    "claims.tif": (claiming_tiff(), "decoding 60000x60000 pixels would take|cut short"),
}


@pytest.mark.parametrize("name", sorted(CORRUPT))
def test_what_cannot_be_read_is_named_or_left_out(name: str, tmp_path: Path) -> None:
    data, reason = CORRUPT[name]
    files = {**GOOD, name: data}
    for source in (folder(tmp_path / "in", files), zipped(tmp_path / "a.zip", files, zipfile.ZIP_DEFLATED)):
        with pytest.raises(UserError, match=rf"1 of its 4 images cannot be read: .*{name} \(.*({reason}).*skip_corr"):
            open_frames(str(source))
        images = open_frames(str(source), skip_corrupt=True)
        assert len(images) == 3 and name not in {images.name(i) for i in range(3)}
        assert images.notes[-1].startswith("1 image that cannot be read was left out: ") and name in images.notes[-1]
    with pytest.raises(UserError, match=rf"{name}: none of its images can be read"):
        (tmp_path / name).write_bytes(data)
        open_frames(str(tmp_path / name), skip_corrupt=True)


def test_all_corrupt_files_are_counted_and_ten_named(tmp_path: Path) -> None:
    bad = {f"bad {i}.png": b"x" for i in range(25)}
    steps: list[int] = []
    with pytest.raises(UserError, match=r"25 of its 28 images cannot be read: .*bad 9\.png \([^)]*\), \.\.\.; mend"):
        open_frames(str(folder(tmp_path, GOOD | bad)), advance=steps.append)
    assert sum(steps) == 28
    assert open_frames(str(tmp_path), skip_corrupt=True).key() != open_frames(f"{tmp_path}/?.png").key()


def test_a_damaged_page_is_named_and_the_others_stay(tmp_path: Path) -> None:
    pages = noise("float32", 5, 24, 20)
    pages[2] = np.inf
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    with pytest.raises(UserError, match=r"1 of its 5 images cannot be read: a.tif page 3"):
        open_frames(str(tmp_path / "a.tif"))
    images = open_frames(str(tmp_path / "a.tif"), skip_corrupt=True)
    assert [images.name(i) for i in range(4)] == [f"a.tif page {n}" for n in (1, 2, 4, 5)]
    assert np.array_equal(images.read(2).pixels[..., 0], pages[3])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            GOOD | {"c.png": png(RGB)},
            r"3 of 4 are of 1 channel of uint8; not so: c.png \(3 channels of uint8\); convert",
        ),
        (GOOD | {"d.png": png(DEEP[..., :1])}, r"not so: d.png \(1 channel of uint16\)"),
        ({f"{i}.npy": npy(np.full((24, 20), i, np.uint8)) for i in range(3)}, "every image is of a single value"),
        ({"readme.txt": b"", "b.csv": b""}, r"none of its files is an image \(the first is b.csv\); a folder, zip"),
        ({}, "there are no images; a folder, zip, tar shards or glob of PNG, JPEG, TIFF, BMP, WebP and .npy"),
        ({".hidden.png": b""}, "there are no images"),
        ({"a.tar": b"", "b.tar": b""}, r"holds archives and no images; name the archives, as in \*.tar"),
        ({"a.npy": npy(np.array([[{}]], dtype=object))}, "a.npy: holds values of type object, which are never loaded"),
        (
            {"a.npy": npy(np.zeros((3, 24, 20), np.uint8))},
            r"a.npy: is of shape \(3, 24, 20\): one image of 3 channels, or",
        ),
        ({"a.npy": npy(np.zeros((5, 16, 20, 16), np.uint8))}, r"a.npy: is of shape .*does not tell channels"),
        ({"a.npy": npy(np.zeros((5, 17, 24, 20), np.uint8))}, r"a.npy: is of shape .*does not tell channels"),
        ({"a.npy": npy(np.zeros((1, 1, 1, 24, 20), np.uint8))}, r"a.npy: has 5 axes.*such as axes TZCYX"),
        ({"a.tif": tiff(np.zeros((4, 3, 24, 20), np.uint8), planarconfig=None)}, "a.tif: .*two unnamed axes.*TCYX"),
    ],
)
def test_sets_that_cannot_be_trained_on(files: dict[str, bytes], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        open_frames(str(folder(tmp_path, files)))


def test_too_many_channels(tmp_path: Path) -> None:
    many = np.zeros((2, 17, 24, 20), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", many, photometric="minisblack", metadata={"axes": "TCYX"})
    with pytest.raises(UserError, match="it has 17 channels; at most 16"):
        open_frames(str(tmp_path / "a.tif"))


def test_constant_images_are_counted(tmp_path: Path) -> None:
    files = GOOD | {"flat.png": png(np.full((24, 20, 1), 7, np.uint8))}
    assert open_frames(str(folder(tmp_path, files))).notes == ["1 image of a single value: flat.png."]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{root}/nowhere", "nowhere: there is no such file or folder"),
        ("{root}/*.webp", "no file matches"),
        ("{root}/s-{{00..02}}.tar", "s-00.tar: there is no such file"),
        ("{root}/s-{{9..2}}.tar", "runs backwards"),
        ("{root}/s-{{x}}.tar", "neither a run"),
        ("{root}/*.txt", "none of its files is an image"),
        ("s3://bucket/x.tar", "only files of this machine"),
        ("https://example.org/a.zip", "download them first"),
        ("{root}/shard.tar.gz", "compressed tar, which cannot be read in place; gunzip"),
        ("{root}/renamed.tar", "compressed tar, which cannot be read in place; gunzip"),
        ("{root}/text.tar", "text.tar: cannot be read as a tar"),
        ("{root}/cut.tar", "cut.tar: cannot be read as a tar"),
        ("{root}/text.zip", "text.zip: cannot be read as a zip"),
        ("{root}/cut.zip", "cut.zip: cannot be read as a zip"),
        ("{root}/two.npz", "two.npz: should hold one array, and holds 2: clean, noisy; save the images alone"),
        ("{root}/text.npz", "not an .npz"),
        ("{root}/objects.npz", "never loaded"),
        ("{root}/cut.npz", "not an .npz"),
    ],
)
def test_paths_that_lead_nowhere(path: str, message: str, tmp_path: Path) -> None:
    for name in ("text.txt", "text.tar", "text.zip", "text.npz"):
        (tmp_path / name).write_bytes(b"text" * 300)
    for name in ("shard.tar.gz", "renamed.tar"):
        tarred(tmp_path / name, GOOD, "w:gz")
    whole = tarred(tmp_path / "whole.tar", {"a.npy": npy(np.zeros((500, 500), np.uint8))}).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:100_000])
    (tmp_path / "cut.zip").write_bytes(zipped(tmp_path / "whole.zip", GOOD).read_bytes()[:300])
    np.savez(tmp_path / "two.npz", clean=RGB, noisy=RGB)
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    np.savez(tmp_path / "whole.npz", a=RGB)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-80])
    with pytest.raises(UserError, match=message):
        open_frames(path.format(root=tmp_path))


@pytest.mark.parametrize("name", ["../x.png", "a/../../x.png", "/etc/x.png", "..\\x.png", "C:\\x.png", "../x.txt"])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_members_that_climb_out_are_refused(pack: Callable[..., Path], name: str, tmp_path: Path) -> None:
    path = pack(tmp_path / f"a.{pack.__name__[:3]}", GOOD | {name: png(GREY)})
    with pytest.raises(UserError, match=r"x\.(png|txt)' is a path that climbs out of the archive"):
        open_frames(str(path))


def test_links_in_a_tar_are_no_files(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", GOOD)
    with tarfile.open(path, "a") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            link = tarfile.TarInfo("link.png")
            link.type, link.linkname = kind, "/etc/hostname"
            archive.addfile(link)
    images = open_frames(str(path))
    assert [images.name(i) for i in range(len(images))] == [f"a.tar:{i}.png" for i in range(3)]


def test_archives_that_grow_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(tmp_path / "a.zip", GOOD | {"big.npy": npy(np.zeros((1200, 1000), np.uint8))}, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(archives, "LARGE", 1_000_000)
    with pytest.raises(UserError, match=r"a\.zip: big\.npy would unpack to 1,200,128 bytes from .*take it out"):
        open_frames(str(bomb))
    assert archives.MAX_RATIO == 200
    monkeypatch.setenv("NRGAN_MAX_BYTES", "100000")
    monkeypatch.setattr(archives, "MAX_RATIO", 1e9)
    with pytest.raises(UserError, match=r"a\.zip:big\.npy \(loading 1,200,128 bytes would take 1.2 MB, and"):
        open_frames(str(bomb))


def altered_zip(path: Path, find: bytes, put: bytes) -> None:
    """The zip with a field of its headers replaced."""
    data = path.read_bytes()
    assert find in data
    path.write_bytes(data.replace(find, put))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_member_that_is_more_than_it_declares_is_refused(method: int, tmp_path: Path) -> None:
    data = npy(np.zeros((300, 300), np.uint8))
    path = zipped(tmp_path / "a.zip", {"a.npy": data}, method)
    altered_zip(path, struct.pack("<I", len(data)), struct.pack("<I", 5_000))
    with pytest.raises(UserError, match=r"a.zip:a.npy: unpacks to more bytes than the archive declares"):
        open_frames(str(path))


def test_altered_and_encrypted_and_unusual_members(tmp_path: Path) -> None:
    data = npy(GREY)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = zipped(tmp_path / "a.zip", GOOD | {"a.npy": data}, method)
        altered_zip(path, struct.pack("<I", zlib.crc32(data)), b"\1\2\3\4")
        # bytes stored as an .npy are read in place, image by image, and never all at once
        if method == zipfile.ZIP_DEFLATED:
            with pytest.raises(UserError, match=r"a.npy \(its checksum is wrong"):
                open_frames(str(path))
    path = zipped(tmp_path / "b.zip", {"a.png": png(GREY)})
    altered_zip(path, b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0")
    with pytest.raises(UserError, match="is encrypted; pack the images"):
        open_frames(str(path))
    with pytest.raises(UserError, match="packed by an unusual method"):
        open_frames(str(zipped(tmp_path / "c.zip", GOOD, zipfile.ZIP_LZMA)))
    zipped(
        tmp_path / "d.zip", {"a.npz": zipped(tmp_path / "e.npz", {"a.npy": data}).read_bytes()}, zipfile.ZIP_DEFLATED
    )
    with pytest.raises(UserError, match="compressed in its archive"):
        open_frames(str(tmp_path / "d.zip"))


def test_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path, GOOD)
    opened = Path.open

    def refused(path: Path, *args: Any, **options: Any) -> Any:
        if path.name == "1.png":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", refused)
    for skip in (False, True):
        with pytest.raises(UserError, match=r"1\.png: cannot be read: Permission denied"):
            open_frames(str(root), skip_corrupt=skip)
    monkeypatch.undo()
    (root / "gone.png").symlink_to(root / "nowhere.png")
    with pytest.raises(UserError, match=r"gone\.png: cannot be read: No such file"):
        open_frames(str(root))


def test_a_hostile_pickle_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    hostile = np.array([[Hostile(marker)]], dtype=object)
    for name, data in (("a.npy", npy(hostile, allow_pickle=True)), ("b.npz", b"")):
        if data:
            (tmp_path / name).write_bytes(data)
        else:
            np.savez(tmp_path / name, a=hostile)
        with pytest.raises(UserError, match="never loaded"):
            open_frames(str(tmp_path / name))
    assert not marker.exists()


def test_no_image_takes_more_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the kind of file: told from its header, before anything is decoded."""
    pixels_ = np.random.default_rng(0).integers(0, 255, (400, 500, 3), np.uint8)
    Image.fromarray(pixels_).save(tmp_path / "a.png")
    Image.fromarray(pixels_).save(tmp_path / "b.jpg")
    imagecodecs.imwrite(tmp_path / "c.png", pixels_.astype(np.uint16) * 257)
    tifffile.imwrite(tmp_path / "d.tif", pixels_, compression="zlib")
    np.save(tmp_path / "e.npy", pixels_[None])
    for path in sorted(tmp_path.iterdir()):
        monkeypatch.setenv("NRGAN_MAX_BYTES", "600000")
        with pytest.raises(UserError, match=r"would take .* MB, and 0.6 MB are allowed \(NRGAN_MAX_BYTES sets that\)"):
            open_frames(str(path))
        monkeypatch.setenv("NRGAN_MAX_BYTES", "9000000")
        assert open_frames(str(path)).sizes.tolist() == [[400, 500]]
    monkeypatch.setenv("NRGAN_MAX_BYTES", "many")
    with pytest.raises(UserError, match="NRGAN_MAX_BYTES many: must be a number of bytes"):
        open_frames(str(tmp_path / "a.png"))


def test_limits_are_sane() -> None:
    with pytest.raises(file_slice.Unreadable, match="no image"):
        pixels.check_size(0, 5)
