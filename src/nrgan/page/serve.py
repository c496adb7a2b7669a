"""The page as a server of this machine: gradio, held to 127.0.0.1 in both directions.

Nothing is asked of the network: gradio's reports of use are off, fonts are the system's, and the browser is told to
load nothing from elsewhere (Content-Security-Policy). A page of another site cannot reach it either: requests for
another host than this machine are refused, whatever name has led to it.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Timer
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nrgan.errors import UserError
from nrgan.memory import LIMIT
from nrgan.page.bounds import BOUNDS
from nrgan.page.folder import temporary_folder

if TYPE_CHECKING:
    from nrgan.page.opening import Opening

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
    opening: Opening,
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
    with temporary_folder() as folder, ThreadPoolExecutor(1) as loader:
        server = _server(_app(opening, folder, loader), stopped)
        if browser and _has_screen():
            timer = Timer(0.5, webbrowser.open, [url])
            timer.daemon = True
            timer.start()
        announce(url)
        server.run(sockets=[listening])


def _has_screen() -> bool:
    """Whether a browser would be a window, and not take the terminal."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _gradio(folder: Path) -> ModuleType:
    """gradio, which reports to nobody, and keeps in `folder` what it keeps. Raises `UserError` where it is missing."""
    os.environ.setdefault(LIMIT, str(BOUNDS.decode_bytes))
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1", GRADIO_TEMP_DIR=str(folder / "seen")
    )
    try:
        with _no_stubs():
            import gradio
    except ImportError as error:
        raise UserError("the page needs gradio: pip install 'nrgan[page]'") from error
    return gradio


@contextmanager
def _no_stubs() -> Iterator[None]:
    """Keeps gradio from writing a .pyi of each component, at each import, into the folder where it is installed.

    It takes half of the import's time, and is for editors. gradio leaves out components that lie in no file.
    """
    found = inspect.getfile

    def getfile(object: Any) -> str:
        if isinstance(object, type) and object.__module__.partition(".")[0] == "gradio":
            raise OSError
        return found(object)

    inspect.getfile = getfile
    try:
        yield
    finally:
        inspect.getfile = found


def _app(opening: Opening, folder: Path, loader: Executor) -> Any:
    """The application that answers, from now on also with what `loader` loads meanwhile."""
    gradio = _gradio(folder)
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from nrgan.page.blocks import SCRIPT, STYLE, blocks, theme

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
        blocks(opening, loader.submit(opening.load)),
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
        js=SCRIPT,
    )


def unless_cut_off(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio says of a task that failed, but for an answer that protests against being cut off.

    gradio's has a last word for the visitor who has just left, which no language allows where a generator is closed.
    """
    error = context.get("exception")
    if not (isinstance(error, RuntimeError) and str(error) == "async generator ignored GeneratorExit"):
        loop.default_exception_handler(context)


def _server(app: Any, stopped: Callable[[], bool]) -> Any:
    """The server, which leaves signals to whoever has started it: its own handling ends the process with rooms full."""
    import uvicorn

    class Server(uvicorn.Server):
        def capture_signals(self) -> Any:
            return nullcontext()

        async def startup(self, sockets: Any = None) -> None:
            asyncio.get_running_loop().set_exception_handler(unless_cut_off)
            await super().startup(sockets)

        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or stopped()

    return Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1))
