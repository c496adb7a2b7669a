"""Files restored: like those they come from, exactly where nothing changes, and gone on with where they were left."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from torch import Tensor

from denoising.mappings import Identity, Mean, Network
from nrgan.denoising.mapping import Mapping
from nrgan.denoising.restore import Restored, restore
from nrgan.denoising.restore_plan import Plan, Restoring, planned
from nrgan.errors import UserError
from nrgan.frames import Mending, ValueRange, Wanted, mended, open_frames

RANGES = {
    "uint8": ValueRange.of(0, 255, "uint8"),
    "uint16": ValueRange.of(90, 4000, "uint16"),
    "int16": ValueRange.of(-500, 1500, "int16"),
    "float32": ValueRange.of(-2.0, 3.0, "float32"),
}


def noise(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Any:
    low, high = RANGES[dtype].limits[0]
    values = np.random.default_rng(seed).normal((low + high) / 2, (high - low) / 8, shape)
    return values.astype(dtype) if dtype == "float32" else np.rint(values).astype(dtype)


def plan(path: Path | str, out: Path, of: str = "uint16", **options: Any) -> Plan:
    reading = {key: options.pop(key) for key in ("wanted", "skip_corrupt") if key in options}
    overwrite = options.pop("overwrite", False)
    restoring = Restoring(RANGES[of], **{"denoiser": "one", **options})
    return planned(open_frames(str(path), **reading), out, restoring, overwrite)


def run(path: Path | str, out: Path, of: str = "uint16", f: Mapping | None = None, **options: Any) -> Restored:
    return restore(plan(path, out, of, **options), f or Identity(), Mean() if options.get("errors") else None)


def files(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())


def pixels(path: Path) -> Any:
    return tifffile.imread(path)


def mean_of(image: Any) -> Any:
    """What the 3x3 mean makes of an image (H, W), in native floats."""
    wide = np.pad(image.astype(np.float64), 1, mode="reflect")
    height, width = image.shape
    return sum(wide[a : a + height, b : b + width] for a in range(3) for b in range(3)) / 9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """8-bit pictures of several kinds in folders, with names that clash."""
    place = tmp_path / "images"
    (place / "a").mkdir(parents=True)
    for seed, name in enumerate(("a/x.png", "a/x.jpg", "a/y.bmp", "z.webp", "w.png")):
        Image.fromarray(noise((21, 34, 3), "uint8", seed)).save(place / name)
    tifffile.imwrite(place / "v.tif", noise((20, 30, 3), "uint8", 9), photometric="rgb")
    return place


def test_a_folder_of_pictures(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ready = plan(folder, out, "uint8")
    assert not out.exists()
    said = " ".join(ready.notes)
    assert "6 files will be written" in said and "1 file of .bmp will be .png." in said
    assert "x.jpg as x.jpg.png" in said and ".webp will be .png" in said
    done = restore(ready, Identity())
    assert (done.written, done.done_before, done.skipped, done.clipped) == (6, 0, 0, 0)
    assert files(out) == ["a/x.jpg.png", "a/x.png", "a/y.png", "restored.jsonl", "v.tif", "w.png", "z.png"]
    for name, old in (("a/x.png", "a/x.png"), ("a/x.jpg.png", "a/x.jpg"), ("a/y.png", "a/y.bmp"), ("z.png", "z.webp")):
        np.testing.assert_array_equal(np.asarray(Image.open(out / name)), np.asarray(Image.open(folder / old)))
    again = run(folder, out, "uint8")
    assert (again.written, again.done_before) == (0, 6)
    assert plan(folder, out, "uint8").notes[0] == f"0 files will be written to {out}; 6 files are there already."


def test_archives_become_folders(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in ("a/x.png", "w.png"):
                archive.write(folder / file, file)
    run(tmp_path / "one.zip", tmp_path / "out", "uint8")
    assert files(tmp_path / "out") == ["a/x.png", "restored.jsonl", "w.png"]
    ready = plan(tmp_path / "*.zip", tmp_path / "both", "uint8")
    assert "Files of archives are written as files in folders." in ready.notes
    restore(ready, Identity())
    assert files(tmp_path / "both") == ["one/a/x.png", "one/w.png", "restored.jsonl", "two/a/x.png", "two/w.png"]
    os.utime(tmp_path / "one.zip", ns=(1, 1))
    assert run(tmp_path / "one.zip", tmp_path / "out", "uint8").done_before == 2  # checksums say that nothing changed


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("f", [Identity(), Mean()])
def test_values_of_stacks(dtype: str, f: Mapping, tmp_path: Path) -> None:
    stack = noise((3, 40, 50), dtype)
    np.save(tmp_path / "s.npy", stack)
    run(tmp_path / "s.npy", tmp_path / "out", dtype, f)
    found = np.load(tmp_path / "out" / "s.npy")
    assert found.dtype == stack.dtype
    expected = stack if isinstance(f, Identity) else np.stack([mean_of(image) for image in stack])
    if dtype == "float32":
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)
    elif isinstance(f, Identity):
        np.testing.assert_array_equal(found, stack)
    else:
        kept = (found == stack) & ((stack == RANGES[dtype].high[0]) | (stack == np.iinfo(dtype).max))
        np.testing.assert_allclose(found[~kept], expected[~kept], rtol=0, atol=0.501)


def imagej(path: Path, stack: Any) -> None:
    tifffile.imwrite(
        path,
        stack,
        imagej=True,
        resolution=(5, 5),
        metadata={"axes": "TYX", "unit": "um", "Info": "dust", "finterval": 2},
    )


@pytest.mark.parametrize("dtype", ["same", "float32"])
def test_an_imagej_stack_keeps_its_words(dtype: Any, tmp_path: Path) -> None:
    stack = noise((4, 50, 60), "uint16")
    imagej(tmp_path / "s.tif", stack)
    run(tmp_path / "s.tif", tmp_path / "out", f=Mean(), dtype=dtype)
    with tifffile.TiffFile(tmp_path / "out" / "s.tif") as new, tifffile.TiffFile(tmp_path / "s.tif") as old:
        assert new.imagej_metadata == old.imagej_metadata and new.series[0].axes == old.series[0].axes
        assert new.pages[0].tags["XResolution"].value == old.pages[0].tags["XResolution"].value
        found = new.asarray()
    assert found.dtype == ("uint16" if dtype == "same" else "float32")
    expected = np.stack([mean_of(image) for image in stack])
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.501 if dtype == "same" else 1e-3)


def test_an_ome_stack_keeps_its_words_as_floats(tmp_path: Path) -> None:
    told = {"axes": "TYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "nm", "SignificantBits": 12}
    stack = noise((2, 30, 40), "uint16")
    tifffile.imwrite(tmp_path / "s.ome.tif", stack, ome=True, metadata=told, compression="zlib", predictor=2)
    assert run(tmp_path / "s.ome.tif", tmp_path / "out", dtype="float32").clipped == 0
    with tifffile.TiffFile(tmp_path / "out" / "s.ome.tif") as new:
        assert new.is_ome and 'PhysicalSizeX="0.5"' in str(new.ome_metadata) and 'Type="float"' in str(new.ome_metadata)
        assert new.series[0].axes == "TYX" and new.pages[0].predictor == 3
        np.testing.assert_allclose(new.asarray(), stack, rtol=0, atol=1e-3)


def test_floats_of_what_cannot_hold_them(tmp_path: Path) -> None:
    picture = noise((20, 30), "uint16")
    tifffile.imwrite(tmp_path / "t.tif", picture)
    np.save(tmp_path / "n.npy", picture)
    Image.fromarray(picture).save(tmp_path / "p.png")
    run(tmp_path / "*.*", tmp_path / "out", dtype="float32")
    assert files(tmp_path / "out") == ["n.npy", "p.ome.tif", "restored.jsonl", "t.tif"]
    for found in (pixels(tmp_path / "out/p.ome.tif"), pixels(tmp_path / "out/t.tif"), np.load(tmp_path / "out/n.npy")):
        assert found.dtype == np.float32
        np.testing.assert_allclose(np.squeeze(found), picture, rtol=0, atol=1e-3)


def test_of_few_values_it_is_said_that_what_is_restored_is_rounded(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.random.default_rng(0).poisson(3, (4, 16, 16)).clip(0, 9).astype(np.uint16))
    restoring = Restoring(ValueRange.of(0, 9, "uint16"))
    frames = open_frames(str(tmp_path / "s.npy"))
    done = restore(planned(frames, tmp_path / "counts", restoring), Mean())
    assert done.notes == (
        "Few values are told apart from black to white, and what is restored was rounded to those; with <dtype> "
        "float32 it is not.",
    )
    floats = planned(frames, tmp_path / "floats", replace(restoring, dtype="float32"))
    assert restore(floats, Mean()).notes == ()
    assert np.load(tmp_path / "counts/s.npy").dtype == np.uint16 and np.load(tmp_path / "floats/s.npy").dtype == "<f4"


def test_floats_are_neither_rounded_nor_clipped(tmp_path: Path) -> None:
    class Darker(Identity):
        def __call__(self, y: Tensor) -> Tensor:
            return y - 0.5

    stack = noise((2, 20, 30), "uint16")
    np.save(tmp_path / "s.npy", stack)
    done = run(tmp_path / "s.npy", tmp_path / "own", f=Darker())
    low = stack - 0.5 * 3910
    np.testing.assert_array_equal(np.load(tmp_path / "own/s.npy"), np.clip(np.rint(low), 0, 65535))
    assert done.clipped == pytest.approx((np.rint(low) < 0).mean()) and done.clipped > 0.1
    assert "were clipped" in done.notes[0]
    assert run(tmp_path / "s.npy", tmp_path / "floats", f=Darker(), dtype="float32").notes == ()
    np.testing.assert_allclose(np.load(tmp_path / "floats/s.npy"), low, rtol=0, atol=1e-3)
    run(tmp_path / "s.npy", tmp_path / "half", f=Darker(), dtype="float32", strength=0.25)
    np.testing.assert_allclose(np.load(tmp_path / "half/s.npy"), stack - 0.125 * 3910, rtol=0, atol=1e-3)


def test_other_types_come_back_as_they_are(tmp_path: Path) -> None:
    for dtype in ("int32", "float64", "float16", ">i2"):
        own = (noise((2, 20, 30), "int16") if dtype != "float16" else noise((2, 20, 30), "float32")).astype(dtype)
        np.save(tmp_path / "s.npy", own)
        run(tmp_path / "s.npy", tmp_path / dtype, "int16" if dtype == ">i2" else "float32", Mean())
        found = np.load(tmp_path / dtype / "s.npy")
        assert found.dtype == own.dtype
        assert np.abs(found - np.stack([mean_of(image) for image in own])).max() <= 0.501


def test_saturated_values_stay(tmp_path: Path) -> None:
    stack = noise((1, 30, 40), "uint16")
    stack[0, 3:6, 4:9], stack[0, 20, 20], stack[0, 25, 7] = 4000, 65535, 5000
    np.save(tmp_path / "s.npy", stack)
    run(tmp_path / "s.npy", tmp_path / "out", f=Mean())
    found, kept = np.load(tmp_path / "out/s.npy"), (stack == 4000) | (stack == 65535)
    assert (found[kept] == stack[kept]).all() and found[0, 25, 7] < 5000
    run(tmp_path / "s.npy", tmp_path / "all", f=Mean(), keep_saturated=False)
    np.testing.assert_allclose(np.load(tmp_path / "all/s.npy")[0], mean_of(stack[0]), rtol=0, atol=0.501)


def test_pixels_without_a_value_stay_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = noise((90, 80), "float32")
    image[10:40, 20:60], image[5, 5], image[80, 70] = np.nan, np.inf, -7
    np.save(tmp_path / "s.npy", image)
    whole = run(tmp_path / "s.npy", tmp_path / "out", "float32", network := Network(), errors=False)
    found = np.load(tmp_path / "out/s.npy")
    assert whole.written == 1 and (np.isfinite(found) == np.isfinite(image)).all() and found[5, 5] == np.inf
    monkeypatch.setattr("nrgan.denoising.tiles._MOST", 16)
    monkeypatch.setattr("nrgan.denoising.tiles._LEAST", 16)
    run(tmp_path / "s.npy", tmp_path / "tiles", "float32", network)
    np.testing.assert_allclose(np.load(tmp_path / "tiles/s.npy"), found, rtol=0, atol=5e-5)


def test_fits_with_gaps(tmp_path: Path) -> None:
    fits = pytest.importorskip("astropy.io.fits")
    image = noise((40, 50), "float32")
    image[3:9, 7] = np.nan
    header = fits.Header([("OBJECT", "M 31"), ("GAIN", 1.5, "e/ADU")])
    fits.writeto(tmp_path / "f.fits", image, header)
    run(tmp_path / "f.fits", tmp_path / "out", "float32", Mean())
    with fits.open(tmp_path / "out/f.fits") as new:
        assert new[0].header["OBJECT"] == "M 31" and new[0].header.comments["GAIN"] == "e/ADU"
        assert (np.isnan(new[0].data) == np.isnan(image)).all()
    whole = noise((40, 50), "uint16")
    fits.writeto(tmp_path / "g.fits", whole, header)
    ready = plan(tmp_path / "g.fits", tmp_path / "floats", dtype="float32")
    assert "1 file of .fits will be .ome.tif." in ready.notes
    restore(ready, Identity())
    with tifffile.TiffFile(tmp_path / "floats/g.ome.tif") as new:
        assert "M 31" in str(new.ome_metadata)
        np.testing.assert_allclose(new.asarray(), whole, rtol=0, atol=1e-3)


def test_masked_pixels_of_whole_numbers_stay(tmp_path: Path) -> None:
    fits = pytest.importorskip("astropy.io.fits")
    image = noise((40, 50), "int16")
    image[3:9, 7] = -9999
    fits.writeto(tmp_path / "f.fits", image, fits.Header([("BLANK", -9999)]))
    run(tmp_path / "f.fits", tmp_path / "out", "int16", Mean())
    found = fits.getdata(tmp_path / "out/f.fits", do_not_scale_image_data=True)
    np.testing.assert_array_equal(found == -9999, image == -9999)
    frames = mended(open_frames(str(tmp_path / "f.fits")), Mending(("impulses",)))
    restore(planned(frames, tmp_path / "mended", Restoring(RANGES["int16"])), Mean())
    found = fits.getdata(tmp_path / "mended/f.fits", do_not_scale_image_data=True)
    np.testing.assert_array_equal(found == -9999, image == -9999)


def test_the_expected_error_lies_beside(folder: Path, tmp_path: Path) -> None:
    stack = noise((2, 30, 40), "uint16")
    stack[0, 4, 4] = 4000
    imagej(tmp_path / "s.tif", stack)
    done = run(tmp_path / "s.tif", tmp_path / "out", errors=True)
    error = pixels(tmp_path / "out/s-error.tif")
    assert done.written == 1 and error.dtype == np.float32 and np.isnan(error[0, 4, 4])
    expected = np.stack([mean_of(image) - 90 for image in stack])
    np.testing.assert_allclose(error[1], expected[1], rtol=0, atol=2e-3)
    assert run(tmp_path / "s.tif", tmp_path / "out", errors=True).done_before == 1
    run(folder, tmp_path / "pictures", "uint8", errors=True)
    assert {"a/x-error.ome.tif", "a/x.jpg-error.ome.tif", "v-error.tif"} <= set(files(tmp_path / "pictures"))
    with pytest.raises(UserError, match="leave out uncertainty"):
        Restoring(RANGES["uint8"], strength=0.5, errors=True)


def test_what_was_not_asked_for_stays(tmp_path: Path) -> None:
    stack = noise((3, 2, 40, 50), "uint16")
    tifffile.imwrite(tmp_path / "s.tif", stack, imagej=True, metadata={"axes": "TCYX"})
    ready = plan(tmp_path / "s.tif", tmp_path / "out", wanted=Wanted(frames="T=1:3", channels="1"))
    assert "Images and channels that were not asked for stay in the files as they are." in ready.notes
    restore(ready, Mean())
    found = pixels(tmp_path / "out/s.tif")
    np.testing.assert_array_equal(found[0], stack[0])
    np.testing.assert_array_equal(found[:, 0], stack[:, 0])
    np.testing.assert_allclose(found[2, 1], mean_of(stack[2, 1]), rtol=0, atol=0.501)


class Stopped(Mean):
    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, y: Tensor) -> Tensor:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().__call__(y)


def test_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for k in range(5):
        np.save(tmp_path / f"images/{k}.npy", noise((20, 30), "uint16", k))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "images", tmp_path / "out", f=Stopped(3))
    assert files(tmp_path / "out") == ["0.npy", "1.npy", "2.npy", "restored.jsonl"]
    with (tmp_path / "out/restored.jsonl").open("a") as file:
        file.write('{"name": "3.npy", "sou')  # as a kill leaves it
    counting = Stopped(99)
    assert run(tmp_path / "images", tmp_path / "out", f=counting) == Restored(2, 3, 0, 0.0, ())
    assert counting.left == 97
    run(tmp_path / "images", tmp_path / "once", f=Mean())
    for k in range(5):
        assert (tmp_path / f"out/{k}.npy").read_bytes() == (tmp_path / f"once/{k}.npy").read_bytes()
    np.save(tmp_path / "images/2.npy", noise((20, 30), "uint16", 77))
    (tmp_path / "out/4.npy").unlink()
    assert run(tmp_path / "images", tmp_path / "out", f=Mean()).written == 2
    assert run(tmp_path / "images", tmp_path / "out", f=Mean(), denoiser="other").written == 5
    assert run(tmp_path / "images", tmp_path / "out", f=Mean(), denoiser="other", strength=0.5).written == 5
    (tmp_path / "images/0.npy").unlink()
    notes = plan(tmp_path / "images", tmp_path / "out", denoiser="other").notes
    assert any("of an earlier command stay: 0.npy" in note for note in notes)


def test_folders_that_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "images/deep").mkdir(parents=True)
    np.save(tmp_path / "images/0.npy", noise((20, 30), "uint16"))
    for out, why in (("images", "is the folder of"), ("images/deep", "lies among"), (".", "holds images")):
        with pytest.raises(UserError, match=why):
            plan(tmp_path / "images", tmp_path / out)
    with pytest.raises(UserError, match="is a file"):
        plan(tmp_path / "images", Path(__file__))
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="did not write"):
        plan(tmp_path / "images", out)
    assert run(tmp_path / "images", out, overwrite=True).written == 1
    assert (out / "thesis.txt").read_text() == "mine"
    np.save(tmp_path / "images/1.npy", noise((20, 30), "uint16"))
    (out / "1.npy").write_text("mine")
    with pytest.raises(UserError, match=r"1\.npy: nrgan did not write it"):
        plan(tmp_path / "images", out)
    ready = plan(tmp_path / "images", tmp_path / "new")
    np.save(tmp_path / "images/1.npy", noise((20, 30), "uint16", 5))
    with pytest.raises(UserError, match=r"1\.npy: has changed"):
        restore(ready, Identity())
    assert files(tmp_path / "new") == ["0.npy", "restored.jsonl"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", noise((20, 30), "uint16"))
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(UserError, match="cannot be written to"):
        plan(tmp_path / "0.npy", tmp_path / "closed/out")


def test_images_of_another_kind_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"its values are uint8, and the denoiser is of uint16 values from 90.0 to 4000"
    ):
        plan(folder, tmp_path / "out", "uint16")
    with pytest.raises(UserError, match="have 3 channels, and the denoiser is of images of 1 channel"):
        plan(folder, tmp_path / "out", "uint8", channels=1)


def test_damaged_files(folder: Path, tmp_path: Path) -> None:
    (folder / "bad.png").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"bad\.png"):
        plan(folder, tmp_path / "out", "uint8")
    ready = plan(folder, tmp_path / "out", "uint8", skip_corrupt=True)
    assert any("left out: bad.png" in note for note in ready.notes)
    assert restore(ready, Identity()).skipped == 1


def blocks(image: Any) -> Any:
    return image.reshape(*image.shape[:-2], image.shape[-2] // 16, 16, -1, 16).mean((-3, -1), dtype=np.float64)


@pytest.mark.parametrize("f", [Identity(), Mean()])
@pytest.mark.parametrize("dtype", ["same", "float32"])
def test_a_recording_stays_a_measurement(f: Mapping, dtype: Any, tmp_path: Path) -> None:
    """Counts of 16 bits, 2.5 units an electron, offset 100, read noise of 2 electrons: means stay, and joins agree."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[0:256, 0:192]
    electrons = 20 + 0.7 * rows + 0.6 * columns
    counts = rng.poisson(electrons, (6, 256, 192)) + rng.normal(0, 2, (6, 256, 192))
    stack = np.rint(100 + 2.5 * counts).clip(0, 65535).astype(np.uint16)
    for name, part in (("whole", stack), ("upper", stack[:, :160]), ("lower", stack[:, 96:])):
        imagej(tmp_path / f"{name}.tif", part)
        run(tmp_path / f"{name}.tif", tmp_path / name, f=f, dtype=dtype)
    found = pixels(tmp_path / "whole/whole.tif")
    raw, mean = blocks(stack.astype(np.float64)), blocks(found)
    signal = np.broadcast_to(blocks(electrons), raw.shape).ravel()
    for part in np.array_split(np.argsort(signal), 10):
        error = 2.5 * np.sqrt((signal[part].mean() + 4) / (256 * len(part)))  # of the mean of the raw values
        assert abs((mean - raw).ravel()[part].mean()) < 2 * error
    upper, lower = pixels(tmp_path / "upper/upper.tif"), pixels(tmp_path / "lower/lower.tif")
    np.testing.assert_array_equal(upper[:, 97:159], lower[:, 1:63])
    np.testing.assert_array_equal(upper[:, 97:159], found[:, 97:159])


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np, tifffile, torch
from denoising.mappings import Mean
from nrgan.denoising.restore import restore
from nrgan.denoising.restore_plan import Restoring, planned
from nrgan.frames import ValueRange, open_frames
from nrgan.networks.unet import UNet, UNetSizes

torch.set_num_threads(1)
def go(path, out, f):
    frames = open_frames(path)
    return restore(planned(frames, Path(out), Restoring(ValueRange.of(0, 4095, "uint16"))), f)
class Default:
    sizes = UNetSizes(1, width=32, stages=3)
    radius, multiple = sizes.radius, sizes.multiple
    def __init__(self):
        self.network = UNet(self.sizes).eval()
        self.network.initialise(torch.Generator().manual_seed(0))
    def __call__(self, y):
        return self.network(y)
what, path, out = sys.argv[1:]
if what == "large":
    assert go(path, out, Default()).written == 1
else:
    peaks = []
    class Watched(Mean):
        def __call__(self, y):
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            return super().__call__(y)
    assert go(path, out, Watched()).written == 200
    assert peaks[-1] - peaks[20] < 4 << 10, (peaks[20], peaks[-1])
print("peak", 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's memory as Linux tells it")
@pytest.mark.parametrize("what", ["large", "many"])
def test_memory(what: str, tmp_path: Path) -> None:
    """4000x3000 pixels within 1 GB, with a denoiser of the size that large images have; 200 files as one."""
    path = tmp_path / "images"
    path.mkdir()
    for k in range(1 if what == "large" else 200):
        shape = (3000, 4000) if what == "large" else (128, 128)
        tifffile.imwrite(path / f"{k}.tif", noise(shape, "uint16", k), compression="zlib", rowsperstrip=64)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, what, path, tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) < 1e9, done.stdout
