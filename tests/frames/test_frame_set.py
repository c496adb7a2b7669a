"""Reading people's own images: what is in the files comes out, whatever kind of file it is."""

from __future__ import annotations

import os
import pickle
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from nrgan.errors import UserError
from nrgan.frames import FrameSet, open_frames
from nrgan.frames.listing import natural
from own_files import TYPES, WRITERS, Pixels, folder, noise, npy, pillow, png, squeezed, tarred, tiff, zipped

COUNT, HEIGHT, WIDTH = 13, 24, 33


def some(dtype: str, channels: int) -> list[Pixels]:
    return list(noise(dtype, COUNT, HEIGHT, WIDTH, channels))


def assert_gives(images: FrameSet, expected: list[Pixels]) -> None:
    assert len(images) == len(expected)
    assert images.channels == expected[0].shape[2] and images.dtype == expected[0].dtype
    assert np.array_equal(images.sizes, [image.shape[:2] for image in expected])
    for i, image in enumerate(expected):
        read = images.read(i).pixels
        assert read.dtype == image.dtype and read.dtype.isnative and read.flags.c_contiguous and read.flags.writeable
        np.testing.assert_array_equal(read, image, err_msg=images.name(i))


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_every_kind_of_source_gives_its_values(kind: str, dtype: str, channels: int, tmp_path: Path) -> None:
    expected = some(dtype, channels)
    steps: list[int] = []
    images = open_frames(str(WRITERS[kind](tmp_path, expected)), advance=steps.append)
    assert_gives(images, expected)
    assert steps == [1] * COUNT
    everything = np.stack(expected)
    assert (images.statistics.low, images.statistics.high) == (everything.min(), everything.max())
    assert len({images.name(i) for i in range(COUNT)}) == COUNT


@pytest.mark.parametrize("kind", ["folder", "zip deflated", "shards", "npy", "npz compressed", "ome-tiff depth"])
def test_pickles_and_other_processes_and_threads_read_the_same(kind: str, tmp_path: Path) -> None:
    expected = some("uint16", 3)
    images = open_frames(str(WRITERS[kind](tmp_path, expected)))
    copy = pickle.loads(pickle.dumps(images))
    assert_gives(copy, expected)
    assert copy.key() == images.key() and copy.name(3) == images.name(3)
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(images.read, list(range(COUNT)) * 4))
    assert all(np.array_equal(frame.pixels, expected[i % COUNT]) for i, frame in enumerate(read))
    with get_context("fork").Pool(2) as processes:
        read = processes.map(images.read, range(COUNT))
        assert all(np.array_equal(frame.pixels, image) for frame, image in zip(read, expected, strict=True))


def test_names_and_order(tmp_path: Path) -> None:
    flat = {f"b/{name}": png(noise("uint8", 16, 16, 1)) for name in ("a10.png", "a9.png", "A1.png", "a9b.png")}
    files = flat | {"a/2.png": png(noise("uint8", 16, 16, 1)), ".hidden/x.png": b"", "b/.x.png": b"", "10.png": b""}
    files["10.png"] = png(noise("uint8", 16, 16, 1))
    images = open_frames(str(folder(tmp_path / "in", files)))
    order = ["10.png", "a/2.png", "b/A1.png", "b/a9.png", "b/a9b.png", "b/a10.png"]
    assert [images.name(i) for i in range(len(images))] == order
    pages = noise("uint8", 8, 16, 16)
    tifffile.imwrite(tmp_path / "scan.tif", pages, photometric="minisblack", metadata=None)
    assert open_frames(str(tmp_path / "scan.tif")).name(6) == "scan.tif page 7"
    np.save(tmp_path / "stack.npy", pages)
    assert open_frames(str(tmp_path / "stack.npy")).name(6) == "stack.npy[6]"
    zipped(tmp_path / "a.zip", {"img/3.png": png(pages[0][..., None])})
    assert open_frames(str(tmp_path / "a.zip")).name(0) == "a.zip:img/3.png"
    several = folder(tmp_path / "several", {"x.tif": (tmp_path / "scan.tif").read_bytes(), "y.tif": tiff(pages[0])})
    names = [open_frames(str(several)).name(i) for i in (0, 7, 8)]
    assert names == ["x.tif page 1", "x.tif page 8", "y.tif"]
    with pytest.raises(IndexError):
        images.read(len(images))
    with pytest.raises(IndexError):
        images.name(-1)


def test_a_single_file_is_a_set_of_one(tmp_path: Path) -> None:
    image = noise("uint16", 20, 30, 3)
    for name, data in (("a.png", png(image)), ("a.tif", tiff(image)), ("a.npy", npy(image)), ("a.npz", b"")):
        if name == "a.npz":
            np.savez(tmp_path / name, image)
        else:
            (tmp_path / name).write_bytes(data)
        images = open_frames(str(tmp_path / name))
        assert_gives(images, [image])
        assert images.name(0) == name


def test_braces_globs_and_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = some("uint8", 1)
    for i in range(9, 12):
        tarred(tmp_path / f"s-{i}.tar", {f"{i}.png": png(images[i])})
    for text in (f"{tmp_path}/s-{{9..11}}.tar", f"{tmp_path}/s-*.tar", f"{tmp_path}/s-{{9,10,11}}.tar"):
        assert_gives(open_frames(text), images[9:12])
    monkeypatch.chdir(tmp_path)
    relative = open_frames("s-{9..10}.tar")
    monkeypatch.chdir("/")
    assert_gives(relative, images[9:11])
    both = {"train": {"1.png": png(images[0])}, "test [x]": {"1.png": png(images[1])}}
    for name, files in both.items():
        folder(tmp_path / name, files)
    assert_gives(open_frames(f"{tmp_path}/{{train,test [x]}}"), images[:2])
    assert_gives(open_frames(f"{tmp_path}/test [x]"), images[1:2])
    assert [open_frames(f"{tmp_path}/t*/*.png").name(i) for i in (0, 1)] == ["test [x]/1.png", "train/1.png"]


def test_links_to_folders_are_followed_and_never_for_ever(tmp_path: Path) -> None:
    root = folder(tmp_path / "in", {"a/1.png": png(noise("uint8", 16, 16, 1))})
    folder(tmp_path / "other", {"2.png": png(noise("uint8", 16, 16, 1))})
    (root / "back").symlink_to(root)
    (root / "other").symlink_to(tmp_path / "other")
    images = open_frames(str(root))
    assert [images.name(i) for i in range(len(images))] == ["a/1.png", "other/2.png"]


def test_other_files_are_left_out_and_named(tmp_path: Path) -> None:
    files = {"1.png": png(noise("uint8", 16, 16, 1)), "readme.txt": b"x", "Thumbs.db": b"x"}
    assert open_frames(str(folder(tmp_path / "in", files))).notes == [
        "2 files are no images and were left out: Thumbs.db, readme.txt."
    ]
    assert open_frames(str(zipped(tmp_path / "a.zip", files | {"__MACOSX/1.png": b""}))).notes == [
        "2 files are no images and were left out: a.zip:Thumbs.db, a.zip:readme.txt."
    ]


RGB = noise("uint8", 20, 30, 3)
GREY = RGB[..., :1]
SMOOTH = np.asarray(Image.fromarray(RGB).resize((7, 5)).resize((60, 40), Image.Resampling.BICUBIC))


def palette(grey: bool) -> tuple[Image.Image, Pixels]:
    colours = np.repeat(np.arange(256)[:, None], 3, axis=1) if grey else np.arange(768).reshape(256, 3) % 251
    image = Image.fromarray(GREY[..., 0]).convert("P")
    image.putpalette(colours.astype(np.uint8).tobytes())
    return image, (GREY if grey else colours[GREY[..., 0]].astype(np.uint8))


def convertible() -> dict[str, tuple[bytes, Pixels, str]]:
    """Files, what is read from them, and what is said about it."""
    alpha = "The alpha channel of 1 image was dropped."
    rgba16 = noise("uint16", 20, 30, 4)
    one_bit = GREY[..., 0] > 100
    bits = np.where(one_bit, 255, 0).astype(np.uint8)[..., None]
    binary = "The two values of 1 image with one bit a pixel became 0 and 255."
    colour, coloured = palette(grey=False)
    greys, greyed = palette(grey=True)
    inks = Image.fromarray(RGB).convert("CMYK")
    tiff_palette = np.stack([np.arange(256) * f % 256 * 257 for f in (1, 3, 5)]).astype(np.uint16)
    floats, as_float = RGB.astype(np.float64) / 7, (RGB / 7).astype(np.float32)
    whole = "The values of 1 image were converted to 32-bit floats (whole numbers up to 16,777,216 are kept exactly)."
    narrowed = "The 64-bit floats of 1 image are kept as 32-bit floats."
    return {
        "grey.png": (png(GREY), GREY, ""),
        "rgb.bmp": (pillow(Image.fromarray(RGB), "BMP"), RGB, ""),
        "rgb.webp": (pillow(Image.fromarray(RGB), "WEBP", lossless=True), RGB, ""),
        "rgb16.png": (png(rgba16[..., :3]), rgba16[..., :3], ""),
        "rgba16.png": (png(rgba16), rgba16[..., :3], alpha),
        "la16.png": (png(rgba16[..., :2]), rgba16[..., :1], alpha),
        "grey16.png": (png(rgba16[..., :1]), rgba16[..., :1], ""),
        "rgba.png": (png(noise("uint8", 20, 30, 4)), noise("uint8", 20, 30, 4)[..., :3], alpha),
        "la.png": (png(noise("uint8", 20, 30, 2)), noise("uint8", 20, 30, 2)[..., :1], alpha),
        "palette.png": (pillow(colour, "PNG"), coloured, ""),
        "grey palette.png": (pillow(greys, "PNG"), greyed, ""),
        "clear palette.png": (pillow(colour, "PNG", transparency=3), coloured, alpha),
        "bits.png": (pillow(Image.fromarray(one_bit), "PNG"), bits, ""),
        "named wrongly.jpg": (png(RGB), RGB, ""),
        "cmyk.jpg": (pillow(inks, "JPEG", quality=100), np.asarray(inks.convert("RGB")), "close"),
        "smooth.jpeg": (pillow(Image.fromarray(SMOOTH), "JPEG", quality=100), SMOOTH, "close"),
        "cmyk.tif": (pillow(inks, "TIFF"), np.asarray(inks.convert("RGB")), "close"),
        "bits.tif": (tiff(one_bit), bits, binary),
        "white.tif": (tiff(255 - GREY[..., 0], photometric="miniswhite"), GREY, ""),
        "palette.tif": (
            tiff(GREY[..., 0], photometric="palette", colormap=tiff_palette),
            (tiff_palette[:, GREY[..., 0]].transpose(1, 2, 0) // 257).astype(np.uint8),
            "",
        ),
        "rgba.tif": (tiff(rgba16, photometric="rgb", extrasamples=["unassalpha"]), rgba16[..., :3], alpha),
        "four.tif": (tiff(rgba16), rgba16, ""),
        "jpeg.tif": (tiff(SMOOTH, compression="jpeg", compressionargs={"level": 100}), SMOOTH, "close"),
        "tiled.tif": (tiff(RGB, tile=(16, 16), compression="zlib", predictor=True), RGB, ""),
        "bool.npy": (npy(one_bit), bits, binary),
        "f2.npy": (npy(GREY.astype(np.float16)), GREY.astype(np.float32), ""),
        "f8.npy": (npy(floats), as_float, narrowed),
        "f8 big.npy": (npy(floats.astype(">f8")), as_float, narrowed),
        "i2.npy": (npy(RGB.astype(np.int16) - 100), RGB.astype(np.int16) - 100, ""),
        "i1.npy": (npy((RGB // 2).astype(np.int8)), (RGB // 2).astype(np.float32), whole),
        "u4.npy": (npy(RGB.astype(">u4")), RGB.astype(np.float32), whole),
        "i4.tif": (tiff(GREY[..., 0].astype(np.int32)), GREY.astype(np.float32), whole),
        "i8.npy": (npy(RGB.astype(np.int64)), RGB.astype(np.float32), whole),
    }


@pytest.mark.parametrize("name", sorted(convertible()))
def test_colours_and_types_are_brought_to_one(name: str, tmp_path: Path) -> None:
    data, expected, said = convertible()[name]
    (tmp_path / name).write_bytes(data)
    images = open_frames(str(tmp_path / name))
    read = images.read(0).pixels
    assert read.shape == expected.shape and read.dtype == expected.dtype
    if said == "close":  # JPEG and inks lose a little
        assert np.abs(read.astype(float) - expected).mean() < 4
    else:
        np.testing.assert_array_equal(read, expected)
        assert images.notes == ([said] if said else [])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_honoured(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain = Image.fromarray(RGB)
    tagged = {"a.png": pillow(plain, "PNG", exif=exif), "a.webp": pillow(plain, "WEBP", lossless=True, exif=exif)}
    for name, data in tagged.items():
        (tmp_path / name).write_bytes(data)
        with Image.open(tmp_path / name) as opened:
            expected = np.asarray(ImageOps.exif_transpose(opened))
        np.testing.assert_array_equal(open_frames(str(tmp_path / name)).read(0).pixels, expected)
    (tmp_path / "a.tif").write_bytes(tiff(RGB, extratags=[(274, 3, 1, orientation, True)]))
    np.testing.assert_array_equal(open_frames(str(tmp_path / "a.tif")).read(0).pixels, expected)
    (tmp_path / "a.jpg").write_bytes(pillow(plain, "JPEG", exif=exif))
    assert open_frames(str(tmp_path / "a.jpg")).read(0).pixels.shape == expected.shape


def test_of_an_animation_the_first_frame_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(
        pillow(Image.fromarray(RGB), "WEBP", save_all=True, lossless=True, append_images=[Image.fromarray(255 - RGB)])
    )
    images = open_frames(str(tmp_path / "a.webp"))
    assert np.array_equal(images.read(0).pixels, RGB)
    assert images.notes == ["Of 1 image with several frames only the first is read."]


def test_ome_flattens_all_but_channels(tmp_path: Path) -> None:
    stack = noise("uint8", 2, 3, 4, 16, 20)  # T C Z Y X
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, photometric="minisblack", metadata={"axes": "TCZYX"})
    images = open_frames(str(tmp_path / "a.ome.tif"))
    assert_gives(images, [stack[t, :, z].transpose(1, 2, 0) for t in range(2) for z in range(4)])
    rgb = noise("uint8", 2, 4, 16, 20, 3)
    tifffile.imwrite(tmp_path / "b.ome.tif", rgb, photometric="rgb", metadata={"axes": "TZYXS"})
    assert_gives(open_frames(str(tmp_path / "b.ome.tif")), list(rgb.reshape(8, 16, 20, 3)))


def test_pages_of_several_sizes_previews_and_positions(tmp_path: Path) -> None:
    pages = [noise("uint8", 20 + i % 2, 30, 1, seed=i) for i in range(4)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for page in pages:
            writer.write(page[..., 0], photometric="minisblack", metadata=None)
        writer.write(pages[0][::2, ::2, 0], photometric="minisblack", metadata=None, subfiletype=1)
    assert_gives(open_frames(str(tmp_path / "a.tif")), pages)
    with tifffile.TiffWriter(tmp_path / "b.ome.tif") as writer:
        for page in pages:
            writer.write(page[..., 0], photometric="minisblack")
    assert_gives(open_frames(str(tmp_path / "b.ome.tif")), pages)


def test_one_ome_file_of_several_gives_its_own_images(tmp_path: Path) -> None:
    stack = noise("uint8", 2, 3, 16, 20)
    tifffile.imwrite(tmp_path / "whole.ome.tif", stack, photometric="minisblack", metadata={"axes": "TCYX"})
    with tifffile.TiffFile(tmp_path / "whole.ome.tif") as whole:
        text = str(whole.ome_metadata)
    parts = ['<TiffData FirstT="0" IFD="0" PlaneCount="3"/>']
    parts += ['<TiffData FirstT="1" IFD="0" PlaneCount="3"><UUID FileName="other.ome.tif">urn:uuid:1</UUID></TiffData>']
    assert '<TiffData IFD="0" PlaneCount="6"/>' in text
    text = text.replace('<TiffData IFD="0" PlaneCount="6"/>', "".join(parts))
    tifffile.imwrite(tmp_path / "one.ome.tif", stack[0], photometric="minisblack", description=text, metadata=None)
    assert_gives(open_frames(str(tmp_path / "one.ome.tif")), [stack[0].transpose(1, 2, 0)])


def test_key_follows_names_sizes_and_dates(tmp_path: Path) -> None:
    root = folder(tmp_path / "in", {f"{i}.png": png(noise("uint8", 16, 16, 1, seed=i)) for i in range(3)})
    key = open_frames(str(root)).key()
    assert open_frames(str(root)).key() == key
    os.utime(root / "1.png", ns=(1, 1))
    touched = open_frames(str(root)).key()
    (root / "1.png").rename(root / "1b.png")
    renamed = open_frames(str(root)).key()
    (root / "2.png").unlink()
    assert len({key, touched, renamed, open_frames(str(root)).key()}) == 4
    np.save(tmp_path / "a.npy", noise("uint8", 20, 16, 16))
    first = open_frames(str(tmp_path / "a.npy")).key()
    os.utime(tmp_path / "a.npy", ns=(1, 1))
    assert open_frames(str(tmp_path / "a.npy")).key() != first


def test_a_file_that_changes_later_is_named(tmp_path: Path) -> None:
    root = folder(tmp_path, {f"{i}.png": png(noise("uint8", 16, 16, 1, seed=i)) for i in range(3)})
    images = open_frames(str(root))
    (root / "1.png").write_bytes(png(noise("uint8", 24, 16, 1)))
    (root / "2.png").write_bytes(b"x")
    for i in (1, 2):
        with pytest.raises(UserError, match=rf"{i}.png: has changed since it was opened"):
            images.read(i)
    (root / "0.png").unlink()
    with pytest.raises(UserError, match=r"0.png: cannot be read: No such file"):
        images.read(0)


@pytest.mark.parametrize("kind", ["npy", "tiff", "tar", "zip deflated"])
def test_memory_does_not_grow_with_the_source(kind: str, tmp_path: Path) -> None:
    # 20 MB of images of 200 KB: what is held at once must be a few of them, and the tally
    image = noise("uint8", 256, 256, 3)
    many = np.broadcast_to(image, (100, *image.shape))
    path = tmp_path / {"npy": "a.npy", "tiff": "a.tif", "tar": "a.tar", "zip deflated": "a.zip"}[kind]
    if kind == "npy":
        np.save(path, many)
    elif kind == "tiff":
        tifffile.imwrite(path, many, photometric="rgb")
    else:
        files = {f"{i}.png": png(image) for i in range(100)}
        tarred(path, files) if kind == "tar" else zipped(path, files, zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    images = open_frames(str(path))
    for i in range(0, 100, 10):
        images.read(i)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    workers = os.cpu_count() or 1
    assert peak < 2e6 + 2e6 * workers, f"{peak / 1e6:.1f} MB"


def test_natural_order_is_total() -> None:
    names = ["a", "a/b.png", "a01.png", "a1.png", "a/1", "1" * 5000, "b²3", ""]
    ordered = sorted(names, key=natural)
    names.reverse()
    assert sorted(names, key=natural) == ordered


def test_squeezed_stacks_keep_their_meaning(tmp_path: Path) -> None:
    grey = noise("uint16", 20, 24, 30)
    np.save(tmp_path / "grey.npy", grey)
    assert_gives(open_frames(str(tmp_path / "grey.npy")), [squeezed(image[..., None])[..., None] for image in grey])
    np.save(tmp_path / "few.npy", grey[:3])
    assert len(open_frames(str(tmp_path / "few.npy"))) == 3, "alone, three images of one channel are a stack"
