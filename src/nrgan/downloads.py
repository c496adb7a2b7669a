"""Files from the network: fetched once, verified, kept in the cache."""

from __future__ import annotations

from pathlib import Path

import pooch

from nrgan.errors import UserError
from nrgan.progress import Advance, Preparing
from nrgan.storage import REFUSED_WRITES, unwritable


def download(url: str, digest: str, cache: Path, name: str, instead: str, preparing: Preparing | None = None) -> Path:
    """The file of that URL in the cache folder, as `name`, fetched where it is not there.

    digest: its SHA-256, which is verified. instead: what to tell the user to do where it cannot be fetched.
    Raises `UserError`; a file that is not what it should be is not kept.
    """
    pooch.get_logger().setLevel("WARNING")  # what it is about to do is said by whoever waits
    bar = _Bar(url, preparing) if preparing else False
    try:
        return Path(pooch.retrieve(url, known_hash=f"sha256:{digest}", fname=name, path=cache, progressbar=bar))
    except ValueError as error:  # pooch: the hash differs; the file has not been kept
        raise UserError(f"{url}: wrong checksum, the download was altered or cut short; try again") from error
    except Exception as error:  # the disk's and the network's many ways to fail, from several libraries
        if getattr(error, "errno", None) in REFUSED_WRITES:
            raise unwritable(cache, error) from error  # type: ignore[arg-type]
        raise UserError(f"{url}: cannot be downloaded ({type(error).__name__}); {instead}") from error


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
