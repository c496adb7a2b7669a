"""The page that shows a training as it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from nrgan.errors import first_line
from nrgan.layout import LIVE
from nrgan.progress import Progress
from nrgan.training.config import TrainConfig

_SECONDS = 300.0
"""After which it is written anew where no samples have been pictured meanwhile."""


class LivePage:
    """Written when the training begins, at each picture of samples, with new losses every few minutes, and in the end.

    A context manager: however the training ends, the page then looks no more. Where it cannot be written, the run goes
    on without it. wanted: False for none.
    """

    def __init__(self, config: TrainConfig, say: Callable[[str], None], wanted: bool) -> None:
        self._config, self._say, self._path = config, say, config.out / LIVE
        self._wanted, self._written_at = wanted, -_SECONDS

    def __enter__(self) -> LivePage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(ended=True)
        if self._wanted:
            self._say(f"how it went: {self._path}; all about it: nrgan report {self._config.out}")

    def follow(self, progress: Progress) -> None:
        """Writes it where there is something new."""
        pictured = progress.iteration % self._config.schedule.sample_interval == 0
        if pictured or time.monotonic() - self._written_at >= _SECONDS:
            self._write()

    def _write(self, ended: bool = False) -> None:
        if not self._wanted:
            return
        from nrgan.reports.page.assemble import live_report  # loads all that a page may show

        try:
            live_report(self._config.out, self._path, ended)
        except Exception as error:  # no page is worth a training
            self._wanted = False
            self._say(f"note: no live page any more: {first_line(error)}")
        self._written_at = time.monotonic()
