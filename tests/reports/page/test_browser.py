"""Pages in a real browser: every control changes what is seen, by mouse and by keys; nothing is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nrgan import report
from nrgan.layout import LIVE, SAMPLES, sample_picture
from nrgan.pictures import save_picture
from nrgan.reports.page.assemble import live_report
from nrgan.reports.page.chart import Chart
from report_material import Material, Opened

Opening = Callable[..., Opened]


def seen(element: Any) -> bytes:
    """What is on the screen there."""
    shot: bytes = element.screenshot()
    return shot


def test_it_is_quiet_and_asks_for_nothing(open_page: Opening, whole_page: Path) -> None:
    opened = open_page(whole_page)
    assert opened.requests[0] == whole_page.as_uri()
    assert all(url.startswith("data:") for url in opened.requests[1:]) and opened.errors == []
    decoded = "images => images.every(image => image.complete && image.naturalWidth > 0)"
    assert opened.page.locator("img").count() > 20 and opened.page.locator("img").evaluate_all(decoded)


def test_the_network_is_out_of_reach(open_page: Opening, whole_page: Path) -> None:
    opened = open_page(whole_page)
    failed = opened.page.evaluate("fetch('http://127.0.0.1:9/').then(() => false, () => true)")
    assert failed and any("Content Security Policy" in error for error in opened.errors)


def test_every_slider_over_pictures_changes_them(open_page: Opening, whole_page: Path) -> None:
    page = open_page(whole_page).page
    boxes = page.locator("[data-frames]:has(input)")
    assert boxes.count() >= 3
    for box in boxes.all():
        slider, last = box.locator("input"), seen(box.locator("[data-frame]:not([hidden])"))
        slider.focus()
        page.keyboard.press("Home")
        assert seen(box.locator("[data-frame]:not([hidden])")) != last
        assert box.locator("[data-frame]:not([hidden])").count() == 1
        first_name = box.locator("[data-frame]").first.get_attribute("data-frame")
        assert box.locator("output").inner_text() == first_name == slider.get_attribute("aria-valuetext")
        page.keyboard.press("End")
        assert seen(box.locator("[data-frame]:not([hidden])")) == last


def test_play_runs_to_the_end_and_pauses(open_page: Opening, whole_page: Path) -> None:
    page = open_page(whole_page).page
    box = page.locator("#walk [data-frames]").first
    button, slider = box.locator("[data-play]"), box.locator("input")
    button.click()
    assert button.inner_text() == "Pause"
    page.wait_for_function("s => s.value === '2'", arg=slider.element_handle())
    button.click()
    assert button.inner_text() == "Play"
    stopped = slider.input_value()
    page.wait_for_timeout(700)
    assert slider.input_value() == stopped


def test_values_are_read_at_the_pointer_and_with_keys(open_page: Opening, whole_page: Path) -> None:
    page = open_page(whole_page).page
    charts = page.locator("[data-chart]")
    assert charts.count() >= 8
    chart_left = Chart.left / Chart.width
    for chart in charts.all():
        slider = chart.locator("[data-reads]")
        if slider.get_attribute("max") == "0":
            continue
        chart.scroll_into_view_if_needed()
        area = chart.locator("svg").first.bounding_box()
        page.mouse.move(area["x"] + chart_left * area["width"], area["y"] + area["height"] / 2)
        at_left = chart.locator("output").inner_text()
        page.mouse.move(area["x"] + 0.93 * area["width"], area["y"] + area["height"] / 2)
        assert chart.locator("output").inner_text() != at_left
        slider.focus()
        page.keyboard.press("Home")
        assert chart.locator("output").inner_text() == at_left
        assert any(value for value in chart.locator("[data-value]").all_inner_texts())


def test_the_value_read_is_the_runs(open_page: Opening, whole_page: Path, material: Material) -> None:
    from nrgan.runs.log import read_metrics

    page = open_page(whole_page).page
    chart = page.locator("#losses [data-chart]").first
    chart.locator("[data-reads]").focus()
    page.keyboard.press("Home")
    line = read_metrics(material.run / "metrics.jsonl")[0]
    shown = chart.locator("li", has_text="generator").locator("[data-value]").inner_text()
    assert float(shown) == float(f"{line['generator']:.4g}")


def test_before_and_after(open_page: Opening, whole_page: Path) -> None:
    page = open_page(whole_page).page
    box = page.locator("[data-before-after]").first
    slider, stack = box.locator("input"), box.locator(".stack")
    slider.focus()
    page.keyboard.press("Home")
    before = seen(stack)
    page.keyboard.press("End")
    after = seen(stack)
    for _ in range(4):
        page.keyboard.press("PageDown")
    assert before != after and seen(stack) not in (before, after)
    assert "denoised" in (slider.get_attribute("aria-valuetext") or "")


def test_what_is_folded_opens_with_a_key(open_page: Opening, whole_page: Path) -> None:
    page = open_page(whole_page).page
    details = page.locator("details").first
    details.locator("summary").focus()
    page.keyboard.press("Enter")
    assert details.locator("table").is_visible()


def test_all_controls_are_reached_with_tab(open_page: Opening, whole_page: Path) -> None:
    page = open_page(whole_page).page
    controls, stops = "input, button, summary, nav a", "a, input, button, summary, [tabindex]"
    page.evaluate("window.reached = new Set()")
    for _ in range(page.locator(stops).count()):
        page.keyboard.press("Tab")
        page.evaluate("reached.add(document.activeElement)")
    missed = "elements => elements.filter(e => e.checkVisibility() && !reached.has(e)).map(e => e.outerHTML)"
    assert page.locator(controls).evaluate_all(missed) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_it_is_accessible(open_page: Opening, whole_page: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra dev is not installed")
    opened = open_page(whole_page, color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    found = axe.Axe().run(opened.page).response["violations"]
    assert found == [], [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found]


def test_it_fits_a_phone(open_page: Opening, whole_page: Path, page_with_images: Path) -> None:
    for file in (whole_page, page_with_images):
        page = open_page(file, viewport={"width": 360, "height": 700}, has_touch=True).page
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        slider = page.locator("#samples input").first
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        page.touchscreen.tap(box["x"] + 3, box["y"] + box["height"] / 2)
        assert slider.input_value() == "0" and box["width"] > 120


def test_colours_follow_the_reader(open_page: Opening, whole_page: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = (open_page(whole_page, color_scheme=scheme).page.evaluate(ground) for scheme in ("light", "dark"))
    assert light != dark


def test_it_prints(open_page: Opening, whole_page: Path) -> None:
    page = open_page(whole_page, color_scheme="dark").page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#samples input").first.is_visible()
    both = page.locator("[data-before-after] img").evaluate_all(
        "images => images.map(i => i.getBoundingClientRect().x)"
    )
    assert both[0] != both[1], "side by side, as nobody can move a slider on paper"
    assert len(page.pdf()) > 20_000


def test_a_full_run_is_small_and_opens_fast(open_page: Opening, material: Material, tmp_path: Path) -> None:
    """Fourteen moments of 100 samples that are all noise, which no PNG makes smaller."""
    run = tmp_path / "run"
    shutil.copytree(material.other, run)
    shutil.rmtree(run / SAMPLES)
    rng = np.random.default_rng(0)
    save_picture(rng.integers(0, 256, (640, 640, 3), np.uint8), tmp_path / "noise.png")
    (run / SAMPLES).mkdir()
    for k in range(14):
        for part in ("clean", "noise", "noisy"):
            shutil.copy(tmp_path / "noise.png", sample_picture(run, 5000 * k, part))
    assert report(run, tmp_path / "page.html").notes == ()
    assert 3e6 < (tmp_path / "page.html").stat().st_size < 10e6
    page = open_page(tmp_path / "page.html").page
    assert page.locator("#samples [data-frame]").count() == 12
    timing = "performance.getEntriesByType('navigation')[0].loadEventEnd"
    page.wait_for_function(f"() => {timing} > 0")
    assert page.evaluate(timing) < 2000


def test_a_live_page_looks_again_and_keeps_its_place(
    open_page: Opening, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nrgan.reports.page import assemble

    monkeypatch.setattr(assemble, "_SECONDS", 1)
    run = tmp_path / "run"
    shutil.copytree(material.run, run)
    for part in ("clean", "noise", "noisy"):
        sample_picture(run, 6, part).unlink()
    live_report(run, run / LIVE)
    page = open_page(run / LIVE).page
    slider = page.locator("#samples input")
    assert slider.get_attribute("max") == "1" and slider.input_value() == "1"
    page.locator("details").first.evaluate("details => { details.open = true; }")
    page.evaluate("scrollTo(0, 200)")
    for part in ("clean", "noise", "noisy"):
        shutil.copy(sample_picture(material.run, 6, part), sample_picture(run, 6, part))
    live_report(run, run / LIVE)
    page.wait_for_function("() => document.querySelector('#samples input').max === '2'")
    page.wait_for_function("() => scrollY === 200")
    assert slider.input_value() == "2", "it follows the newest"
    assert page.locator("details").first.evaluate("details => details.open")
    page.locator("#following").uncheck()
    live_report(run, run / LIVE, ended=True)
    page.wait_for_timeout(1500)
    assert page.locator("#following").count() == 1, "it waits where it was told to"
    page.locator("#following").check()
    page.wait_for_function("() => !document.querySelector('#following')")
