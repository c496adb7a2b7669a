"""Where the command begins. From here on Ctrl-C ends it in one line, also while the rest is still being loaded.

It ends at once, and raises nothing: an exception out of a signal is lost, or worse, within libraries' own callbacks.
Work that is to end well takes signals for itself (`nrgan.cli.stopping`); of the rest, what is half written has the
name of a part, which the next writer clears.
"""

# `signal` would first load enum and more, within which an interrupt is a traceback
import _signal  # type: ignore[import-not-found]
import os


def _end_at_once(number: int, frame: object) -> None:
    if os.isatty(1):
        os.write(1, b"\x1b[?25h\n")  # a progress bar hides the cursor
    os.write(2, b"error: interrupted\n")
    os._exit(128 + number)


if "OMP_WAIT_POLICY" not in os.environ:
    # read once, when torch loads OpenMP: how often a thread that waits for others looks before it sleeps. Endlessly, as
    # is usual, it keeps the processor from those that it waits for, wherever a machine has more threads than processors
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:  # and not ignored, as it is behind nohup
    _signal.signal(_signal.SIGINT, _end_at_once)


def main() -> None:
    """The command line."""
    from nrgan.cli import main as run

    run()
