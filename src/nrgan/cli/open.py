"""The verb that shows a page to look and to try: open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass
class Open:
    """Look at a generator and try a denoiser on a page of this machine alone: nrgan open outputs"""

    paths: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="[PATH ...]"), tyro.conf.Positional] = ()
    """A run or a snapshot, a denoiser, or one of each; a small one of drawn shapes if not given."""
    port: int | None = None
    """Of 127.0.0.1; the first free one from 7860 on if not given."""
    browser: bool = True
    """Open it in the browser."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:N or mps."""

    def run(self) -> int:
        from nrgan.cli.stopping import stop_requests
        from nrgan.page.opening import Opening
        from nrgan.page.serve import listen, serve

        def announce(url: str) -> None:
            print(f"look at {url} (Ctrl-C ends it)", flush=True)

        with listen(self.port) as socket:  # a port that is taken is said before anything is loaded
            opening = Opening.asked(self.paths, self.device)
            with stop_requests() as requests:
                serve(opening, socket, announce, lambda: bool(requests), self.browser)
        return 128 + requests[0] if requests else 0
