"""FITS files: types, scales, masks, sections, extensions, tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames.row_files import LAW, check_damage, check_read, check_written, folder, in_archive, same, source_of, values
from nrgan.frames.file_slice import Unreadable
from nrgan.frames.formats.fits import CHANGED, OVERSCAN, open_fits, write_fits
from nrgan.frames.frame import SensorPlace
from nrgan.frames.opened import Region

fits = pytest.importorskip("astropy.io.fits")

TYPES = ("u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


def save(path: Path, array: np.ndarray, tiles: str = "", **cards: object) -> Path:
    make = {"compression_type": tiles} if tiles else {}
    image = (fits.CompImageHDU if tiles else fits.PrimaryHDU)(array, **make)
    for key, value in cards.items():
        image.header[key] = value
    image.header["HISTORY"] = "made for a test"
    fits.HDUList([fits.PrimaryHDU(), image] if tiles else [image]).writeto(path, checksum=True, overwrite=True)
    return path


@LAW
@given(st.sampled_from(TYPES), st.lists(st.integers(1, 6), min_size=2, max_size=5), st.integers(0, 99))
def test_every_type_comes_and_goes_as_it_is(dtype: str, shape: list[int], seed: int) -> None:
    with folder() as place:
        array = values(tuple(shape), dtype, seed)
        path = save(place / "a.fits", array, CRPIX1=5.5, EXPTIME=2.5)
        for source in (source_of(path), in_archive(path)):
            found = check_read(open_fits(source), seed)
            together = np.concatenate([one.pixels[None, ..., 0] for one in found])
            assert same(together.reshape(shape), array)
        part = check_written(open_fits, write_fits, CHANGED, source_of(path), place / "b.fits", seed)
        first = part.read(0)
        assert first.header["CRPIX1"] == 5.5 - first.place.left and first.header["EXPTIME"] == 2.5
        with fits.open(place / "b.fits", checksum=True) as written:
            written.verify("exception")


@pytest.mark.parametrize("tiles", ["RICE_1", "GZIP_2", "HCOMPRESS_1"])
def test_tiles(tmp_path: Path, tiles: str) -> None:
    array = values((40, 50), "i2", 3)
    path = save(tmp_path / "a.fits.fz", array, tiles)
    opened = open_fits(source_of(path))
    assert opened.in_parts and same(check_read(opened, 4)[0].pixels[..., 0], array)
    check_written(open_fits, write_fits, CHANGED, source_of(path), tmp_path / "b.fits.fz", 3)


def test_scaled_values_are_floats(tmp_path: Path) -> None:
    stored = np.array([[1, 2, -7], [4, 5, 6]], np.int16)
    image = fits.PrimaryHDU(stored)
    image.header.update({"BSCALE": 0.5, "BZERO": 10.0, "BLANK": -7})
    (tmp_path / "a.fits").write_bytes(
        image.header.tostring().encode() + stored.astype(">i2").tobytes().ljust(2880, b"\0")
    )
    source = source_of(tmp_path / "a.fits")
    found = open_fits(source).read(0).pixels[..., 0]
    assert same(found, np.array([[10.5, 11, np.nan], [12, 12.5, 13]], np.float32))
    check_written(open_fits, write_fits, CHANGED, source, tmp_path / "b.fits", 3)


def test_blank_and_masks_are_missing(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.int16).reshape(3, 4)
    path = save(tmp_path / "a.fits", array, BLANK=5)
    assert np.array_equal(open_fits(source_of(path)).read(0).missing, array == 5)
    check_written(open_fits, write_fits, CHANGED, source_of(path), tmp_path / "c.fits", 3)
    names = {"SCI": array.astype(np.float32), "ERR": array.astype(np.float32), "DQ": (array == 7).astype(np.int16)}
    units = [fits.ImageHDU(each, name=name, ver=n) for n in (1, 2) for name, each in names.items()]
    fits.HDUList([fits.PrimaryHDU(), *units]).writeto(tmp_path / "b.fits")
    opened = open_fits(source_of(tmp_path / "b.fits"))
    assert opened.axes == (("N", 2),)
    assert np.array_equal(check_read(opened, 1)[1].missing, array == 7)
    region = Region(1, 2, 2, 2)
    write_fits(
        source_of(tmp_path / "b.fits"),
        open_fits(source_of(tmp_path / "b.fits")),
        [np.ones((2, 2, 1), ">f4")] * 2,
        tmp_path / "c.fits",
        region,
    )
    assert np.array_equal(open_fits(source_of(tmp_path / "c.fits")).read(0).missing, (array == 7)[1:, 2:])


@pytest.mark.parametrize("key", ["TRIMSEC", "DATASEC"])
def test_overscan_is_left_out(tmp_path: Path, key: str) -> None:
    array = values((20, 30), "u2", 1)
    path = save(tmp_path / "a.fits", array, **{key: "[5:28,3:20]"}, LTV1=-100.0)
    opened = open_fits(source_of(path))
    found = check_read(opened, 2)[0]
    assert same(found.pixels[..., 0], array[2:20, 4:28])
    assert found.place == SensorPlace(2, 104) and found.notes == (OVERSCAN,)
    check_written(open_fits, write_fits, CHANGED, source_of(path), tmp_path / "b.fits", 3)
    write_fits(source_of(path), open_fits(source_of(path)), [np.zeros((18, 24, 1), "u2")], tmp_path / "b.fits", None)
    with fits.open(tmp_path / "b.fits", uint=True) as written:
        assert np.array_equal(written[0].data[:2], array[:2]) and not written[0].data[2:, 4:28].any()
    region = Region(1, 2, 5, 6)
    write_fits(source_of(path), open_fits(source_of(path)), [np.zeros((5, 6, 1), "u2")], tmp_path / "b.fits", region)
    assert open_fits(source_of(tmp_path / "b.fits")).read(0).place == SensorPlace(3, 106)


def test_axes_by_ctype(tmp_path: Path) -> None:
    array = np.zeros((2, 3, 4, 5, 6), np.float32)
    path = save(tmp_path / "a.fits", array, CTYPE3="WAVE-LOG", CTYPE4="TIME", CTYPE5="STUFF")
    assert open_fits(source_of(path)).axes == (("N", 2), ("T", 3), ("E", 4))
    path = save(tmp_path / "b.fits", array[0, 0, :3], CTYPE3="RGB")
    assert open_fits(source_of(path)).shape(0) == (5, 6, 3 if array.shape[2] > 3 else array.shape[2])


def test_pixel_size_and_values(tmp_path: Path) -> None:
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -0.001, "CDELT2": 0.001, "BUNIT": "electron"}
    about = open_fits(source_of(save(tmp_path / "a.fits", np.zeros((4, 5), "f4"), **cards))).about
    assert (about.unit, about.values) == ("arcsec", "electron") and about.pixel_size["X"] == pytest.approx(3.6)


def test_a_spectrum_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no images"):
        open_fits(source_of(save(tmp_path / "a.fits", np.zeros(50, "f4"))))


@pytest.mark.parametrize("tiles", ["", "RICE_1"])
def test_damaged_files(tmp_path: Path, tiles: str) -> None:
    check_damage(open_fits, save(tmp_path / "a.fits", values((30, 40), "i2", 1), tiles))
    path = save(tmp_path / "b.fits", values((100, 100), "i2", 1))
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(Unreadable, match="cut short"):
        open_fits(source_of(path))
