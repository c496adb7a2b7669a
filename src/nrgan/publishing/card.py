"""The model card: what a shared model has learned from, how good it is by which protocol, and what it is not for."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from typing import Any

from huggingface_hub import ModelCardData
from jinja2 import Environment, StrictUndefined

from nrgan.corruptions import NoCorruption, to_plain
from nrgan.denoising.choosing import CANDIDATES, LEARNED
from nrgan.denoising.denoiser import Denoiser
from nrgan.frames import ValueRange
from nrgan.models import all_models
from nrgan.networks import sizes_of
from nrgan.observation import Clean, KnownNoise
from nrgan.publishing.contents import Contents
from nrgan.runs import Record, TrainedModel

_TEMPLATE = "model_card.md.j2"
_TASKS = {"generator": "unconditional-image-generation", "denoiser": "image-to-image"}
"""As the Hub calls them."""


def model_card(contents: Contents, repo: str, licence: str | None, images: str | None) -> str:
    """The card, Markdown behind metadata that the Hub reads.

    repo: OWNER/NAME. licence: by the Hub's short name. images: what the owner says of the training images.
    """
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    template = environment.from_string(files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8"))
    model, denoiser = contents.model, contents.denoiser
    return template.render(
        metadata=_metadata(contents, licence),
        repo=repo,
        licence=licence,
        said=images,
        version=version("nrgan"),
        model=None if model is None else _of_model(model),
        records=[_row(record) for record in contents.records],
        chosen=None if contents.chosen is None else contents.chosen.reason,
        noise=contents.noise,
        denoiser=None if denoiser is None else _of_denoiser(denoiser),
    )


def _metadata(contents: Contents, licence: str | None) -> str:
    """YAML. No figure is among it: leaderboards leave the protocol out."""
    task = _TASKS["denoiser" if contents.model is None else "generator"]
    tags = ["nr-gan", "noise", *(["gan"] if contents.model else []), *(["denoising"] if contents.denoiser else [])]
    return ModelCardData(license=licence, library_name="nrgan", pipeline_tag=task, tags=tags).to_yaml()


def _of_model(model: TrainedModel) -> dict[str, Any]:
    about, law = model.about, model.setting.corruption
    row = all_models().get(about.model)
    return {
        "name": about.model,
        "knowledge": row.knowledge if row is not None else "",
        "images": about.images,
        "own": about.own,
        "already": law.already,
        "added": not (law.already or isinstance(law, NoCorruption)),
        "law": to_plain(law.law) if law.known else None,
        "iteration": about.iteration,
        "side": model.image_size,
        "channels": model.image_channels,
        "latent": sizes_of(model.pair.generator).latent_size,
        "range": _range(model.value_range),
        "copies_noise": isinstance(row, Clean) and not isinstance(law, NoCorruption),
        "sampler": model.sampler is not None,
        "known": isinstance(model.sampler, KnownNoise),
    }


def _row(record: Record) -> dict[str, Any]:
    return {
        "figures": ", ".join(f"{name} {value:.4g}" for name, value in record.results.items()),
        "samples": record.samples,
        "against": "clean images" if record.against == "clean" else "noisy images, samples as observed",
        "real": record.reference_count,
        "features": f"{record.features} ({record.features_sha256[:12]})",
        "seed": record.seed,
    }


def _of_denoiser(denoiser: Denoiser) -> dict[str, Any]:
    about = denoiser.about
    candidates: dict[str, Any] = about.chosen.get("candidates", {})
    names = {LEARNED: "this denoiser", **CANDIDATES}
    return {
        "images": about.images,
        "method": about.method + (f" ({about.rule})" if about.rule else ""),
        "iteration": about.iteration,
        "side": about.side,
        "channels": denoiser.channels,
        "range": _range(about.value_range),
        "law": about.noise,
        "certain": about.certain,
        "level_error": about.level_error,
        "doubts": about.doubts,
        "errors": about.error_scale is not None,
        "candidates": [_candidate(names.get(name, name), found) for name, found in candidates.items()],
        "better": names.get(about.chosen.get("chosen", LEARNED)) if candidates else None,
    }


def _candidate(name: str, found: dict[str, Any]) -> dict[str, Any]:
    low, high = ("?" if end is None else f"{end:.1f}" for end in found["psnr_range"])
    return {
        "name": name,
        "psnr": "?" if found["psnr"] is None else f"{found['psnr']:.1f}",
        "range": f"{low} to {high}",
        "images": found["images"],
        "estimator": found["estimator"],
        "noises": found["noises"],
    }


def _range(values: ValueRange) -> str:
    limits = "; ".join(f"{low:g} to {high:g}" for low, high in values.limits)
    return f"{values.dtype}, black to white {limits}"
