"""Where the command begins. From here on Ctrl-C ends it in one line, also while the rest is still being loaded.

It ends at once, and raises nothing: an exception out of a signal is lost, or worse, within libraries' own callbacks.
Work that is to end well takes signals for itself (`nrgan.cli.stopping`); of the rest, what is half written has the
name of a part, which the next writer clears.
"""

# `signal` and `socket` would first load enum and more, within which an interrupt is a traceback
import _signal  # type: ignore[import-not-found]
import _socket
import errno
import os
import sys


def _end_at_once(number: int, frame: object) -> None:
    if os.isatty(1):
        os.write(1, b"\x1b[?25h\n")  # a progress bar hides the cursor
    os.write(2, b"error: interrupted\n")
    os._exit(128 + number)


if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:  # and not ignored, as it is behind nohup
    _signal.signal(_signal.SIGINT, _end_at_once)

_first: _socket.socket | None = None


def is_first(name: bytes) -> bool:
    """Whether no other process of the machine has a name; from now on this one has it, until it ends.

    By the address of a socket, on Linux: no file is left, whatever happens. Elsewhere all are first.
    """
    global _first
    if sys.platform == "linux":
        try:
            _first = _socket.socket(_socket.AF_UNIX)
            _first.bind(b"\0" + name)
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


if "OMP_WAIT_POLICY" not in os.environ and "GOMP_SPINCOUNT" not in os.environ:
    # read once, when torch loads OpenMP: how often a thread that waits for others looks before it sleeps. Endlessly, as
    # is usual, it keeps the processor from those that it waits for, where a machine has more threads than processors.
    # One run may look often, and alone is as fast as ever, if those beside it do not (benchmarks/ranks.py)
    os.environ["GOMP_SPINCOUNT"] = "30000" if is_first(b"nrgan-%d" % os.getuid()) else "1000"


def main() -> None:
    """The command line."""
    from nrgan.cli import main as run

    run()
