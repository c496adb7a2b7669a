"""Written like its source: TIFF, PNG and arrays, and OME-TIFF for what can only be read."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from frames.row_files import LAW, check_read, check_written, folder, images_of, in_archive, same, source_of, values
from nrgan.frames import Wanted
from nrgan.frames.formats import FORMATS, open_file, pictures
from nrgan.frames.formats.arrays import open_npy, open_npz, write_npy, write_npz
from nrgan.frames.formats.pictures import open_picture
from nrgan.frames.formats.png_writing import CHANGED as CHUNKS_CHANGED
from nrgan.frames.formats.png_writing import _chunks, write_png
from nrgan.frames.formats.tiff import open_tiff
from nrgan.frames.formats.tiff_writing import CHANGED, write_ome, write_tiff
from nrgan.frames.opened import Region
from nrgan.frames.writing import name_like, write_like

NOTHING: frozenset[str] = frozenset()
KINDS: dict[str, dict[str, Any]] = {
    "plain": {"metadata": None, "description": "made for a test"},
    "tifffile": {"metadata": {"axes": "TYX", "note": "dust"}},
    "imagej": {"imagej": True, "metadata": {"axes": "TYX", "unit": "um", "Info": "dust", "min": 3.0}},
    "ome": {"ome": True, "metadata": {"axes": "TYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "nm"}},
}
LAID: tuple[dict[str, Any], ...] = (
    {},
    {"compression": "zlib", "predictor": True},
    {"compression": "lzw", "tile": (16, 16)},
    {"rowsperstrip": 3},
    {"byteorder": ">", "bigtiff": True},
)


def words(path: Path) -> list[dict[int, Any]]:
    """The tags of each page that may not change."""
    with tifffile.TiffFile(path) as file:
        return [{tag.code: tag.value for tag in page.tags if tag.code not in CHANGED} for page in file.pages]


@LAW
@given(st.sampled_from(sorted(KINDS)), st.sampled_from(LAID), st.sampled_from(["u1", "u2", "f4"]), st.integers(0, 99))
def test_tiff_stacks_keep_their_words(kind: str, laid: dict[str, Any], dtype: str, seed: int) -> None:
    told = (
        {"photometric": "minisblack"}
        | KINDS[kind]
        | laid
        | ({"compression": None, "predictor": None} if kind == "imagej" else {})
    )
    told |= {} if np.dtype(dtype).kind == "u" or not told.get("predictor") else {"predictor": 3}
    if kind == "imagej":
        told = {key: value for key, value in told.items() if key not in ("byteorder", "bigtiff", "tile", "predictor")}
    with folder() as place:
        path, array = place / "a.tif", values((3, 17, 18), dtype, seed)
        tags = [(65000, "s", 0, "instrument 7", True)]
        extra = {} if kind == "imagej" else {"extratags": tags, "datetime": "2026:01:02 03:04:05"}
        tifffile.imwrite(path, array, resolution=((300, 7), (200, 3)), resolutionunit=3, **extra, **told)
        before = words(path)
        for source in (source_of(path), in_archive(path)):
            found = check_read(open_tiff(source), seed)
            assert same(np.stack([one.pixels[..., 0] for one in found]), array)
            check_written(open_tiff, write_tiff, NOTHING, source, place / "b.tif", seed)
        write_tiff(
            source_of(path), open_tiff(source_of(path)), (image.pixels for image in found), place / "b.tif", None
        )
        assert words(place / "b.tif") == before
        old, new = open_tiff(source_of(path)), open_tiff(source_of(place / "b.tif"))
        assert old.axes == new.axes and old.about == new.about


@pytest.mark.parametrize("axes", ["TZCYX", "ZCYX", "CYX", "TCZYX", "YXS", "TYXS"])
@pytest.mark.parametrize("kind", ["ome", "tifffile", "imagej"])
def test_tiff_axes_stay(axes: str, kind: str, tmp_path: Path) -> None:
    order = "TZCYXS" if kind == "imagej" else "".join(axes)
    axes = "".join(axis for axis in order if axis in axes)
    lengths = {"T": 2, "Z": 3, "C": 2, "Y": 16, "X": 19, "S": 3}
    array, path = values(tuple(lengths[axis] for axis in axes), "u1" if "S" in axes else "u2", 3), tmp_path / "a.tif"
    options = {"photometric": "rgb" if "S" in axes else "minisblack", "metadata": {"axes": axes}}
    tifffile.imwrite(path, array, **options, **({} if kind == "tifffile" else {kind: True}))
    part = check_written(open_tiff, write_tiff, NOTHING, source_of(path), tmp_path / "b.tif", 5)
    assert part.axes == open_tiff(source_of(path)).axes
    write_tiff(
        source_of(path), open_tiff(source_of(path)), [i.pixels for i in images_of(open_tiff(source_of(path)))],
        tmp_path / "c.tif", None,
    )  # fmt: skip
    assert words(tmp_path / "c.tif") == words(path)


def test_one_page_before_all_planes_is_written_in_place(tmp_path: Path) -> None:
    array, path = values((4, 16, 17), "u2", 1), tmp_path / "a.tif"
    tifffile.imwrite(path, array, imagej=True, truncate=True, metadata={"axes": "TYX"})
    check_written(open_tiff, write_tiff, NOTHING, source_of(path), tmp_path / "b.tif", 1)
    same_again = [image.pixels for image in images_of(open_tiff(source_of(path)))]
    write_tiff(source_of(path), open_tiff(source_of(path)), same_again, tmp_path / "c.tif", None)
    assert (tmp_path / "c.tif").read_bytes() == path.read_bytes()


def test_a_description_that_only_looks_like_one_stays(tmp_path: Path) -> None:
    for text in ("{broken", "[1, 2]", '{"note": "dust"}'):
        tifffile.imwrite(tmp_path / "a.tif", values((16, 17), "u1", 1), metadata=None, description=text)
        source = source_of(tmp_path / "a.tif")
        opened, region = open_tiff(source), Region(1, 2, 9, 8)
        write_tiff(source, opened, [opened.read(0, region).pixels], tmp_path / "b.tif", region)
        with tifffile.TiffFile(tmp_path / "b.tif") as new:
            assert new.pages.first.description == text and new.pages.first.shape == (9, 8)


def test_colours_of_tiff_are_written_as_they_are_read(tmp_path: Path) -> None:
    palette = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16) * 257
    alpha = values((16, 17, 4), "u1", 2)
    cases: list[tuple[np.ndarray, dict[str, Any]]] = [
        (values((16, 17), "u1", 1), {"photometric": "palette", "colormap": palette}),
        (values((16, 17), "u1", 1), {"photometric": "miniswhite"}),
        (alpha, {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
        (np.ascontiguousarray(alpha.transpose(2, 0, 1)), {"photometric": "rgb", "planarconfig": "separate"}),
        (values((16, 17), "u1", 1), {"extratags": [(274, 3, 1, 6, True)]}),
        (values((16, 17), "?", 1), {}),
        (values((16, 17, 5), "u1", 1), {"photometric": "minisblack", "planarconfig": "contig"}),
    ]
    for array, options in cases:
        tifffile.imwrite(tmp_path / "a.tif", array, metadata=None, **options)
        check_written(open_tiff, write_tiff, NOTHING, source_of(tmp_path / "a.tif"), tmp_path / "b.tif", 1)


def test_reduced_pages_do_not_stay(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(values((32, 32), "u1", 1), metadata=None)
        file.write(values((16, 16), "u1", 1), metadata=None, subfiletype=1)
    check_written(open_tiff, write_tiff, NOTHING, source_of(tmp_path / "a.tif"), tmp_path / "b.tif", 1)
    with tifffile.TiffFile(tmp_path / "b.tif") as new:
        assert len(new.pages) == 1


@LAW
@given(st.sampled_from([("L", 1), ("RGB", 3), ("I;16", 1)]), st.integers(0, 99))
def test_png_keeps_its_chunks(mode: tuple[str, int], seed: int) -> None:
    with folder() as place:
        said = PngImagePlugin.PngInfo()
        said.add_text("Comment", "dust")
        said.add_itxt("Title", "Staub, µ")
        said.add(b"gAMA", (45455).to_bytes(4, "big"))
        array = values((16, 17, mode[1]), "u2" if "16" in mode[0] else "u1", seed)
        Image.fromarray(array[..., 0] if mode[1] == 1 else array).save(place / "a.png", pnginfo=said, dpi=(300, 150))
        before = [chunk for chunk in _chunks((place / "a.png").read_bytes()) if chunk[0].decode() not in CHUNKS_CHANGED]
        assert {b"pHYs", b"tEXt", b"iTXt", b"gAMA"} <= {name for name, _ in before}
        for source in (source_of(place / "a.png"), in_archive(place / "a.png")):
            check_written(open_picture, write_png, NOTHING, source, place / "b.png", seed)
            after = [c for c in _chunks((place / "b.png").read_bytes()) if c[0].decode() not in CHUNKS_CHANGED]
            assert after == before


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp", ".png"])
def test_other_pictures_become_png_and_upright(suffix: str, tmp_path: Path) -> None:
    path, exif = tmp_path / f"a{suffix}", Image.Exif()
    exif[pictures.ORIENTATION], exif[0x010F] = 6, "a camera"
    Image.fromarray(values((16, 24, 3), "u1", 1)).save(path, **({} if suffix == ".bmp" else {"exif": exif}))
    source = source_of(path)
    assert name_like(source) == "a.png"
    images = images_of(open_picture(source))
    write_like(source, [image.pixels for image in images], tmp_path / "b.png")
    assert same(open_picture(source_of(tmp_path / "b.png")).read(0).pixels, images[0].pixels)
    if suffix != ".bmp":
        with Image.open(tmp_path / "b.png") as new:
            assert new.getexif()[0x010F] == "a camera" and new.getexif()[pictures.ORIENTATION] == 1


def test_palettes_come_back_as_colours(tmp_path: Path) -> None:
    image = Image.fromarray(values((16, 17, 3), "u1", 1)).quantize(7)
    image.save(tmp_path / "a.png", transparency=0)
    check_written(open_picture, write_png, NOTHING, source_of(tmp_path / "a.png"), tmp_path / "b.png", 1)


@LAW
@given(
    st.sampled_from(["u1", ">u2", "<i4", "f4", ">f8", "?"]),
    st.sampled_from([(18, 17), (18, 17, 16), (20, 19, 3), (2, 18, 17, 1)]),
    st.booleans(),
    st.integers(0, 99),
)
def test_arrays(dtype: str, shape: tuple[int, ...], columns_first: bool, seed: int) -> None:
    with folder() as place:
        array = np.asarray(values(shape, dtype, seed), order="F" if columns_first else "C")
        np.save(place / "a.npy", array)
        for source in (source_of(place / "a.npy"), in_archive(place / "a.npy")):
            check_written(open_npy, write_npy, NOTHING, source, place / "b.npy", seed, 16)
        source = source_of(place / "a.npy")
        write_npy(source, open_npy(source), [one.pixels for one in images_of(open_npy(source))], place / "b.npy", None)
        assert (place / "b.npy").read_bytes() == (place / "a.npy").read_bytes()


def test_the_rest_of_an_npz_stays(tmp_path: Path) -> None:
    array = values((20, 17, 18), "u2", 1)
    np.savez_compressed(tmp_path / "a.npz", scan=array)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as file:
        file.writestr("notes.txt", "dust")
    check_written(open_npz, write_npz, NOTHING, source_of(tmp_path / "a.npz"), tmp_path / "b.npz", 1, 16)
    with zipfile.ZipFile(tmp_path / "b.npz") as file:
        assert file.read("notes.txt") == b"dust" and file.getinfo("scan.npy").compress_type == zipfile.ZIP_DEFLATED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_axes_that_the_owner_named(tmp_path: Path) -> None:
    array = values((16, 17, 5, 2), "u2", 1)
    np.save(tmp_path / "a.npy", array)
    source, wanted = source_of(tmp_path / "a.npy"), Wanted(axes="YXZR")
    images = [array[:, :, n // 2, n % 2, None] for n in range(10)]
    write_like(source, images, tmp_path / name_like(source, wanted).replace("a", "b"), wanted=wanted)
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "a.npy").read_bytes()
    tifffile.imwrite(tmp_path / "a.tif", array.transpose(2, 3, 0, 1), metadata={"axes": "QQYX"})
    source, wanted = source_of(tmp_path / "a.tif"), Wanted(axes="ZTYX")
    assert name_like(source, wanted) == "a.ome.tif"
    write_like(source, images, tmp_path / "b.ome.tif", wanted=wanted)
    written = open_tiff(source_of(tmp_path / "b.ome.tif"))
    assert written.axes == (("Z", 5), ("T", 2)) and same(written.read(3).pixels, images[3])


@pytest.mark.parametrize("name", sorted(name for name, row in FORMATS.items() if row.write is None))
def test_what_is_only_read_becomes_ome(name: str) -> None:
    assert name_like(source_of(Path(f"a{FORMATS[name].suffixes[0]}"))) == "a.ome.tif"


def test_ome_says_what_is_known(tmp_path: Path) -> None:
    from nrgan.frames.opened import About
    from nrgan.frames.stack import Stack

    array = values((3, 4, 2, 16, 17), "u2", 1)
    about = About(pixel_size={"X": 0.25, "Y": 0.5, "Z": 2.0}, unit="µm", channels=("DAPI", "far red"))
    for letters in ("TZCYX", "ZTCYX", "TRCYX"):
        stack = Stack(letters, array.shape, array.dtype, lambda index: array[index], about)
        region, path = Region(1, 2, 9, 8), tmp_path / f"{letters}.ome.tif"
        write_ome(source_of(tmp_path), stack, (stack.read(n, region).pixels for n in range(12)), path, region)
        new = open_file(source_of(path), Wanted())
        assert [same(new.read(n).pixels, stack.read(n, region).pixels) for n in range(12)] == [True] * 12
        assert new.about.pixel_size == about.pixel_size and new.about.unit == "µm"
        assert new.about.channels == about.channels
        assert new.axes == ((("T", 12),) if "R" in letters else ((letters[0], 3), (letters[1], 4)))


def test_private_tags_that_tell_places_are_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LSM's own tag points into the file: what is written instead is OME-TIFF."""
    tifffile.imwrite(tmp_path / "a.lsm", values((16, 17), "u1", 1), metadata=None)
    source = source_of(tmp_path / "a.lsm")
    opened = open_tiff(source)
    monkeypatch.setattr(opened, "file", SimpleNamespace(is_lsm=True))
    assert name_like(source) == "a.tif"
    write_tiff(source, opened, [opened.read(0).pixels], tmp_path / "b.tif", None)
    with tifffile.TiffFile(tmp_path / "b.tif") as new:
        assert new.is_ome
