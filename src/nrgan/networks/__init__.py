"""Networks, by families: a new family is one file (or folder) and one row."""

from collections.abc import Mapping

from nrgan.errors import unknown
from nrgan.networks.bilinear import ResNetBilinear
from nrgan.networks.family import Family, NetworkSizes, sizes_of
from nrgan.networks.precision import compute_in
from nrgan.networks.resnet import Discriminator, Generator, ResNet, initialise
from nrgan.plugins import find_row, with_plugins

PUBLISHED, FOR_BLURRED = "resnet", "resnet-bilinear"
"""The family of the paper, and that for images that are not sharp to the pixel."""
FAMILIES: dict[str, Family] = {PUBLISHED: ResNet(), FOR_BLURRED: ResNetBilinear()}
_GROUP = "nrgan.families"


def find_family(name: str) -> Family:
    """The family of a name, ours or of an installed package; raises `UserError`."""
    family = find_row(_GROUP, FAMILIES, name, _is_family)
    if family is None:
        raise unknown("network", name, all_families())
    return family


def all_families() -> Mapping[str, Family]:
    """Our rows, and those of installed packages."""
    return with_plugins(_GROUP, FAMILIES, _is_family)


def _is_family(row: object) -> bool:
    return isinstance(row, Family)


__all__ = [
    "FAMILIES",
    "FOR_BLURRED",
    "PUBLISHED",
    "Discriminator",
    "Family",
    "Generator",
    "NetworkSizes",
    "ResNet",
    "ResNetBilinear",
    "all_families",
    "compute_in",
    "find_family",
    "initialise",
    "sizes_of",
]
