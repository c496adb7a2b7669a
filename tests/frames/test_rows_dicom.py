"""DICOM files: bits, signs, samples, frames, padding, packed frames, derived files."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames.row_files import LAW, check_damage, check_read, check_written, folder, in_archive, same, source_of, values
from nrgan.frames.file_slice import Unreadable
from nrgan.frames.formats.dicom import CHANGED, PALETTE, open_dicom, write_dicom
from nrgan.frames.opened import Region

pydicom = pytest.importorskip("pydicom")
imagecodecs = pytest.importorskip("imagecodecs")

SYNTAXES = {
    "explicit": pydicom.uid.ExplicitVRLittleEndian,
    "implicit": pydicom.uid.ImplicitVRLittleEndian,
    "big": pydicom.uid.ExplicitVRBigEndian,
}


def save(
    path: Path, stored: np.ndarray, bits: int, syntax: str = "explicit", packed: object = None, **more: object
) -> Path:
    """stored: (N, H, W) or (N, H, W, S), unsigned, as it lies in the file."""
    words = pydicom.Dataset()
    words.file_meta = pydicom.dataset.FileMetaDataset()
    words.file_meta.TransferSyntaxUID = packed[0] if packed else SYNTAXES[syntax]
    words.SOPClassUID, words.SOPInstanceUID = pydicom.uid.SecondaryCaptureImageStorage, "1.2.3.4"
    words.SeriesInstanceUID, words.ImageType = "1.2.3", ["ORIGINAL", "PRIMARY", "AXIAL"]
    words.PatientName, words.PatientID, words.InstitutionName = "Doe^Jane", "17", "Hospital"
    words.PixelSpacing, words.RescaleSlope, words.Modality = [0.5, 0.25], 2, "CT"
    words.ImagePositionPatient, words.ImageOrientationPatient = [1, 2, 3], [1, 0, 0, 0, 1, 0]
    words.Rows, words.Columns, words.NumberOfFrames = stored.shape[1], stored.shape[2], len(stored)
    words.SamplesPerPixel = stored.shape[3] if stored.ndim == 4 else 1
    words.PhotometricInterpretation = "RGB" if stored.ndim == 4 else "MONOCHROME2"
    words.PlanarConfiguration = 0
    words.BitsAllocated, words.BitsStored, words.HighBit = 8 * stored.dtype.itemsize, bits, bits - 1
    words.PixelRepresentation = 0
    for name, value in more.items():
        setattr(words, name, value)
    order = ">" if syntax == "big" else "<"
    if packed:
        words.PixelData = pydicom.encaps.encapsulate([packed[1](frame) for frame in stored])
    else:
        data = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
        words.PixelData = data + b"\0" * (len(data) % 2)
    words["PixelData"].VR = "OB" if stored.dtype.itemsize == 1 else "OW"
    pydicom.dcmwrite(
        path,
        words,
        enforce_file_format=True,
        overwrite=True,
        implicit_vr=syntax == "implicit",
        little_endian=syntax != "big",
    )
    return path


@LAW
@given(
    st.sampled_from(["u1", "u2", "u4"]),
    st.sampled_from(list(SYNTAXES)),
    st.booleans(),
    st.tuples(*[st.integers(1, 6)] * 3),
    st.sampled_from([1, 3]),
    st.data(),
)
def test_every_type_comes_and_goes_as_it_is(
    dtype: str, syntax: str, signed: bool, shape: tuple[int, ...], samples: int, data: st.DataObject
) -> None:
    bits = data.draw(st.integers(2, 8 * np.dtype(dtype).itemsize))
    seed = data.draw(st.integers(0, 99))
    stored = values((*shape, samples) if samples > 1 else shape, dtype, seed)
    with folder() as place:
        path = save(place / "a.dcm", stored, bits, syntax, PixelRepresentation=int(signed))
        used = stored.astype(np.int64) & ((1 << bits) - 1)
        meant = np.where(used >> (bits - 1) & signed, used - (1 << bits), used).astype(
            dtype.replace("u", "i") if signed else dtype
        )
        for source in (source_of(path), in_archive(path)):
            found = check_read(open_dicom(source), seed)
            assert same(np.stack([one.pixels for one in found]).reshape(meant.shape), meant)
        check_written(open_dicom, write_dicom, CHANGED, source_of(path), place / "b.dcm", seed)


def test_high_bits_and_planes(tmp_path: Path) -> None:
    stored = values((2, 3, 4), "u2", 1)
    path = save(tmp_path / "a.dcm", stored, 12, HighBit=15)
    assert same(open_dicom(source_of(path)).read(1).pixels[..., 0], stored[1] >> 4)
    colours = values((2, 3, 4, 3), "u1", 1)
    path = save(tmp_path / "b.dcm", colours, 8, PlanarConfiguration=1)
    planes = colours.reshape(2, 3, 3, 4)
    assert same(check_read(open_dicom(source_of(path)), 2)[1].pixels, np.moveaxis(planes[1], 0, -1))


@pytest.mark.parametrize(
    "syntax", ["JPEGBaseline8Bit", "JPEGLosslessSV1", "JPEGLSLossless", "JPEG2000Lossless", "RLELossless"]
)
@pytest.mark.parametrize("samples", [1, 3])
def test_packed_frames(tmp_path: Path, syntax: str, samples: int) -> None:
    frames = np.repeat(values((3, 2, 3, samples), "u1", 1), 8, 1).repeat(8, 2)
    frames = frames if samples > 1 else frames[..., 0]
    encode = {
        "JPEGBaseline8Bit": lambda frame: (
            imagecodecs.jpeg8_encode(frame, level=100, colorspace="RGB", outcolorspace="RGB")
            if samples > 1
            else imagecodecs.jpeg8_encode(frame, level=100)
        ),
        "JPEGLosslessSV1": lambda frame: imagecodecs.ljpeg_encode(frame),
        "JPEGLSLossless": imagecodecs.jpegls_encode,
        "JPEG2000Lossless": lambda frame: imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True, level=0),
    }.get(syntax)
    if syntax == "JPEGLosslessSV1" and samples > 1:
        pytest.skip("the encoder makes no colours")
    if syntax == "RLELossless":
        path = save(tmp_path / "a.dcm", frames, 8)
        words = pydicom.dcmread(path)
        words.compress(pydicom.uid.RLELossless)
        words.save_as(path)
    else:
        path = save(tmp_path / "a.dcm", frames, 8, packed=(getattr(pydicom.uid, syntax), encode))
    found = check_read(open_dicom(source_of(path)), 3)
    far = 4 if syntax == "JPEGBaseline8Bit" else 0
    for n, image in enumerate(found):
        assert np.abs(image.pixels.reshape(frames[n].shape).astype(int) - frames[n]).max() <= far
    check_written(open_dicom, write_dicom, CHANGED, source_of(path), tmp_path / "b.dcm", 3)
    check_damage(open_dicom, path, 1200, 30)


@pytest.mark.parametrize("bits", [8, 16])
def test_palettes_become_colours(tmp_path: Path, bits: int) -> None:
    numbers = values((2, 5, 6), "u1", 1)
    colours = values((3, 200), f"u{bits // 8}", 2)
    names = ("Red", "Green", "Blue")
    palette = {f"{name}PaletteColorLookupTableDescriptor": [200, 10, bits] for name in names}
    data = {f"{name}PaletteColorLookupTableData": lut.tobytes() for name, lut in zip(names, colours, strict=True)}
    path = save(tmp_path / "a.dcm", numbers, 8, PhotometricInterpretation="PALETTE COLOR", **palette, **data)
    found = check_read(open_dicom(source_of(path)), 1)
    assert found[0].notes == (PALETTE,)
    meant = colours[:, np.clip(numbers.astype(int) - 10, 0, 199)]
    assert same(np.stack([one.pixels for one in found]), np.moveaxis(meant, 0, -1))
    check_written(open_dicom, write_dicom, CHANGED, source_of(path), tmp_path / "b.dcm", 1)
    check_damage(open_dicom, path, 1500, 30)


def test_palettes_in_runs_are_measured_first(tmp_path: Path) -> None:
    names = ("Red", "Green", "Blue")
    palette = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in names}
    runs = np.array([0, 2, 5, 7, 1, 254, 1000], "<u2")
    for run, fits in ((runs, True), (np.tile([1, 65535, 9], 5000), False), (np.array([0, 2, 5, 7, 2, 2, 0, 0]), False)):
        data = {f"Segmented{name}PaletteColorLookupTableData": run.astype("<u2").tobytes() for name in names}
        path = save(
            tmp_path / "a.dcm",
            np.arange(256, dtype=np.uint8).reshape(1, 16, 16),
            8,
            PhotometricInterpretation="PALETTE COLOR",
            **palette,
            **data,
        )
        if fits:
            assert open_dicom(source_of(path)).read(0).pixels[[0, 0, -1], [0, 1, -1], 0].tolist() == [5, 7, 1000]
        else:
            with pytest.raises(Unreadable, match="palette"):
                open_dicom(source_of(path))


def test_values_of_one_bit(tmp_path: Path) -> None:
    stored = values((3, 5, 7), "u1", 1) & 1
    path = save(tmp_path / "a.dcm", stored, 8)
    words = pydicom.dcmread(path)
    data = np.packbits(stored.reshape(-1), bitorder="little").tobytes()
    words.BitsAllocated, words.BitsStored, words.HighBit, words.PixelData = 1, 1, 0, data + b"\0" * (len(data) % 2)
    words.save_as(path)
    found = check_read(open_dicom(source_of(path)), 1)
    assert same(np.stack([one.pixels[..., 0] for one in found]), stored)
    check_written(open_dicom, write_dicom, CHANGED, source_of(path), tmp_path / "b.dcm", 1)
    check_damage(open_dicom, path, 1200, 30)


def test_a_deflated_file(tmp_path: Path) -> None:
    stored = values((2, 8, 9), "u2", 1)
    path = save(tmp_path / "a.dcm", stored, 16)
    words = pydicom.dcmread(path)
    words.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    words.save_as(path)
    for source in (source_of(path), in_archive(path)):
        assert same(check_read(open_dicom(source), 1)[1].pixels[..., 0], stored[1])
    check_written(open_dicom, write_dicom, CHANGED, source_of(path), tmp_path / "b.dcm", 1)
    check_damage(open_dicom, path, 1200, 30)


@pytest.mark.parametrize("syntax", ["explicit", "implicit"])
def test_a_file_without_its_beginning(tmp_path: Path, syntax: str) -> None:
    stored = values((1, 8, 9), "u2", 1)
    path = save(tmp_path / "a.dcm", stored, 16, syntax)
    data = path.read_bytes()
    path.write_bytes(data[144 + int.from_bytes(data[140:144], "little") :])
    assert same(check_read(open_dicom(source_of(path)), 1)[0].pixels[..., 0], stored[0])
    check_written(open_dicom, write_dicom, CHANGED, source_of(path), tmp_path / "b.dcm", 1)
    check_damage(open_dicom, path, 1200, 30)
    other = path.rename(tmp_path / "a.bin")
    with pytest.raises(Exception, match="header"):
        open_dicom(source_of(other))


def test_a_cut_jpeg_ls_frame_fails_at_once(tmp_path: Path) -> None:
    syntax = pydicom.uid.JPEGLSLossless
    packed = (syntax, lambda frame: imagecodecs.jpegls_encode(frame)[:-10])
    path = save(tmp_path / "a.dcm", values((1, 24, 16), "u1", 1), 8, packed=packed)
    started = time.process_time()
    with pytest.raises(Exception, match="jpegls"):
        open_dicom(source_of(path)).read(0)
    assert time.process_time() - started < 2


def test_padding_is_missing(tmp_path: Path) -> None:
    stored = np.arange(12, dtype=np.uint16).reshape(1, 3, 4)
    path = save(tmp_path / "a.dcm", stored, 16, PixelPaddingValue=5)
    assert np.array_equal(check_read(open_dicom(source_of(path)), 1)[0].missing, stored[0] == 5)


def test_the_header_says_nothing_of_people(tmp_path: Path) -> None:
    about = open_dicom(source_of(save(tmp_path / "a.dcm", values((1, 3, 4), "u2", 1), 12))).about
    assert about.pixel_size == {"Y": 0.5, "X": 0.25} and about.unit == "mm"
    assert about.header["Modality"] == "CT" and about.header["RescaleSlope"] == 2
    assert not {"PatientName", "PatientID", "InstitutionName"} & set(about.header)


def test_what_is_written_is_derived(tmp_path: Path) -> None:
    path = save(tmp_path / "a.dcm", values((1, 8, 9), "u2", 1), 16)
    region = Region(2, 4, 3, 2)
    for name in ("b.dcm", "c.dcm"):
        write_dicom(
            source_of(path), open_dicom(source_of(path)), [np.ones((3, 2, 1), np.uint16)], tmp_path / name, region
        )
    first, second = (pydicom.dcmread(tmp_path / name) for name in ("b.dcm", "c.dcm"))
    assert first.pixel_array.shape == (3, 2) and first.ImageType[:2] == ["DERIVED", "PRIMARY"]
    assert first.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"
    assert first.SeriesInstanceUID == second.SeriesInstanceUID != "1.2.3"
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.ImagePositionPatient == [1 + 4 * 0.25, 2 + 2 * 0.5, 3] and first.PatientID == "17"


def test_damaged_files(tmp_path: Path) -> None:
    path = save(tmp_path / "a.dcm", values((2, 8, 9), "u2", 1), 12)
    check_damage(open_dicom, path, 1200)
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(Unreadable, match="cut short"):
        open_dicom(source_of(path))
    path = save(tmp_path / "b.dcm", values((2, 8, 9), "u2", 1), 12, Rows=60000, Columns=60000)
    with pytest.raises(Unreadable):
        open_dicom(source_of(path))
