"""The page in a real browser: every control changes what it should, and nothing leaves the machine."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

PATIENCE = 300_000
"""Milliseconds; no verdict depends on how fast the machine is."""


class Visit:
    """A visitor's window; what went wrong in it, and whom it asked."""

    def __init__(self, browser: Any, url: str, width: int = 1100) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.goto(url)
        self.url = url

    def shown(self, name: str) -> str:
        """What a picture shows, as a checksum."""
        image = self.page.locator(f"#{name} img").last
        image.wait_for()
        return hashlib.sha256(self.page.request.get(image.get_attribute("src")).body()).hexdigest()

    def changed(self, name: str, before: str) -> str:
        """What a picture shows once it is another."""
        for _ in range(PATIENCE // 200):
            if (now := self.shown(name)) != before:
                return now
            self.page.wait_for_timeout(200)
        raise AssertionError(f"{name} does not change")

    def press(self, label: str, key: str, times: int = 1) -> None:
        """Moves a slider by the keyboard."""
        slider = self.page.get_by_role("slider", name=label)
        slider.focus()
        for _ in range(times):
            slider.press(key)

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def left(self) -> list[str]:
        """Requests to anywhere but the page's own server."""
        return [url for url in self.asked if not url.startswith((self.url, "data:", "blob:"))]


@pytest.fixture
def visit(browser: Any, page_url: str) -> Iterator[Callable[..., Visit]]:
    visits: list[Visit] = []

    def start(width: int = 1100) -> Visit:
        visits.append(Visit(browser, page_url, width))
        return visits[-1]

    yield start
    for each in visits:
        assert not each.left() and len(each.asked) > 10
        assert not each.wrong, each.wrong
        each.context.close()


def test_a_generator_is_looked_at(visit: Callable[..., Visit]) -> None:
    seen = visit()
    first = {name: seen.shown(name) for name in ("clean", "noise", "noisy")}
    assert len(set(first.values())) == 3
    seen.page.get_by_label("Seed", exact=True).fill("7")
    seen.page.get_by_role("button", name="Generate").click()
    seventh = {name: seen.changed(name, before) for name, before in first.items()}
    seen.press("range slider for Images", "Home")
    one = seen.changed("clean", seventh["clean"])
    seen.page.get_by_label("Seed", exact=True).fill("-3")
    seen.page.get_by_role("button", name="Generate").click()
    seen.page.get_by_text("must not be negative").wait_for()
    assert seen.shown("clean") == one, "what is refused changes nothing"
    seen.tab("Walk")
    way, here = seen.shown("way"), seen.shown("here")
    seen.press("range slider for How far", "ArrowRight", 5)
    here = seen.changed("here", here)
    seen.page.get_by_label("To seed").fill("9")
    seen.changed("way", way)
    seen.changed("here", here)


def test_an_image_of_one_s_own(visit: Callable[..., Visit], visitors_files: Path, tmp_path: Path) -> None:
    seen = visit()
    seen.tab("Your image")
    seen.page.locator("#upload input[type=file]").set_input_files(visitors_files / "scene.png")
    seen.page.get_by_text("level (of 255)").wait_for()
    restored = seen.shown("both")
    sides = seen.page.locator("#both img").last.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert sides == [192, 192], "in full size"
    with seen.page.expect_download() as waiting:
        seen.page.locator("#download").click()
    waiting.value.save_as(tmp_path / waiting.value.suggested_filename)
    clean = Image.open(tmp_path / "scene-clean.png")
    noisy = Image.open(visitors_files / "scene.png")
    assert (clean.size, clean.mode) == (noisy.size, noisy.mode)
    rough, smooth = (float(np.abs(np.diff(np.asarray(image, float), axis=1)).mean()) for image in (noisy, clean))
    assert smooth < rough / 2
    seen.press("range slider for Strength", "Home")
    seen.changed("both", restored)
    seen.page.get_by_label("Clear").first.click()
    seen.page.locator("#both").wait_for(state="hidden")


def test_who_leaves_leaves_nothing(visit: Callable[..., Visit], visitors_files: Path, served: tuple[str, Path]) -> None:
    seen = visit()
    seen.tab("Your image")
    others = set(served[1].rglob("visitor-*"))
    seen.page.locator("#upload input[type=file]").set_input_files(visitors_files / "scene.png")
    seen.page.get_by_text("level (of 255)").wait_for()
    (mine,) = set(served[1].rglob("visitor-*")) - others
    seen.page.close()
    for _ in range(PATIENCE // 100):
        if not mine.exists():
            return
        time.sleep(0.1)
    raise AssertionError("an upload is still there")


def test_a_stack_keeps_its_type(visit: Callable[..., Visit], visitors_files: Path, tmp_path: Path) -> None:
    seen = visit()
    seen.tab("Your image")
    seen.page.locator("#upload input[type=file]").set_input_files(visitors_files / "stack.tif")
    first = seen.shown("both")
    seen.press("range slider for Image of the stack", "ArrowRight")
    seen.changed("both", first)
    with seen.page.expect_download() as waiting:
        seen.page.locator("#download").click()
    waiting.value.save_as(tmp_path / "clean.tif")
    assert waiting.value.suggested_filename == "stack-clean.tif"
    before, after = (tifffile.imread(path) for path in (visitors_files / "stack.tif", tmp_path / "clean.tif"))
    assert (before.shape, before.dtype) == (after.shape, after.dtype) and (before != after).any()


@pytest.mark.parametrize(
    ("name", "words"), [("words.png", "words.png: none of its images"), ("bomb.png", "20000x20000 pixels would take")]
)
def test_what_is_no_image_or_too_much_is_said(
    visit: Callable[..., Visit], visitors_files: Path, name: str, words: str
) -> None:
    seen = visit()
    seen.tab("Your image")
    seen.page.locator("#upload input[type=file]").set_input_files(visitors_files / name)
    seen.page.get_by_text(words).wait_for()
    seen.page.locator("#upload").get_by_label("Clear").first.click()
    seen.page.locator("#upload input[type=file]").set_input_files(visitors_files / "scene.png")
    seen.page.get_by_text("level (of 255)").wait_for()


def test_it_is_used_by_the_keyboard_alone(visit: Callable[..., Visit]) -> None:
    seen = visit()
    before = seen.shown("clean")
    focused = "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || ''"
    reached = []
    for _ in range(15):
        seen.page.keyboard.press("Tab")
        reached.append(seen.page.evaluate(focused).strip())
        if reached[-1] == "Seed":
            seen.page.keyboard.type("12")
        if reached[-1] == "Generate" and "Seed" in reached:
            break
    seen.page.keyboard.press("Enter")
    seen.changed("clean", before)


def test_the_divider_is_moved_by_keys(visit: Callable[..., Visit], visitors_files: Path) -> None:
    seen = visit()
    seen.tab("Your image")
    seen.page.locator("#upload input[type=file]").set_input_files(visitors_files / "scene.png")
    seen.shown("both")
    divider = seen.page.get_by_role("slider", name="Divider between before and after")
    divider.wait_for()
    seen.page.get_by_role("slider", name="range slider for Strength").focus()
    for _ in range(30):
        seen.page.keyboard.press("Tab")
        if divider.evaluate("element => element === document.activeElement"):
            break

    def after(*keys: str) -> float:
        """The percentage that is told, which is the one that is seen."""
        for key in keys:
            seen.page.keyboard.press(key)
        told = float(divider.get_attribute("aria-valuenow") or "nan")
        cut = seen.page.locator("#both img.fixed").evaluate("image => image.style.clipPath")
        assert float(cut.split()[-1].removesuffix("%)")) == pytest.approx(told, abs=0.6)
        line, image = (seen.page.locator(name).last.bounding_box() for name in ("#both .inner", "#both img.fixed"))
        assert abs(line["x"] + line["width"] / 2 - image["x"] - told / 100 * image["width"]) < 12
        return told

    assert after() == 50
    assert after("ArrowRight", "ArrowRight", "ArrowUp") == 53
    assert after("ArrowLeft", "ArrowDown") == 51
    assert after("PageUp") == 61 and after("Home") == 0 and after("ArrowLeft") == 0 and after("End") == 100
    assert divider.get_attribute("aria-valuetext") == "100% before, 0% after"
    seen.press("range slider for Strength", "Home")  # the pictures come anew, and the divider stays one
    seen.page.get_by_role("slider", name="Divider between before and after").press("ArrowLeft")
    assert seen.page.get_by_role("slider", name="Divider between before and after").count() == 1


def test_it_fits_a_telephone(visit: Callable[..., Visit], visitors_files: Path) -> None:
    seen = visit(360)
    fits = "document.documentElement.scrollWidth <= window.innerWidth"
    seen.shown("noisy")
    assert seen.page.evaluate(fits)
    seen.tab("Your image")
    seen.page.locator("#upload input[type=file]").set_input_files(visitors_files / "scene.png")
    seen.page.get_by_text("level (of 255)").wait_for()
    seen.shown("both")
    assert seen.page.evaluate(fits)
    seen.page.get_by_role("button", name="Download in its own type").scroll_into_view_if_needed()
