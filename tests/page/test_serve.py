"""The server: whom it listens to, what it answers, and what stops it before it begins."""

from __future__ import annotations

import asyncio
import builtins
import gc
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from conftest import modules_after, nrgan
from nrgan.errors import UserError
from nrgan.page import serve as module
from nrgan.page.opened import Opened
from nrgan.page.opening import Opening
from nrgan.page.serve import HOST, listen, serve

NOTHING = Opening.of(Opened("nothing", None, None))


def test_a_port_that_is_taken_is_said_at_once_and_the_next_one_is_free() -> None:
    with listen(None) as first:
        port = first.getsockname()[1]
        done = nrgan("open", "--port", port)
        assert done.returncode == 2 and f"error: --port {port}: cannot be had" in done.stderr
        with listen(None) as second:
            assert second.getsockname()[1] > port and second.getsockname()[0] == HOST
    for port in (0, 70_000):
        assert "must be from 1 to 65535" in nrgan("open", "--port", port).stderr


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    assert nrgan("open", tmp_path / "nothing", "--no-browser").returncode == 2


def test_gradio_that_is_missing_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name == "gradio":
            raise ImportError(name)
        return imported(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with listen(None) as listening, pytest.raises(UserError, match=r"pip install 'nrgan\[page\]'"):
        serve(NOTHING, listening, print, lambda: True)


def test_a_temporary_folder_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with listen(None) as listening, pytest.raises(UserError, match=r"no temporary folder can be made .*set TMPDIR"):
        serve(NOTHING, listening, print, lambda: True)


def get(url: str, **headers: str) -> tuple[int, str, Any]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode(errors="replace"), answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(errors="replace"), refused.headers


def test_it_answers_this_machine_alone_and_lets_nothing_else_be_loaded(page_url: str) -> None:
    code, text, headers = get(page_url)
    assert code == 200 and "default-src 'self'" in headers["Content-Security-Policy"]
    assert "fonts.googleapis" not in text and "cdnjs" not in text
    assert get(page_url, Host="elsewhere.example")[0] == 400
    port = int(page_url.rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:  # nothing is sent, and no name is looked up
        try:
            asks.connect(("192.0.2.1", 9))
        except OSError:  # it has no network
            return
        other = asks.getsockname()[0]
    assert other != HOST
    with pytest.raises(OSError), socket.create_connection((other, port), timeout=5):
        pass


@pytest.mark.parametrize("path", ["/etc/passwd", module.__file__, "../../etc/passwd"])
def test_files_of_the_machine_are_not_served(page_url: str, path: str) -> None:
    code, text, _ = get(f"{page_url}/gradio_api/file={path}")
    assert code in (403, 404) and "root:" not in text


def test_an_enormous_upload_is_refused_while_it_comes(page_url: str) -> None:
    boundary, size = "cut", 80 << 20
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.npy"\r\n\r\n'.encode()
    body = head + b"\0" * size + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        f"{page_url}/gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    with pytest.raises((urllib.error.HTTPError, urllib.error.URLError)) as refused:
        urllib.request.urlopen(request)
    assert not isinstance(refused.value, urllib.error.HTTPError) or refused.value.code == 413


def test_there_is_no_list_of_functions_to_call(page_url: str) -> None:
    assert '"named_endpoints":{}' in get(f"{page_url}/gradio_api/info")[1].replace(" ", "")
    assert get(f"{page_url}/openapi.json")[0] == 404 and get(f"{page_url}/docs")[0] == 404


def test_gradio_s_own_copies_go_too(monkeypatch: pytest.MonkeyPatch, visitors_files: Path) -> None:
    """Where nobody leaves, they become as old as they may; with a shorter time, for a test."""
    pytest.importorskip("gradio")
    from nrgan.page import blocks

    monkeypatch.setattr(blocks, "_EVERY", 1)
    monkeypatch.setattr(blocks, "_OLDEST", 1)
    content, seen, stop = (visitors_files / "scene.png").read_bytes(), [], []

    def upload(url: str) -> None:
        body = b'--cut\r\nContent-Disposition: form-data; name="files"; filename="scene.png"\r\n\r\n' + content
        request = urllib.request.Request(
            f"{url}/gradio_api/upload",
            body + b"\r\n--cut--\r\n",
            {"Content-Type": "multipart/form-data; boundary=cut"},
        )
        with urllib.request.urlopen(request) as answer:
            (path,) = json.load(answer)
        seen.append(Path(path).exists())
        while Path(path).exists():
            time.sleep(0.1)
        stop.append(True)

    def visit(url: str) -> None:
        threading.Thread(target=upload, args=[url], daemon=True).start()

    with listen(None) as listening:
        # in a thread of its own: the browser of other tests has a loop of events in this one
        server = threading.Thread(target=serve, args=[NOTHING, listening, visit, lambda: bool(stop)])
        server.start()
        server.join()
    assert seen == [True]


def test_the_first_picture_waits_for_nothing_that_it_does_not_need() -> None:
    """The page is drawn before torch is there, and images come without compilers and what judges a visitor's file."""
    pytest.importorskip("gradio")
    begin = "from nrgan.page import blocks, serve; from nrgan.page.opening import Opening; a = Opening.asked([], 'cpu')"
    assert not {"torch", "scipy"} & modules_after(begin)
    loaded = modules_after(
        "from nrgan.page.opening import Opening\nOpening.asked([], 'cpu').load().viewer.observed(0, 1)"
    )
    assert "torch" in loaded and not {"torch._dynamo", "sympy", "scipy.stats", "nrgan.diagnosis.diagnose"} & loaded


LOADED = """
import pathlib, sys, tempfile
from nrgan.page.serve import _gradio
opened = []
sys.addaudithook(lambda event, values: opened.append(values) if event == "open" else None)
_gradio(pathlib.Path(tempfile.gettempdir()))
print(len(opened) > 100, [path for path, *_ in opened if str(path).endswith(".pyi")])
"""


def test_gradio_is_loaded_without_stubs_of_its_components() -> None:
    """It writes them, for editors, at each import into the folder where it is installed."""
    pytest.importorskip("gradio")
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout == "True []\n"


def test_an_answer_that_protests_against_being_cut_off_is_not_a_visitors_business(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Such as gradio's, whose visitor has left; whatever else fails is said."""

    async def answer() -> AsyncIterator[str]:
        try:
            yield "a picture"
        except BaseException:
            yield "one more word"

    async def fail() -> None:
        raise ValueError("of another kind")

    async def served() -> None:
        asyncio.get_running_loop().set_exception_handler(module.unless_cut_off)
        await anext(answer())
        task = asyncio.create_task(fail())
        for _ in range(3):  # the loop closes the answer that nobody holds any more
            await asyncio.sleep(0)
        del task
        gc.collect()
        await asyncio.sleep(0)

    with ThreadPoolExecutor(1) as pool:  # in a thread of its own: a browser that is tested may have a loop in this one
        pool.submit(asyncio.run, served()).result()
    assert [str(record.exc_info and record.exc_info[1]) for record in caplog.records] == ["of another kind"]
