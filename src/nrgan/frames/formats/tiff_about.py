"""What a TIFF says of its images besides their values."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from typing import Any
from xml.etree import ElementTree

from nrgan.frames.opened import About

_CENTIMETRE = 3
_SIZES = (("X", "XResolution"), ("Y", "YResolution"))
_LONGEST = 10_000_000
"""Characters of an OME description that are looked into."""


def about_tiff(file: Any, named_by: str) -> About:
    """Pixel size, unit and channels of an OME-TIFF, ImageJ stack or plain TIFF; what is missing or odd is left out."""
    sizes: dict[str, float] = {}
    unit, channels = "", tuple[str, ...]()
    with suppress(Exception):  # a description that cannot be understood is no reason not to read the pixels
        if file.is_ome:
            sizes, unit, channels = _of_ome(str(file.ome_metadata))
        elif file.is_imagej:
            sizes, unit = _of_imagej(file)
        elif file.is_lsm:
            found = {axis: file.lsm_metadata.get(f"VoxelSize{axis}", 0) * 1e6 for axis in "XYZ"}
            sizes, unit = {axis: size for axis, size in found.items() if size}, "µm"
        else:
            sizes, unit = _of_tags(file.pages.first)
    return About(pixel_size=sizes, unit=unit, channels=channels, named_by=named_by)


def _of_ome(text: str) -> tuple[dict[str, float], str, tuple[str, ...]]:
    if len(text) > _LONGEST or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return {}, "", ()
    root = ElementTree.fromstring(text)
    pixels = next(element for element in root.iter() if element.tag.endswith("}Pixels"))
    found = {axis: float(pixels.get(f"PhysicalSize{axis}", "nan")) for axis in "XYZ"}
    names = [element.get("Name", "") for element in pixels if element.tag.endswith("}Channel")]
    unit = pixels.get("PhysicalSizeXUnit", "µm")
    return {axis: size for axis, size in found.items() if math.isfinite(size)}, unit, tuple(names) if all(names) else ()


def _of_imagej(file: Any) -> tuple[dict[str, float], str]:
    said = file.imagej_metadata or {}
    sizes = _resolution(file.pages.first)
    if "spacing" in said:
        sizes["Z"] = float(said["spacing"])
    unit = re.sub(r"^\\u00B5m$|^micron$|^um$", "µm", str(said.get("unit", "")))
    return (sizes, unit) if unit not in ("", "pixel") else ({}, "")


def _of_tags(page: Any) -> tuple[dict[str, float], str]:
    """Of a plain TIFF only what is given per centimetre: dots per inch are a printer's."""
    unit = page.tags.get("ResolutionUnit")
    if unit is None or int(unit.value) != _CENTIMETRE:
        return {}, ""
    return {axis: 1e4 * size for axis, size in _resolution(page).items()}, "µm"


def _resolution(page: Any) -> dict[str, float]:
    """Length of a pixel, from the tags that say how many there are in a unit."""
    found = {}
    for axis, name in _SIZES:
        tag = page.tags.get(name)
        if tag is not None and tag.value[0] and tag.value[1]:
            found[axis] = tag.value[1] / tag.value[0]
    return found
