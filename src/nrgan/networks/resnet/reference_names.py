"""The reference implementation's names for the parameters of the same networks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

# reference name → ours, tried in order; a convolution there sits inside one or two wrappers, all called `conv`
_RENAMES = (
    (r"^(linear1)\.", "start."),
    (r"^(conv5)(\.conv)+\.", "finish."),
    (r"^(linear5)\.", "finish."),
    (r"^block(\d)\.conv_shortcut(\.conv)+\.", "blocks.{}.shortcut."),
    (r"^block(\d)\.conv1(\.conv)+\.", "blocks.{}.conv1."),
    (r"^block(\d)\.conv2(\.conv)+\.", "blocks.{}.conv2."),
)
_FIRST_BLOCK = {"G": 2, "D": 1}


def from_reference(state: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """A reference state dict under our names. kind: "G" (also the noise generator) or "D".

    Raises `ValueError` for a name that the reference networks do not have.
    """
    return {_our_name(name, kind): tensor for name, tensor in state.items()}


def _our_name(name: str, kind: str) -> str:
    for pattern, replacement in _RENAMES:
        if match := re.match(pattern, name):
            if "{}" in replacement:
                replacement = replacement.format(int(match[1]) - _FIRST_BLOCK[kind])
            return replacement + name[match.end() :]
    raise ValueError(f"{name!r} is not a parameter of the reference networks")
