"""A trained denoiser: its network, and what it is of."""

from __future__ import annotations

import json
from collections.abc import Mapping as Documents
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass as checked
from torch import Tensor

from nrgan.corruptions import Fitted, from_plain
from nrgan.denoising.uncertainty import ErrorNetwork
from nrgan.errors import UserError, first_line, validation_sentence
from nrgan.frames import ValueRange
from nrgan.layout import ABOUT, SHARED_DENOISER, SIZES, find_snapshot, is_snapshot, run_of
from nrgan.limits import MOST_CHANNELS, ValueType
from nrgan.manifest import check_snapshot, write_manifest
from nrgan.networks.sampling import place_of
from nrgan.networks.unet import UNet, UNetSizes
from nrgan.pretrained import HUB, check_weights, find_pretrained, load_weights, read_sizes, save_weights, sketched
from nrgan.reading import read_json
from nrgan.storage import writing_folder

DENOISER = "denoiser"
"""The kind that `about.json` names."""
ERROR_NETWORK = "error_network"
"""Folder of the network that tells the expected error."""
FORMAT_VERSION = 1
Count = Annotated[int, Field(ge=0, lt=2**53)]
Value = Annotated[float, Field(allow_inf_nan=False)]
Values = Annotated[list[Value], Field(min_length=1, max_length=MOST_CHANNELS)]
_SIZES = {f.name for f in fields(UNetSizes)}


@checked(frozen=True, config=ConfigDict(strict=True))
class DenoiserMetadata:
    """What a denoiser is of: enough to use it on files, and to judge it, without the images it was trained on."""

    images: str
    """The name of the images, or of the setting, that it was trained on; no path."""
    method: str
    iteration: Count
    side: Count
    """Of the squares that it was trained on, in pixels."""
    low: Value | Values
    high: Value | Values
    """The data's own values that are black and white: a number for all channels, or one for each."""
    dtype: ValueType
    step: Annotated[int, Field(ge=1, lt=2**16)] = 1
    rule: str | None = None
    """How its loss was made of noisy images alone; None where pairs were at hand."""
    noise: dict[str, Any] | None = None
    """The law of the noise, with its numbers (`nrgan.corruptions.to_plain`), for images of this range."""
    level_error: Value | None = None
    """Relative standard error of the law's level; None where the law was told."""
    certain: bool = False
    """Whether the law was told with certainty, or by the user."""
    doubts: tuple[str, ...] = ()
    """What the images could not tell of their noise."""
    error_scale: Value | None = None
    """Factor of the variance that the error network tells; None where there is no such network, or nothing tells it."""
    errors_untold: str | None = None
    """Why expected errors that were asked for are not told."""
    chosen: dict[str, Any] = field(default_factory=dict)
    """What was compared on held-out images, and why this one was chosen."""

    @property
    def value_range(self) -> ValueRange:
        """Unit 0 and 1 in the data's own values."""
        return ValueRange.of(self.low, self.high, self.dtype, self.step)

    @property
    def law(self) -> Fitted | None:
        """The law of the noise, in unit range of the data."""
        if self.noise is None:
            return None
        law = from_plain(self.noise)
        if not isinstance(law, Fitted):
            raise UserError(f"noise: holds the law {type(law).__name__}, and {Fitted.__name__} is the one that is told")
        return law


@dataclass(frozen=True)
class Denoiser:
    """A mapping (`nrgan.denoising.mapping.Mapping`), what it is of, and the folder of the run that made it."""

    network: UNet
    about: DenoiserMetadata
    run: Path
    error_network: ErrorNetwork | None = None
    """Tells, with `about.error_scale`, the expected squared error of each value."""

    @classmethod
    def from_pretrained(cls, name: str | Path, **options: Any) -> Denoiser:
        """Like `load`, also of the Hub, as hf://owner/name or owner/name: see `nrgan.pretrained.find_pretrained`."""
        return cls.load(find_pretrained(name, **options))

    @classmethod
    def load(cls, path: str | Path) -> Denoiser:
        """Of a denoiser's folder, one of its snapshots, or a generator's snapshot that is shared with its denoiser.

        Raises `UserError` where there is none, or it is damaged.
        """
        folder = find_snapshot(Path(path))
        if is_snapshot(shared := folder / SHARED_DENOISER):
            folder = shared
        check_snapshot(folder)
        about = _read_about(folder)
        network = _load(folder, lambda sizes: UNet(UNetSizes(**sizes)))
        channels = network.sizes.image_channels
        if len(about.value_range.low) not in (1, channels):
            raise UserError(f"{folder}: its range {about.low}, {about.high} is none of images of {channels} channels")
        error = None
        if (folder / ERROR_NETWORK).is_dir():
            error = load_weights(ErrorNetwork(), folder / ERROR_NETWORK).requires_grad_(False)
        return cls(network.eval().requires_grad_(False), about, run_of(folder), error)

    @property
    def channels(self) -> int:
        """Of the images that it takes."""
        return self.network.sizes.image_channels

    @property
    def radius(self) -> int:
        return self.network.sizes.radius

    @property
    def multiple(self) -> int:
        return self.network.sizes.multiple

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return place_of(self.network)[0]

    def to(self, device: torch.device | str) -> Denoiser:
        """Itself, moved to a device."""
        self.network.to(device)
        if self.error_network is not None:
            self.error_network.to(device)
        return self

    def expected_error(self) -> tuple[ExpectedError, None] | tuple[None, str]:
        """The mapping to expected errors; or None, and why there is none."""
        about = self.about
        if self.error_network is None:
            return None, about.errors_untold or "the denoiser was trained without <uncertainty>"
        if about.error_scale is None:
            return None, "the risk on held-out images is too little known to say how large they are"
        return ExpectedError(self, self.error_network, about.error_scale), None

    @torch.no_grad()
    def __call__(self, y: Tensor) -> Tensor:
        """(B, C, H, W) noisy, unit range → clean; not clipped. Images come from any device, and go back to it."""
        found: Tensor = self.network(y.to(self.device))
        return found.to(y.device)


@dataclass(frozen=True)
class ExpectedError:
    """A mapping like the denoiser: the standard deviation that its errors are expected to have, unit range."""

    denoiser: Denoiser
    network: ErrorNetwork
    scale: float

    @property
    def radius(self) -> int:
        return self.denoiser.radius + self.network.radius

    @property
    def multiple(self) -> int:
        return self.denoiser.multiple

    @torch.no_grad()
    def __call__(self, y: Tensor) -> Tensor:
        """(B, C, H, W) noisy, unit range → the expected error of what the denoiser makes of it."""
        here = y.to(self.denoiser.device)
        found: Tensor = (self.scale * self.network(here, self.denoiser(here))).sqrt()
        return found.to(y.device)


def save_denoiser(folder: Path, network: UNet, about: DenoiserMetadata, error: ErrorNetwork | None = None) -> None:
    """Writes a snapshot folder, whole or not at all. Raises `UserError` where it cannot be written."""
    with writing_folder(folder) as part:
        (part / SIZES).write_text(json.dumps(asdict(network.sizes), indent=1), encoding="utf-8")
        save_weights(network, part)
        if error is not None:
            (part / ERROR_NETWORK).mkdir()
            save_weights(error, part / ERROR_NETWORK)
        document = {"format": FORMAT_VERSION, "kind": DENOISER, **asdict(about)}
        (part / ABOUT).write_text(json.dumps(document, indent=1), encoding="utf-8")
        write_manifest(part)


def named(name: str | Path) -> Path:
    """The folder that a user means by a path, or by hf://owner/name, which is fetched; raises `UserError`.

    Of a generator that is shared with its denoiser, the denoiser's.
    """
    folder = find_pretrained(name) if str(name).startswith(HUB) else Path(name)
    return shared if is_snapshot(shared := folder / SHARED_DENOISER) else folder


def is_denoiser(path: Path) -> bool:
    """Whether a denoiser's snapshot, or a run that holds one, lies there; not whether it is a good one."""
    try:
        return read_json(find_snapshot(path) / ABOUT).get("kind") == DENOISER
    except (UserError, OSError, ValueError):
        return False


def _read_about(folder: Path) -> DenoiserMetadata:
    path = folder / ABOUT
    try:
        found: Documents[str, Any] = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({first_line(error)})") from error
    if found.get("kind") != DENOISER:
        raise UserError(f"{folder}: is no denoiser; nrgan train-denoiser makes one, of images or of a run")
    if found.get("format") != FORMAT_VERSION:
        raise UserError(f"{path}: a denoiser of format {found.get('format')}; this version reads {FORMAT_VERSION}")
    known = {f.name for f in fields(DenoiserMetadata)}
    values = {name: value for name, value in found.items() if name in known}
    if isinstance(values.get("doubts"), list):
        values["doubts"] = tuple(values["doubts"])
    try:
        return DenoiserMetadata(**values)
    except ValidationError as error:
        refused = validation_sentence(error)
        raise UserError(f"{path}: {refused.location[0]} {refused.input!r}: {refused.message}") from error


def _load(folder: Path, build: Any) -> UNet:
    sizes = read_sizes(folder, _SIZES)
    try:
        if (sketch := sketched(lambda: build(sizes))) is not None:
            check_weights(sketch, folder)
        network: UNet = build(sizes)
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{folder / SIZES}: no such network can be made ({first_line(error)})") from error
    return load_weights(network, folder)
