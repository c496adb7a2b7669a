"""The page as a server of this machine: gradio, held to 127.0.0.1 in both directions.

Nothing is asked of the network: gradio's reports of use are off, fonts are the system's, and the browser is told to
load nothing from elsewhere (Content-Security-Policy). A page of another site cannot reach it either: requests for
another host than this machine are refused, whatever name has led to it.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from nrgan.errors import UserError
from nrgan.memory import LIMIT

if TYPE_CHECKING:
    from nrgan.page.opened import Opened

HOST = "127.0.0.1"
_FIRST_PORT, _PORTS = 7860, 40
_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ]
)


@contextmanager
def listen(port: int | None) -> Iterator[socket.socket]:
    """A socket of this machine alone: of that port, or of the first free one. Raises `UserError` where it is taken."""
    if port is not None and not 1 <= port < 2**16:
        raise UserError(f"<port> {port}: must be from 1 to 65535")
    for candidate in [port] if port is not None else range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, candidate))
            found.listen()  # from now on it is taken
        except OSError as error:
            found.close()
            refused = error.strerror or str(error)
            continue
        with found:
            yield found
        return
    if port is not None:
        raise UserError(f"<port> {port}: cannot be had ({refused}); leave it out to take a free one")
    raise UserError(f"no port from {_FIRST_PORT} to {_FIRST_PORT + _PORTS - 1} can be had ({refused}); give <port>")


def serve(
    opened: Opened,
    listening: socket.socket,
    announce: Callable[[str], None],
    stopped: Callable[[], bool],
    browser: bool = False,
) -> None:
    """Serves until `stopped` says so, which it is asked again and again; `announce` is given the address.

    What visitors brought is gone when it returns. Raises `UserError` where gradio is missing, or no temporary folder
    can be made.
    """
    url = f"http://{HOST}:{listening.getsockname()[1]}"
    with _temporary_folder() as folder:
        server = _server(_app(opened, folder), stopped)
        if browser and _has_screen():
            timer = Timer(0.5, webbrowser.open, [url])
            timer.daemon = True
            timer.start()
        announce(url)
        server.run(sockets=[listening])


def _has_screen() -> bool:
    """Whether a browser would be a window, and not take the terminal."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """Where everything of visitors lies, while the page is served."""
    before = tempfile.tempdir
    try:
        made = tempfile.TemporaryDirectory(prefix="nrgan-page-", ignore_cleanup_errors=True)
    except OSError as error:
        raise UserError(f"no temporary folder can be made ({error}); set TMPDIR to one that can be written") from error
    with made as folder:
        tempfile.tempdir = folder  # uploads are received there too
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = before


def _app(opened: Opened, folder: Path) -> Any:
    """The application that answers."""
    from nrgan.page.visitor import BOUNDS

    os.environ.setdefault(LIMIT, str(BOUNDS.decode_bytes))
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1", GRADIO_TEMP_DIR=str(folder / "seen")
    )
    try:
        import gradio
    except ImportError as error:
        raise UserError("the page needs gradio: pip install 'nrgan[page]'") from error
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from nrgan.page.blocks import STYLE, blocks, theme

    app = FastAPI(openapi_url=None)

    @app.middleware("http")
    async def nothing_from_elsewhere(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return gradio.mount_gradio_app(
        app,
        blocks(opened),
        path="/",
        server_name=HOST,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        max_file_size=BOUNDS.file_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme(),
        css=STYLE,
    )


def _server(app: Any, stopped: Callable[[], bool]) -> Any:
    """The server, which leaves signals to whoever has started it: its own handling ends the process with rooms full."""
    import uvicorn

    class Server(uvicorn.Server):
        def capture_signals(self) -> Any:
            return nullcontext()

        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or stopped()

    return Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1))
