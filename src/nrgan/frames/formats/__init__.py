"""Which files hold images, and how each kind is read. A new kind is one file here and one row of `FORMATS`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from nrgan.errors import UserError, first_line
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats.arrays import open_npy, open_npz, write_npy, write_npz
from nrgan.frames.formats.czi import open_czi
from nrgan.frames.formats.dicom import open_dicom, write_dicom
from nrgan.frames.formats.fits import open_fits, write_fits
from nrgan.frames.formats.hdf5 import open_hdf5, write_hdf5
from nrgan.frames.formats.lif import open_lif
from nrgan.frames.formats.mrc import open_mrc, write_mrc
from nrgan.frames.formats.nd2_file import open_nd2
from nrgan.frames.formats.nifti import open_nifti, write_nifti
from nrgan.frames.formats.pictures import open_picture
from nrgan.frames.formats.png_writing import write_png
from nrgan.frames.formats.row import Format
from nrgan.frames.formats.tiff import open_tiff
from nrgan.frames.formats.tiff_writing import write_tiff
from nrgan.frames.formats.zarr_arrays import open_zarr, write_zarr
from nrgan.frames.opened import Decoded, Opened, Region
from nrgan.frames.pixels import native
from nrgan.frames.wanted import Wanted
from nrgan.reading import open_regular

Result = TypeVar("Result")

FORMATS: dict[str, Format] = {
    "picture": Format(
        (".png", ".jpg", ".jpeg", ".bmp", ".webp"), open_picture, single=True, write=write_png, written=(".png",)
    ),
    "tiff": Format(
        (".tif", ".tiff", ".lsm"),
        open_tiff,
        lambda n: f" page {n + 1}",
        write=write_tiff,
        written=(".tif", ".tiff"),
        any_type=True,
    ),
    "npy": Format((".npy",), open_npy, write=write_npy, any_axes=True, any_type=True),
    "npz": Format((".npz",), open_npz, write=write_npz, any_axes=True, any_type=True),
    "fits": Format(
        (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz"), open_fits, library="astropy", extra="astro", write=write_fits
    ),
    "mrc": Format(
        (".mrc", ".mrcs", ".map", ".ccp4", ".st", ".ali"), open_mrc, library="mrcfile", extra="em", write=write_mrc
    ),
    "nifti": Format((".nii", ".nii.gz"), open_nifti, library="nibabel", extra="medical", write=write_nifti),
    "dicom": Format((".dcm", ".dicom", ".ima"), open_dicom, library="pydicom", extra="medical", write=write_dicom),
    "hdf5": Format(
        (".h5", ".hdf5", ".hdf", ".he5", ".nxs"),
        open_hdf5,
        library="h5py",
        extra="formats",
        write=write_hdf5,
        any_axes=True,
    ),
    "zarr": Format(
        (".zarr",), open_zarr, library="zarr", extra="formats", folder=True, write=write_zarr, any_axes=True
    ),
    "lif": Format((".lif",), open_lif, library="liffile", extra="microscopy"),
    "nd2": Format((".nd2",), open_nd2, library="nd2", extra="microscopy"),
    "czi": Format((".czi",), open_czi, library="czifile", extra="microscopy"),
}

_ZARR_MARKS = (".zarray", ".zgroup", "zarr.json")
_DICOM = (128, b"DICM")
TOGETHER = frozenset({"picture", "tiff", "npy", "npz"})
"""Rows that one set of images may mix: people export to all of them."""

CONVERTERS: dict[str, str] = {
    **dict.fromkeys((".vsi", ".oib", ".oif", ".oir", ".ims", ".scn", ".svs", ".ndpi", ".mrxs", ".stk"), "bfconvert"),
    **dict.fromkeys((".gif", ".jp2", ".j2k", ".heic", ".avif", ".psd", ".exr", ".pgm", ".ppm"), "ImageMagick"),
    **dict.fromkeys((".dm3", ".dm4", ".ser", ".emi", ".blo", ".bcf", ".tvips"), "HyperSpy or ncempy"),
    **dict.fromkeys((".ibw", ".spm", ".gwy", ".sxm", ".jpk", ".mi"), "Gwyddion"),
    **dict.fromkeys(
        (".nef", ".cr2", ".cr3", ".arw", ".dng", ".raf", ".orf", ".rw2"), "dcraw -D -4 -T (or LibRaw's unprocessed_raw)"
    ),
    **dict.fromkeys((".mgh", ".mgz", ".nhdr", ".nrrd", ".mha", ".mhd"), "SimpleITK"),
}
"""Ends of names of images that nothing here reads, and what turns them into TIFF (or into NIfTI)."""

ACCEPTED = "PNG, JPEG, TIFF, BMP, WebP and .npy images"


def format_name(name: str) -> str | None:
    """The row of a file, by the end of its name; None where it is no image."""
    end = name.rstrip("/").rpartition("/")[2].lower()
    by_suffix = _by_suffix(tuple(FORMATS))
    while "." in end:  # from the first full stop on, so that .nii.gz comes before .gz
        end = end.partition(".")[2]
        if (row := by_suffix.get("." + end)) is not None:
            return row
    return None


@lru_cache(maxsize=1)
def _by_suffix(rows: tuple[str, ...]) -> dict[str, str]:
    """The row of each end of a name: asked for of every file, so found once."""
    return {suffix: row for row in rows for suffix in FORMATS[row].suffixes}


def is_image(name: str) -> bool:
    return format_name(name) is not None


def is_folder_image(path: str) -> bool:
    """Whether the path is a folder that is one file of images."""
    name = format_name(path)
    if name is not None:
        return FORMATS[name].folder and Path(path).is_dir()
    return any(Path(path, mark).is_file() for mark in _ZARR_MARKS)


def sniffed(path: Path) -> str | None:
    """The row of a file by its first bytes, where its name says nothing, as of many DICOM files; None for others."""
    if path.is_dir():
        return "zarr" if is_folder_image(str(path)) else None
    try:
        with open_regular(path) as file:
            return "dicom" if file.read(_DICOM[0] + 4)[_DICOM[0] :] == _DICOM[1] else None
    except OSError:
        return None


def name_of_format(source: FileSlice) -> str:
    """The name of the row of a file that `is_image`."""
    return source.kind or str(format_name(source.name))


def format_of(source: FileSlice) -> Format:
    """The row of a file that `is_image`."""
    return FORMATS[name_of_format(source)]


def open_file(source: FileSlice, wanted: Wanted) -> Opened:
    """The open file, kept for its next image; raises `Unreadable`, or `UserError` where its owner must say more."""
    row = format_of(source)
    # others by process, as a fork could copy a lock that another thread holds
    opened = _reading(lambda: row.open(source) if row.single else _opened(source, wanted.axes, os.getpid()))
    return opened.renamed(wanted.axes) if row.single and wanted.axes is not None else opened


@lru_cache(maxsize=16)
def _opened(source: FileSlice, axes: str | None, process: int) -> Opened:
    row = format_of(source)
    try:
        opened = row.open(source)
    except ImportError as error:
        raise MissingLibrary(
            f"{source.full_name}: reading it needs {row.library}: pip install 'nrgan[{row.extra}]'"
        ) from error
    return opened.renamed(axes) if axes is not None else opened.named()


class MissingLibrary(UserError):
    """A file is of a kind whose reader is not installed."""


def read_image(source: FileSlice, number: int, wanted: Wanted, region: Region | None = None) -> Decoded:
    """Image `number` of the file, or a region of it, in a type of ours, with the channels that are wanted.

    Raises `Unreadable`, or `UserError` where there are no such channels.
    """
    opened = open_file(source, wanted)
    return _reading(lambda: native(_with_channels(opened, opened.read(number, region), wanted)))


def _with_channels(opened: Opened, decoded: Decoded, wanted: Wanted) -> Decoded:
    if (chosen := wanted.channel_numbers(decoded.pixels.shape[2], opened.about.channels)) is None:
        return decoded
    return decoded.of_channels(chosen)


def _reading(read: Callable[[], Result]) -> Result:
    try:
        return read()
    except (Unreadable, UserError, MemoryError):  # no memory left says nothing about the file
        raise
    except Exception as error:  # a damaged file can raise nearly anything, from several libraries
        raise Unreadable(f"it is damaged or cut short: {first_line(error)}") from error
