"""Signals as requests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """Collects SIGINT, SIGTERM and SIGHUP (a terminal that closes), to be obeyed between two iterations.

    A second SIGINT interrupts at once.
    """
    requests: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if requests and number == signal.SIGINT:
            raise KeyboardInterrupt
        requests.append(number)

    before = {number: signal.signal(number, ask) for number in _STOPS}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
