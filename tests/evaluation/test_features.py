"""Feature extractors: what they give, which of them can be had, and every way they can be wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from conftest import sha256_of
from nrgan.data import CIFAR10, Shapes
from nrgan.errors import UserError
from nrgan.evaluation import features as module
from nrgan.evaluation.features import extract, load_features, to_batch
from nrgan.evaluation.metrics import Moments, frechet_distance
from nrgan.evaluation.real import read_moments

CPU = torch.device("cpu")
Images = npt.NDArray[np.uint8]


class Means(nn.Module):
    """A stand-in extractor: channel means, and as logits the same."""

    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean(dim=(2, 3))


class Classifying(Means):
    @torch.jit.export
    def logits(self, images: Tensor) -> Tensor:
        return images.float().mean(dim=(2, 3)) / 255


class LikeInception(nn.Module):
    """The signature of the Inception file."""

    def forward(self, images: Tensor, return_features: bool = False, no_output_bias: bool = False) -> Tensor:
        means = images.float().mean(dim=(2, 3))
        if return_features:
            return means
        return means.softmax(dim=1) if no_output_bias else means * 0 - 1


class Flat(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean(dim=(1, 2, 3))


class NotFinite(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean(dim=(2, 3)) / 0


class Integers(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images[:, :, 0, 0]


class Needs64(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.float()[:, :, 40:41, 40].reshape(-1, 3)[: images.shape[2] - 31]


def script(network: nn.Module, path: Path) -> Path:
    torch.jit.script(network).save(str(path))  # type: ignore[no-untyped-call]
    return path


def with_noise(images: Images, level: float) -> Images:
    noise = np.random.RandomState(0).randn(*images.shape) * level
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [16, 32])
def test_the_built_in_extractor_orders_noise(size: int) -> None:
    features = load_features("random_convolutions", size)
    images = Shapes(image_size=size, count=2400).images()
    real = Moments.of(extract(features, images[:1200], 200, CPU)[0])

    def distance(level: float) -> float:
        noisy = with_noise(images[1200:], level)
        return frechet_distance(real, Moments.of(extract(features, noisy, 200, CPU)[0]))

    distances = [distance(level) for level in (0, 5, 10, 25, 50)]
    assert distances == sorted(distances) and distances[1] > 1.3 * distances[0]
    assert features.label("fid") == "fid[random_convolutions]"


def test_the_built_in_extractor_never_changes() -> None:
    features = load_features("random_convolutions", 16)
    image = np.arange(768, dtype=np.int64).reshape(1, 16, 16, 3) % 256
    vector = extract(features, image.astype(np.uint8), 1, CPU)[0][0]
    assert vector.shape == (416,)
    recorded = (0.27399305, 0.3511713, 0.3881686, 121.55713)
    np.testing.assert_allclose((*vector[[0, 100, 300]], vector.sum()), recorded, rtol=1e-4)


def test_any_torchscript_file(tmp_path: Path) -> None:
    features = load_features(str(script(Means(), tmp_path / "means.pt")), 8)
    images = np.random.RandomState(0).randint(0, 256, (10, 8, 8, 3), dtype=np.uint8)
    vectors, logits = extract(features, images, 4, CPU, classify=True)
    np.testing.assert_allclose(vectors, images.mean(axis=(1, 2)), rtol=1e-5)
    assert logits is None and features.num_features == 3 and features.label("kid_mean") == "kid_mean[means]"
    classifying = load_features(str(script(Classifying(), tmp_path / "classes.pt")), 8)
    logits = extract(classifying, images, 4, CPU, classify=True)[1]
    assert logits is not None and np.allclose(logits, images.mean(axis=(1, 2)) / 255, atol=1e-6)


def test_grey_images_are_repeated_and_others_refused() -> None:
    grey = np.random.RandomState(0).randint(0, 256, (2, 8, 8, 1), dtype=np.uint8)
    batch = to_batch(grey, CPU)
    assert batch.shape == (2, 3, 8, 8) and torch.equal(batch[:, 0], batch[:, 2])
    with pytest.raises(UserError, match="5 channels"):
        to_batch(np.zeros((2, 8, 8, 5), np.uint8), CPU)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Flat(), r"gave torch.float32 \(2,\) for two images"),
        (Integers(), r"gave torch.uint8 \(2, 3\)"),
        (NotFinite(), "not finite"),
        (Needs64(), r"fails on uint8 images of shape \(2, 3, 32, 32\)"),
    ],
)
def test_wrong_outputs_are_said(network: nn.Module, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        load_features(str(script(network, tmp_path / "wrong.pt")), 32)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; choose one of inception, random_convolutions"):
        load_features(str(tmp_path / "absent.pt"), 32)
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(UserError, match=r"text\.pt: not a TorchScript file"):
        load_features(str(tmp_path / "text.pt"), 32)
    with pytest.raises(UserError, match="unknown features 'incepton'; the nearest are inception"):
        load_features("incepton", 32)


def test_inception_is_downloaded_once_and_verified(
    serve: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = tmp_path / "served"
    served.mkdir()
    usual = module.DOWNLOADS[module.INCEPTION]
    path = script(LikeInception(), served / usual.name)
    url = serve(served)  # type: ignore[operator]
    here = replace(usual, url=f"{url}/{usual.name}")
    monkeypatch.setitem(module.DOWNLOADS, module.INCEPTION, here)
    with pytest.raises(UserError, match="wrong checksum"):
        load_features("inception", 8, tmp_path / "cache")
    here = replace(here, sha256=sha256_of(path))
    monkeypatch.setitem(module.DOWNLOADS, module.INCEPTION, here)
    features = load_features("inception", 8, tmp_path / "cache")
    assert features.label("fid") == "fid", "what everybody quotes, and nothing else, goes by the plain name"
    monkeypatch.setitem(module.DOWNLOADS, module.INCEPTION, replace(here, url="http://127.0.0.1:9/nothing"))
    load_features("inception", 8, tmp_path / "cache")  # kept
    images = np.random.RandomState(0).randint(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    vectors, logits = extract(features, images, 4, CPU, classify=True)
    assert logits is not None
    np.testing.assert_allclose(vectors, images.mean(axis=(1, 2)), rtol=1e-5)
    p = np.exp(logits)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)  # logs of the network's probabilities
    assert load_features(str(path), 8).name == "inception", "a copy of the file is recognised"
    with pytest.raises(UserError, match=r"cannot be downloaded .*with features PATH"):
        load_features("inception", 8, tmp_path / "empty")


def test_the_shared_extractor_gives_its_published_distances(shared: Path, cifar10_root: Path) -> None:
    """The README beside the extractor: test images, treated, against kept moments of the train split."""
    folder = shared / "eval"
    features = load_features(str(folder / "cifar10_features.pt"), 32)
    real = read_moments(folder / "cifar10_features_cifar10_train.npz", features)
    images = CIFAR10(cifar10_root, split="test").images()[:2000]

    def distance(level: float) -> float:
        return frechet_distance(real, Moments.of(extract(features, with_noise(images, level), 200, CPU)[0]))

    # a fifth of the images: the bias of fewer samples is below the tolerance
    assert distance(25) == pytest.approx(13.67, rel=0.03)
    assert distance(0) < 0.15 < distance(5) < distance(10)
    assert features.label("fid") == "fid[cifar10_features]"
