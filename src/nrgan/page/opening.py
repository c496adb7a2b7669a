"""What the page will show, said before it is loaded: a browser draws the page while torch and the networks come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nrgan.page import builtin

if TYPE_CHECKING:
    from nrgan.page.opened import Opened

_SURE = ("auto", "cpu")
"""Devices that there always are."""


@dataclass(frozen=True)
class Opening:
    """What is known of it at once, and what loads the rest."""

    title: str
    generates: bool
    """Whether it holds a generator."""
    load: Callable[[], Opened]

    @classmethod
    def of(cls, opened: Opened) -> Opening:
        """Of what is loaded already."""
        return cls(opened.title, opened.model is not None, lambda: opened)

    @classmethod
    def asked(cls, paths: Sequence[Path], device: str) -> Opening:
        """Of a command's words; raises `UserError` where that cannot be: all that may fail is loaded here."""

        def load() -> Opened:
            from nrgan.page.opened import open_networks
            from nrgan.training.device import choose_device

            return open_networks(paths, choose_device(device))

        if paths or device not in _SURE:
            return cls.of(load())
        return cls(builtin.TITLE, True, load)
