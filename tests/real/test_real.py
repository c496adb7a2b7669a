"""Real files of several instruments, small ones: opened with the defaults, and held against their libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nrgan.frames import FrameSet, choose_range, open_frames

FOLDER = Path(__file__).parent
IMAGES = sorted(path.name for path in FOLDER.iterdir() if path.suffix not in (".md", ".py") and path.is_file())

READING = {
    "CT_small.dcm": "1 image of 128x128 pixels, 1 channel, int16",
    "EMD-3197.map": "20 images of 20x20 pixels, 1 channel, float32; axes Z20 (named by the file)",
    "emri_small.dcm": "10 images of 64x64 pixels, 1 channel, uint16; axes N10 (named by the file)",
    "emri_small_jpeg_ls_lossless.dcm": "10 images of 64x64 pixels, 1 channel, uint16; axes N10 (named by the file)",
    "example_nifti2.nii.gz": "12 images of 32x20 pixels, 2 repeats each, 1 channel, int16; axes T2 Z12 (named by the "
    "file)",
    "functional.nii": "3 images of 17x21 pixels, 20 repeats each, 1 channel, float32; axes T20 Z3 (named by the file)",
    "MR_small.dcm": "1 image of 64x64 pixels, 1 channel, int16",
    "MR_small_bigendian.dcm": "1 image of 64x64 pixels, 1 channel, int16",
    "MR_small_jp2klossless.dcm": "1 image of 64x64 pixels, 1 channel, int16",
    "MR_small_jpeg_ls_lossless.dcm": "1 image of 64x64 pixels, 1 channel, int16",
    "MR_small_RLE.dcm": "1 image of 64x64 pixels, 1 channel, int16",
    "sip-wcs.fits": "1 image of 100x50 pixels, 1 channel, uint16",
    "small_25.nii.gz": "2 images of 10x8 pixels, 26 repeats each, 1 channel, uint8; axes T26 Z2 (named by the file)",
    "test0.fits": "4 images of 40x40 pixels, 1 channel, int16; axes N4 (named by the file)",
}
LIBRARIES = {".map": "mrcfile", ".dcm": "pydicom", ".gz": "nibabel", ".nii": "nibabel", ".fits": "astropy"}


def of_mrcfile(path: Path) -> np.ndarray:
    with pytest.importorskip("mrcfile").open(path) as file:
        return np.array(file.data)


def of_pydicom(path: Path) -> np.ndarray:
    # what it needs more than this package installs for it lies beside it, unpacked
    beside = {"MR_small_jpeg_ls_lossless.dcm": "MR_small.dcm", "emri_small_jpeg_ls_lossless.dcm": "emri_small.dcm"}
    words = pytest.importorskip("pydicom").dcmread(path.with_name(beside.get(path.name, path.name)))
    return words.pixel_array.reshape(-1, words.Rows, words.Columns)


def of_nibabel(path: Path) -> np.ndarray:
    image = pytest.importorskip("nibabel").load(path)
    values = np.asarray(image.dataobj)
    return values.T.reshape(-1, *values.shape[1::-1])


def of_astropy(path: Path) -> np.ndarray:
    with pytest.importorskip("astropy.io.fits").open(path) as units:
        return np.stack([unit.data for unit in units if unit.data is not None])


READERS: dict[str, Callable[[Path], np.ndarray]] = {
    "mrcfile": of_mrcfile,
    "pydicom": of_pydicom,
    "nibabel": of_nibabel,
    "astropy": of_astropy,
}


def opened(name: str) -> FrameSet:
    pytest.importorskip(LIBRARIES[Path(name).suffix])
    return open_frames(str(FOLDER / name))


def values_of(images: FrameSet) -> np.ndarray:
    return np.stack([images.read(number).pixels[..., 0] for number in range(len(images))])


def test_each_file_is_listed() -> None:
    listed = (FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    assert [name for name in IMAGES if f"| {name} |" not in listed] == []
    assert sorted(READING, key=str) == IMAGES
    sizes = [(FOLDER / name).stat().st_size for name in IMAGES]
    assert max(sizes) < 100_000 and sum(sizes) < 500_000


@pytest.mark.parametrize("name", IMAGES)
def test_the_defaults_read_it_as_its_library_does(name: str) -> None:
    images = opened(name)
    assert images.reading == f"Read as {READING[name]}." and images.notes == []
    theirs = READERS[LIBRARIES[Path(name).suffix]](FOLDER / name)
    found = values_of(images)
    assert found.shape == theirs.shape
    assert np.array_equal(found, theirs.astype(found.dtype))


@pytest.mark.parametrize("name", IMAGES)
def test_the_range_keeps_what_is_there(name: str) -> None:
    images = opened(name)
    chosen, said = choose_range("auto", images.statistics, images.dtype)
    found = values_of(images).astype(np.float64)
    ((low, high),) = chosen.limits
    assert np.mean((found >= low) & (found <= high)) >= 0.999, said
    least, most = np.percentile(found, [1, 99])
    assert low <= least < most <= high
