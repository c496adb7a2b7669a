"""Pages, and a browser to open them in."""

from __future__ import annotations

import platform
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nrgan import report
from report_material import HOST, USER, Material, Opened, make_material


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Material]:
    root = tmp_path_factory.mktemp("home") / USER
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NRGAN_CACHE", str(root / "cache"))
        for name in ("USER", "LOGNAME", "USERNAME"):
            patch.setenv(name, USER)
        patch.setattr(socket, "gethostname", lambda: HOST)
        patch.setattr(platform, "node", lambda: HOST)
        yield make_material(root)


@pytest.fixture(scope="session")
def whole_page(material: Material) -> Path:
    """Of everything, without a training image."""
    done = report(material.all, material.root / "whole.html")
    assert done.notes == ()
    return done.path


@pytest.fixture(scope="session")
def page_with_images(material: Material) -> Path:
    """Of the run and the denoiser, with training images."""
    done = report([material.run], material.root / "images.html", training_images=True)
    assert done.notes == ()
    return done.path


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Opened]]:
    """Opens a file; options are those of a browser's context."""
    contexts = []

    def opening(file: Path, **options: Any) -> Opened:
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}} | options)
        contexts.append(context)
        page, errors, requests = context.new_page(), [], []
        page.on(
            "console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda asked: requests.append(asked.url))
        page.goto(file.as_uri())
        return Opened(page, errors, requests)

    yield opening
    for context in contexts:
        context.close()
