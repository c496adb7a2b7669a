"""Where the command begins. From here on Ctrl-C ends it in one line, also while the rest is still being loaded."""

# `signal` would first load enum and more, within which an interrupt is a traceback
import _signal  # type: ignore[import-not-found]
import os


def _end_at_once(number: int, frame: object) -> None:
    os.write(2, b"error: interrupted\n")
    os._exit(128 + number)


if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:  # and not ignored, as it is behind nohup
    _signal.signal(_signal.SIGINT, _end_at_once)


def main() -> None:
    """The command line."""
    from nrgan.cli import main as run

    run()
