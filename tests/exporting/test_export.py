"""Files for other programs hold what the network computes, in the data's own values."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from conftest import TINY, nrgan
from nrgan import TrainConfig, TrainedModel, export, train
from nrgan.denoising.denoiser import Denoiser
from nrgan.errors import NrganError, UserError
from nrgan.exporting.function import Tiling, denoising_function
from nrgan.exporting.onnx_file import TOLERANCE, onnx_model
from nrgan.networks.sampling import latents
from nrgan.networks.unet import UNetSizes
from small_denoiser import write_denoiser

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

Array = npt.NDArray[Any]
SIZES = [UNetSizes(1, 4, 1, 1), UNetSizes(3, 4, 2, 1), UNetSizes(2, 4, 3, 2)]
RANGES: dict[str, dict[str, object]] = {
    "counts with an offset": {"low": 104.0, "high": 4095.0, "dtype": "uint16"},
    "signed": {"low": -1024.0, "high": -24.0, "dtype": "int16", "step": 4},
    "small floats on a large base": {"low": 1000.1, "high": 1000.9, "dtype": "float32"},
}


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_denoiser(tmp_path_factory.mktemp("denoiser") / "denoiser")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NRGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        list(train(TrainConfig(setting="shapes-ag25", model="sinrgan1", out=out, **TINY)))
    return out


def answer(content: Path | bytes, x: Array) -> Array:
    """What an ONNX model makes of an input."""
    held = content.read_bytes() if isinstance(content, Path) else content
    session = onnxruntime.InferenceSession(held, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: x})
    return np.asarray(found)


def facts(file: Path) -> dict[str, str]:
    return {row.key: row.value for row in onnx.load(file).metadata_props}


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_any_sides_and_batches_are_as_the_network_has_them(sizes: UNetSizes, tmp_path: Path) -> None:
    folder = write_denoiser(tmp_path / "denoiser", sizes, low=0.0, high=1.0, dtype="float32")
    file, f = tmp_path / "denoiser.onnx", Denoiser.load(folder)
    export(folder, file)
    rng = torch.Generator().manual_seed(1)
    smallest = int(facts(file)["smallest_side"])
    for side in ((smallest, smallest), (64, 48), (51, 37), (33, 130)):
        for batch in (1, 3):
            y = torch.rand(batch, sizes.image_channels, *side, generator=rng)
            expected = f(y).numpy()
            found = answer(file, y.numpy())
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * max(1, abs(expected).max()))


@pytest.mark.parametrize("name", RANGES)
def test_images_have_their_own_values(name: str, tmp_path: Path) -> None:
    """Against the range's own arithmetic, in and out."""
    folder = write_denoiser(tmp_path / "denoiser", **RANGES[name])
    denoiser, file = Denoiser.load(folder), tmp_path / "denoiser.onnx"
    export(folder, file)
    values = denoiser.about.value_range
    unit = np.random.default_rng(0).uniform(-0.2, 1.2, (1, 40, 40, 1))  # beyond black and white too
    native = values.from_unit(unit)
    clean = denoiser(torch.from_numpy(values.to_unit(native)).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    span = values.high[0] - values.low[0]
    expected = clean.astype(np.float64) * span + values.low[0]
    found = answer(file, np.ascontiguousarray(native.transpose(0, 3, 1, 2)).astype(np.float32)).transpose(0, 2, 3, 1)
    assert found.dtype == np.float32 and abs(clean).max() < 3
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=3 * TOLERANCE * span)
    said = facts(file)
    assert [json.loads(said[end]) for end in ("low", "high")] == [values.low[0], values.high[0]]
    assert said["dtype"] == RANGES[name]["dtype"] and said["radius"] == str(denoiser.radius)


def test_each_channel_has_its_own_range(tmp_path: Path) -> None:
    folder = write_denoiser(tmp_path / "d", UNetSizes(2, 4), low=[0.0, 500.0], high=[200.0, 9000.0], dtype="uint16")
    file = tmp_path / "denoiser.onnx"
    export(folder, file)
    black = np.array([0, 500], np.float32).reshape(1, 2, 1, 1) + np.zeros((1, 2, 20, 20), np.float32)
    np.testing.assert_array_equal(answer(file, black), black)  # black stays black in a network without constants


def test_parts_join_exactly(denoiser: Path, tmp_path: Path) -> None:
    """As the metadata and the package have it: begun at multiples, the halo cut off."""
    file, f = tmp_path / "denoiser.onnx", Denoiser.load(denoiser)
    export(denoiser, file)
    tiling = Tiling.of(f.radius, f.multiple)
    side = tiling.least + 12 * tiling.multiple
    image = np.random.default_rng(2).uniform(104, 4095, (1, 1, side, side)).astype(np.float32)
    whole, at, halo = answer(file, image), 5 * tiling.multiple, tiling.halo
    part = answer(file, image[..., at : at + tiling.least, at : at + tiling.least])
    inside = slice(at + halo, at + tiling.least - halo)
    cut = part[..., halo:-halo, halo:-halo]
    assert cut.size
    np.testing.assert_allclose(cut, whole[..., inside, inside], rtol=0, atol=TOLERANCE * (4095 - 104))


def test_a_generator_makes_the_images_of_its_run(run: Path, tmp_path: Path) -> None:
    made = export(run, tmp_path / "generator.onnx")
    assert (made.input, made.output) == ("latent", "clean") and made.difference <= TOLERANCE
    model = TrainedModel.load(run)
    z = latents(5, range(4), TINY["latent_size"])  # type: ignore[arg-type]
    images = answer(made.file, z.numpy())
    assert images.shape == (4, 3, 16, 16)
    stored = np.rint(images.transpose(0, 2, 3, 1)).clip(0, 255)
    assert abs(stored - model.sample(4, seed=5).astype(float)).max() <= 1  # which computes in double precision
    assert (stored == model.sample(4, seed=5)).mean() > 0.99
    assert facts(made.file)["latent"] == "standard normal"


def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_package_reproduces_its_test(denoiser: Path, tmp_path: Path) -> None:
    files = members(export(denoiser, tmp_path / "denoiser.zip").file)
    described = json.loads(files["rdf.yaml"])
    (noisy,), (clean,) = described["inputs"], described["outputs"]
    tests = [np.load(io.BytesIO(files[tensor["test_tensor"]["source"]])) for tensor in (noisy, clean)]
    found = answer(files[described["weights"]["onnx"]["source"]], tests[0])
    np.testing.assert_allclose(found, tests[1], rtol=0, atol=3 * TOLERANCE * (4095 - 104))
    assert abs(tests[0] - tests[1]).max() > 10  # it does something
    sides = tests[0].shape[2:]
    for axis, of_output, side in zip(noisy["axes"][2:], clean["axes"][2:], sides, strict=True):
        assert axis["size"]["min"] > 2 * of_output["halo"] >= 2 * Denoiser.load(denoiser).radius
        assert side >= axis["size"]["min"] and (side - axis["size"]["min"]) % axis["size"]["step"] == 0


def test_a_package_names_its_files_by_what_they_hold(denoiser: Path, tmp_path: Path) -> None:
    files = members(export(denoiser, tmp_path / "denoiser.zip").file)
    named: list[dict[str, str]] = []
    json.loads(files["rdf.yaml"], object_hook=lambda found: named.append(found) if "sha256" in found else None)
    assert {part["source"] for part in named} == files.keys() - {"rdf.yaml"}
    for part in named:
        assert hashlib.sha256(files[part["source"]]).hexdigest() == part["sha256"]
    again = export(denoiser, tmp_path / "again.zip").file
    assert again.read_bytes() == (tmp_path / "denoiser.zip").read_bytes()


@pytest.mark.parametrize("name", RANGES)
def test_a_package_is_what_the_format_asks_for(name: str, tmp_path: Path) -> None:
    """By the format's own programs, where they are installed and go with the installed pydantic."""
    spec = pytest.importorskip("bioimageio.spec", reason="bioimageio.spec is not installed")
    core = pytest.importorskip("bioimageio.core", reason="bioimageio.core is not installed")
    folder = write_denoiser(tmp_path / "denoiser", UNetSizes(1, 4, 3, 1), **RANGES[name])
    file = export(folder, tmp_path / "denoiser.zip").file
    summary = spec.load_description(file).validation_summary
    if "package_file_descr_serializer" in str(summary):
        pytest.skip("the installed bioimageio.spec does not go with the installed pydantic")
    assert summary.status == "valid-format", summary
    done = core.test_model(file, devices=["cpu"])
    assert done.status == "passed", done


def test_the_command_says_what_it_wrote(denoiser: Path, run: Path, tmp_path: Path) -> None:
    for source, name, words in (
        (denoiser, "d.onnx", "noisy → clean"),
        (denoiser, "d.zip", "noisy → clean"),
        (run, "g.onnx", "latent → clean"),
    ):
        done = nrgan("export", source, tmp_path / name)
        assert done.returncode == 0 and words in done.stdout and not done.stderr, done.stderr
        assert nrgan("export", source, tmp_path / name).returncode == 0, "a file of ours is replaced"


def refused(*arguments: object) -> str:
    done = nrgan("export", *arguments)
    assert done.returncode == 2, done.stdout
    return done.stderr


def test_what_cannot_be_is_refused(denoiser: Path, run: Path, tmp_path: Path) -> None:
    assert "holds neither a snapshot" in refused(tmp_path / "nothing", tmp_path / "d.onnx")
    assert "--file" not in refused(tmp_path / "nothing", tmp_path / "d.onnx")
    assert "must end with .onnx" in refused(denoiser, tmp_path / "d.pt")
    assert "holds a denoiser" in refused(run, tmp_path / "g.zip")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".onnx", ".zip"])
def test_files_of_others_stay(ending: str, denoiser: Path, tmp_path: Path) -> None:
    file = tmp_path / f"theirs{ending}"
    file.write_bytes(b"theirs")
    assert "nrgan did not make it" in refused(denoiser, file)
    assert file.read_bytes() == b"theirs"
    export(denoiser, file, overwrite=True)
    assert len(file.read_bytes()) > 1000 and [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_missing_library_is_named(
    missing: str, denoiser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = importlib.import_module

    def import_module(name: str) -> Any:
        if name == missing:
            raise ImportError(name)
        return known(name)

    monkeypatch.setattr(importlib, "import_module", import_module)
    with pytest.raises(UserError, match=rf"needs {missing}: pip install 'nrgan\[export\]'"):
        export(denoiser, tmp_path / "d.onnx")


def test_a_model_that_computes_something_else_is_not_written(denoiser: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    function = denoising_function(Denoiser.load(denoiser))
    written = torch.onnx.export

    def spoiled(network: torch.nn.Module, *arguments: Any, **options: Any) -> None:
        weight = next(network.parameters())
        weight += 1e-3
        written(network, *arguments, **options)
        weight -= 1e-3

    monkeypatch.setattr(torch.onnx, "export", spoiled)
    with pytest.raises(NrganError, match="differs from the network's"):
        onnx_model(function)
