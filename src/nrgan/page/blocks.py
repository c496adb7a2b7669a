"""What is on the page, and what each control does."""

from __future__ import annotations

import os
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from nrgan.errors import NrganError
from nrgan.memory import gigabytes, is_out_of_memory
from nrgan.page.bounds import BOUNDS, MOST_SHOWN
from nrgan.page.opening import Opening

if TYPE_CHECKING:  # what loads torch comes while the page is drawn
    from nrgan.page.opened import Opened
    from nrgan.page.visitor import Room

_EVERY, _OLDEST = 60, 1800
"""Seconds: how often gradio's own copies of what came and went are looked for, and how old they become."""
_AT_ONCE = max(2, os.cpu_count() or 2)
"""Questions of one kind that are answered at the same time."""
_WAITING = 200
"""Questions that may wait; more are told to come again."""
_BROUGHT = (
    f"A noisy image or stack of yours, to {gigabytes(BOUNDS.file_bytes)}. It is kept in a temporary folder of this "
    f"machine, and removed when you leave or bring another; the last copy after {_OLDEST // 60} minutes."
)

STYLE = """
.gradio-container { max-width: 1100px !important; margin: auto; }
.pixels img { image-rendering: pixelated; }
.gradio-container table { overflow-wrap: anywhere; }
#both [role=slider]:focus-visible { outline: 3px solid var(--color-accent); outline-offset: 2px; }
"""
SCRIPT = Path(__file__).with_name("divider.js").read_text(encoding="utf-8")


def theme() -> gr.themes.Base:
    """Quiet, with fonts that every system has."""
    return gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])


def blocks(opening: Opening, opened: Future[Opened]) -> gr.Blocks:
    """The page of what is opened; who asks before it is loaded waits."""
    with gr.Blocks(title=f"nrgan: {opening.title}", analytics_enabled=False, delete_cache=(_EVERY, _OLDEST)) as page:
        gr.Markdown(f"# nrgan\n{opening.title}. Everything stays on this machine.")
        if opening.generates:
            with gr.Tab("Generate"):
                _generate(opened, page)
            with gr.Tab("Walk"):
                _walk(opened, page)
        with gr.Tab("Your image"):
            _yours(opened, page)
    page.queue(api_open=False, max_size=_WAITING, default_concurrency_limit=_AT_ONCE)
    return page


def _shown(label: str, **more: Any) -> gr.Image:
    return gr.Image(label=label, format="png", interactive=False, buttons=["download", "fullscreen"], **more)


def _generate(opened: Future[Opened], page: gr.Blocks) -> None:
    gr.Markdown("The same latents three times: as the network's clean images, as its noise alone, and as both.")
    with gr.Row():
        seed = gr.Number(0, label="Seed", precision=0)
        count = gr.Slider(1, MOST_SHOWN, 16, step=1, label="Images")
    button = gr.Button("Generate", variant="primary")
    with gr.Row():
        parts = [_shown(name, elem_classes="pixels", elem_id=name) for name in ("clean", "noise", "noisy")]

    def generate(seed: float | None, count: float) -> Any:
        with _told():
            seen = opened.result().viewer.observed(int(seed or 0), int(count))
        return seen.clean, seen.noise, seen.noisy

    asked: dict[str, Any] = {"fn": generate, "inputs": [seed, count], "outputs": parts, "api_visibility": "private"}
    triggers = [button.click, seed.submit, count.change, page.load]
    gr.on(triggers, **asked, concurrency_id="generator", trigger_mode="always_last")


def _walk(opened: Future[Opened], page: gr.Blocks) -> None:
    gr.Markdown("From one latent to another, along the great circle between them.")
    with gr.Row():
        ends = [gr.Number(seed, label=label, precision=0) for seed, label in ((0, "From seed"), (1, "To seed"))]
    way = _shown("the way", elem_classes="pixels", elem_id="way")
    share = gr.Slider(0, 1, 0.5, step=0.01, label="How far")
    here = _shown("here", elem_classes="pixels", elem_id="here")

    def walk(first: float | None, second: float | None, share: float) -> Any:
        with _told():
            return opened.result().viewer.walk(int(first or 0), int(second or 0)), step(first, second, share)

    def step(first: float | None, second: float | None, share: float) -> Any:
        with _told():
            return opened.result().viewer.between(int(first or 0), int(second or 0), share)

    asked: dict[str, Any] = {"inputs": [*ends, share], "api_visibility": "private", "concurrency_id": "generator"}
    gr.on([page.load, *(end.change for end in ends)], walk, outputs=[way, here], **asked)
    share.change(step, outputs=here, trigger_mode="always_last", show_progress="hidden", **asked)


def _yours(opened: Future[Opened], page: gr.Blocks) -> None:
    gr.Markdown(_BROUGHT)
    file = gr.File(label="Image or stack", elem_id="upload")
    rooms: dict[str | None, Room] = {}  # by visit
    with gr.Group(visible=False) as result:
        strength = gr.Slider(0, 1, 1, step=0.05, label="Strength: 0 as it was, 1 denoised")
        number = gr.Slider(1, 2, 1, step=1, label="Image of the stack", visible=False)
        both = gr.ImageSlider(
            label="before | after", format="png", interactive=False, elem_id="both", max_height=1 << 14
        )
        download = gr.DownloadButton("Download in its own type", elem_id="download")
    told = gr.Markdown(elem_id="told")

    def go(request: gr.Request) -> None:
        if (room := rooms.pop(request.session_hash, None)) is not None:
            room.leave()

    def enter(path: str | None, strength: float, request: gr.Request) -> Any:
        from nrgan.page.visitor import Room

        go(request)
        if path is None:
            return gr.Group(visible=False), "", gr.Slider(), None, None
        try:
            with _told():
                entered = Room.enter(Path(path), opened.result())
        except gr.Error as error:  # said where the diagnosis would be, and longer than a message that goes away
            return gr.Group(visible=False), f"**Not taken.** {_cell(error.message)}", gr.Slider(), None, None
        several = gr.Slider(maximum=max(entered.count, 2), value=1, visible=entered.count > 1)
        rooms[request.session_hash] = entered
        with _told():
            return gr.Group(visible=True), *_restored(entered, strength, several)

    def again(strength: float, number: float, request: gr.Request) -> Any:
        if (room := rooms.get(request.session_hash)) is None:
            return gr.skip()
        with _told():  # whoever leaves now takes the files along
            told, _, both, download = _restored(room, strength, None, int(number) - 1)
        return told, both, download

    def turn(number: float, request: gr.Request) -> Any:
        room = rooms.get(request.session_hash)
        with _told():
            return gr.skip() if room is None else room.pictures(int(number) - 1)

    asked: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "files"}
    file.change(enter, [file, strength], [result, told, number, both, download], **asked)
    strength.change(again, [strength, number], [told, both, download], trigger_mode="always_last", **asked)
    number.change(turn, number, both, trigger_mode="always_last", **asked)
    page.unload(go)


def _restored(room: Room, strength: float, several: Any, number: int = 0) -> Any:
    """What is said, the choice of images, both pictures, and the file."""
    try:
        made = room.restore(strength)
        said, path = made.words, str(made.file)
    except NrganError as error:
        said, path = f"Not restored: {error}.", None
    before, after = room.pictures(number)
    download = gr.DownloadButton(value=path, interactive=path is not None)
    return _words(room, said), several, (before, before if after is None else after), download


def _words(room: Room, said: str) -> str:
    """The diagnosis as a table."""
    from nrgan.reports.diagnosis_table import found_rows

    lines = [_cell(said), "", _cell(room.frames.reading), ""]
    if room.found is None:
        return "\n".join([*lines, f"Not diagnosed: {_cell(room.why_not)}"])
    rows = found_rows(room.found.diagnosis)
    return "\n".join([*lines, "| noise | found |", "|---|---|", *(f"| {_cell(a)} | {_cell(b)} |" for a, b in rows)])


def _cell(text: str) -> str:
    """Words for a cell of a Markdown table, in which nothing of theirs is markup."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>()#+!|~$" else letter for letter in text.replace("\n", " "))


class _told:
    """What goes wrong is told to the visitor in a line; what nobody thought of, without details."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, NrganError):
            raise gr.Error(str(error), print_exception=False) from error
        if error is not None and is_out_of_memory(error):
            raise gr.Error("not enough memory for this; try less", print_exception=False) from error
