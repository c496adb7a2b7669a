"""Files from the network: fetched once, verified, kept in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pooch

from nrgan.errors import UserError
from nrgan.progress import Advance, Preparing
from nrgan.storage import REFUSED_WRITES, unwritable


@dataclass(frozen=True)
class Download:
    """A file that is fetched when it is first needed."""

    url: str
    sha256: str
    name: str
    """Of the file in the cache folder."""
    size: int
    """In bytes."""
    otherwise: str
    """What to do where it is at hand already: after the word "or"."""

    def file(self, folder: Path, preparing: Preparing | None = None) -> Path:
        """The file in a folder, such as the cache, fetched and verified where it is not there.

        Raises `UserError`; a file that is not what it should be is not kept.
        """
        pooch.get_logger().setLevel("WARNING")  # what it is about to do is said by whoever waits
        bar = _Bar(self.url, preparing) if preparing else False
        digest = f"sha256:{self.sha256}"
        try:
            with _not_made_in_vain(folder):
                return Path(pooch.retrieve(self.url, known_hash=digest, fname=self.name, path=folder, progressbar=bar))
        except ValueError as error:  # pooch: the hash differs; the file has not been kept
            raise UserError(f"{self.url}: wrong checksum, the download was altered or cut short; try again") from error
        except Exception as error:  # the disk's and the network's many ways to fail, from several libraries
            if getattr(error, "errno", None) in REFUSED_WRITES:
                raise unwritable(folder, error) from error  # type: ignore[arg-type]
            raise UserError(
                f"{self.url}: cannot be downloaded ({type(error).__name__}); where there is a network, `nrgan fetch` "
                f"fetches it to be carried here; or {self.otherwise}"
            ) from error


@contextmanager
def _not_made_in_vain(folder: Path) -> Iterator[None]:
    """Where all fails, empty folders that were not there before are not left."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    except BaseException:
        with suppress(OSError):  # something else has come into one of them
            for path in missing:
                path.rmdir()
        raise


class _Bar:
    """What pooch takes for a progress bar, telling whoever waits."""

    total = 0
    """Bytes, once pooch knows them."""

    def __init__(self, url: str, preparing: Preparing) -> None:
        self._url, self._preparing = url, preparing
        self._advance: Advance | None = None

    def update(self, count: int) -> None:
        """So many bytes more have come."""
        self._advance = self._advance or self._preparing(f"a download of {self._url}", self.total)
        self._advance(count)

    def reset(self) -> None:
        """Pooch begins again, or goes to the end."""

    def close(self) -> None:
        """All has come."""
