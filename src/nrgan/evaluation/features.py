"""Feature extractors: images → the vectors in which sets of images are compared.

Every figure carries the name of the features that it was made in. Only Inception's go without: `fid` is what
everybody quotes, `fid[cifar10_features]` is the same distance in other features, comparable with itself alone.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nrgan.downloads import Download
from nrgan.errors import UserError, last_line, unknown
from nrgan.memory import is_out_of_memory
from nrgan.progress import Preparing
from nrgan.reading import sha256
from nrgan.storage import default_cache

INCEPTION = "inception"
RANDOM_CONVOLUTIONS = "random_convolutions"
SMALL_CONVOLUTIONS = "small_convolutions"
DOWNLOADS = {
    INCEPTION: Download(
        "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
        "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
        "inception-2015-12-05.pt",
        95_607_719,
        "give a file with <features> PATH (a copy of it, or any TorchScript that maps images to features)",
    )
}
"""Extractors that are files from the network."""


class Features(nn.Module, ABC):
    """(N, C, H, W) uint8 → (N, `num_features`) floating point; `digest` changes whenever the numbers would."""

    channels: int = 3
    """C, of the images that it sees: RGB, unless it is made for others."""

    def __init__(self, name: str, digest: str) -> None:
        super().__init__()
        self.name = name
        self.digest = digest
        self.num_features = 0  # known once `checked` has seen an output

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """The features of a batch."""

    def logits(self, images: Tensor) -> Tensor | None:
        """(N, classes) class scores before the softmax, or None where the extractor classifies nothing."""
        return None

    def label(self, metric: str) -> str:
        """A metric's name in these features: `fid` in Inception's, `fid[NAME]` in others."""
        return metric if self.name == INCEPTION else f"{metric}[{self.name}]"

    @torch.no_grad()
    def checked(self, image_size: int) -> Features:
        """Itself, after a trial on two images; raises `UserError` where it does not give what it should."""
        shape = (2, self.channels, image_size, image_size)
        trial = torch.arange(math.prod(shape), dtype=torch.int64).remainder(251).to(torch.uint8).view(shape)
        try:
            out: Any = self(trial)
        except Exception as error:  # what a script does is its own
            raise UserError(
                f"features {self.name}: fails on uint8 images of shape {shape}: {last_line(error)}"
            ) from error
        good = isinstance(out, Tensor) and out.ndim == 2 and len(out) == 2 and out.is_floating_point()
        if not good:
            got = f"{out.dtype} {tuple(out.shape)}" if isinstance(out, Tensor) else type(out).__name__
            raise UserError(f"features {self.name}: gave {got} for two images, not floating point of shape (2, D)")
        if not bool(out.isfinite().all()):
            raise UserError(f"features {self.name}: gave values that are not finite")
        if not out.shape[1]:
            raise UserError(f"features {self.name}: gave no feature")
        self.num_features = out.shape[1]
        self._check_scores(trial)
        return self

    def _check_scores(self, trial: Tensor) -> None:
        try:
            scores: Any = self.logits(trial)
        except Exception as error:
            raise UserError(f"features {self.name}: its logits fail: {last_line(error)}") from error
        if scores is None:
            return
        if not (isinstance(scores, Tensor) and scores.ndim == 2 and len(scores) == 2 and scores.shape[1]):
            raise UserError(f"features {self.name}: its logits are not of shape (2, classes) for two images")
        if not (scores.is_floating_point() and bool(scores.isfinite().all())):
            raise UserError(f"features {self.name}: its logits are not finite numbers")


class TorchScript(Features):
    """Any TorchScript file that maps uint8 (N, 3, H, W) to (N, D); its method `logits`, where it has one, classifies.

    Named after the file. Raises `UserError` where the file is missing or no TorchScript.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UserError(f"<features> {path}: there is no such file; choose one of {', '.join(FEATURES)} or a file")
        super().__init__(path.stem, sha256(path))
        try:
            self.network = _optimised(torch.jit.load(str(path), map_location="cpu").eval())  # type: ignore[no-untyped-call]
        except Exception as error:  # a damaged file raises nearly anything: IndexError of C++'s maps too
            raise UserError(f"<features> {path}: not a TorchScript file ({last_line(error)})") from error

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(images)
        return features

    def logits(self, images: Tensor) -> Tensor | None:
        return self.network.logits(images) if hasattr(self.network, "logits") else None


def _optimised(network: Any) -> Any:
    """The same network with constants folded and layers fused: twice as fast on a CPU, equal to 1e-6."""
    if torch.cuda.is_available():
        return network  # the fused layers of a CPU could not move to a GPU
    kept = ["logits"] if hasattr(network, "logits") else []
    try:
        frozen = torch.jit.freeze(network, preserved_attrs=kept)
        return torch.jit.optimize_for_inference(frozen, other_methods=kept)
    except RuntimeError:  # not every script can be folded; slower is fine
        return network


class Inception(TorchScript):
    """Inception-v3 as trained in 2015 and used by everybody since: 2048 features, images at their own size.

    Heusel et al. 2017 (FID), Salimans et al. 2016 (IS). `path` must be the file of `DOWNLOADS`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.name = INCEPTION

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(images, return_features=True)
        return features

    def logits(self, images: Tensor) -> Tensor:
        # without the output bias, as the Inception Score was first computed; the network ends in a softmax
        probabilities: Tensor = self.network(images, no_output_bias=True)
        return probabilities.double().clamp_min(1e-30).log()


class RandomConvolutions(Features):
    """Four stages of fixed random 3x3 filters and ReLU; features are means over the image of h and of h/(h + c).

    The filters are drawn once and for all (numpy's Philox, key 0); those of the first stage have zero mean over their
    pixels, but for a quarter that see colour. They respond to texture at four scales, and the saturating means to
    slight noise on flat ground. They know nothing of objects: good for ordering noise, not for judging whether a scene
    is plausible. Built in, for drawn images and wherever nothing can be downloaded.

    channels: of the images. Grey ones are seen as RGB; others have filters of their own, and the digest says so.
    widths: of the stages. There are twice as many features as filters, and a set to compare needs more images.
    """

    WIDTHS, SMALL_WIDTHS = (32, 48, 64, 64), (8, 8, 8)
    COLOUR_SHARE = 4
    """One in so many filters of the first stage sees colour."""
    SATURATION = 0.05
    """Response at which the second mean is half saturated: a few 8-bit steps, so that slight noise counts."""
    VERSION = 1

    def __init__(self, name: str = RANDOM_CONVOLUTIONS, channels: int = 3, widths: tuple[int, ...] = WIDTHS) -> None:
        self.channels = channels = 3 if channels == 1 else channels
        super().__init__(name, f"version {self.VERSION}" + ("" if channels == 3 else f", {channels} channels"))
        rng = np.random.Generator(np.random.Philox(key=0))
        self.filters: list[Tensor] = []
        for stage, width in enumerate(widths):
            w = rng.standard_normal((width, channels, 3, 3))
            if stage == 0:
                colour = width // self.COLOUR_SHARE
                w[colour:] -= w[colour:].mean(axis=(2, 3), keepdims=True)
            w *= np.sqrt(2) / np.linalg.norm(w.reshape(width, -1), axis=1)[:, None, None, None]
            self.filters.append(torch.from_numpy(w).float())
            channels = width

    def forward(self, images: Tensor) -> Tensor:
        h = images.float() / 127.5 - 1
        means = []
        for stage, w in enumerate(self.filters):
            h = F.conv2d(F.pad(h, (1, 1, 1, 1), mode="replicate"), w.to(h.device)).relu()
            means += [h.mean(dim=(2, 3)), (h / (h + self.SATURATION)).mean(dim=(2, 3))]
            if stage + 1 < len(self.filters) and min(h.shape[2:]) >= 4:
                h = F.avg_pool2d(h, 2)
        return torch.cat(means, dim=1)


def _inception(cache: Path, preparing: Preparing | None, channels: int) -> Features:
    return Inception(DOWNLOADS[INCEPTION].file(cache, preparing))


def _random_convolutions(cache: Path, preparing: Preparing | None, channels: int) -> Features:
    return RandomConvolutions(channels=channels)


def _small_convolutions(cache: Path, preparing: Preparing | None, channels: int) -> Features:
    return RandomConvolutions(SMALL_CONVOLUTIONS, channels, RandomConvolutions.SMALL_WIDTHS)


FEATURES: dict[str, Callable[[Path, Preparing | None, int], Features]] = {
    INCEPTION: _inception,
    RANDOM_CONVOLUTIONS: _random_convolutions,
    SMALL_CONVOLUTIONS: _small_convolutions,
}
"""The extractors that have names, made from the cache folder for images of so many channels."""


def load_features(
    choice: str,
    image_size: int,
    cache: Path | None = None,
    preparing: Preparing | None = None,
    channels: int = 3,
) -> Features:
    """The extractor of a name in `FEATURES`, or of a TorchScript file, tried on images of `image_size`.

    A copy of the Inception file counts as Inception. Raises `UserError`.
    """
    path = Path(choice)
    if choice in FEATURES:
        features = FEATURES[choice](cache or default_cache(), preparing, channels)
    elif path.suffix or path.exists() or path.name != choice:
        is_inception = path.is_file() and sha256(path) == DOWNLOADS[INCEPTION].sha256
        features = Inception(path) if is_inception else TorchScript(path)
    else:
        raise unknown("features", choice, FEATURES, listed=False)
    return features.checked(image_size)


def to_batch(images: npt.NDArray[np.uint8], device: torch.device, seen: int = 3) -> Tensor:
    """(N, H, W, C) uint8 → (N, `seen`, H, W) uint8 tensor; grey is repeated. Raises `UserError` for other channels."""
    channels = images.shape[3]
    if channels not in (1, seen):
        raise UserError(
            f"images of {channels} channels: these features see grey or RGB images only; {RANDOM_CONVOLUTIONS} and "
            f"{SMALL_CONVOLUTIONS} see any"
        )
    batch = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(device)
    return batch.expand(-1, seen, -1, -1).contiguous() if channels == 1 else batch


@torch.no_grad()
def extract(
    features: Features, images: npt.NDArray[np.uint8], batch_size: int, device: torch.device, classify: bool = False
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
    """(N, H, W, C) uint8 → (N, D) features and, where asked to `classify` and able to, (N, classes) logits.

    Raises `UserError` where a value is not finite.
    """
    vectors, scores = [], []
    for start in range(0, len(images), batch_size):
        batch = to_batch(images[start : start + batch_size], device, features.channels)
        try:
            vectors.append(features(batch).float().cpu().numpy())
            if classify and (logits := features.logits(batch)) is not None:
                scores.append(logits.float().cpu().numpy())
        except Exception as error:
            if is_out_of_memory(error):
                raise UserError(f"<batch_size> {batch_size}: too many for the memory; take fewer") from error
            raise UserError(f"features {features.name}: fail on {len(batch)} images: {last_line(error)}") from error
    found = np.concatenate(vectors)
    if found.shape != (len(images), features.num_features):
        raise UserError(f"features {features.name}: gave {found.shape} for {len(images)} images")
    if not np.isfinite(found).all():
        raise UserError(f"features {features.name}: gave values that are not finite")
    return found, np.concatenate(scores) if scores else None
