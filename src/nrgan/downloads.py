"""Files from the network: fetched once, verified, kept in the cache."""

from __future__ import annotations

from pathlib import Path

import pooch

from nrgan.errors import UserError
from nrgan.storage import REFUSED_WRITES, unwritable


def download(url: str, digest: str, cache: Path, name: str, instead: str) -> Path:
    """The file of that URL in the cache folder, as `name`, fetched with a progress bar where it is not there.

    digest: its SHA-256, which is verified. instead: what to tell the user to do where it cannot be fetched.
    Raises `UserError`; a file that is not what it should be is not kept.
    """
    try:
        return Path(pooch.retrieve(url, known_hash=f"sha256:{digest}", fname=name, path=cache, progressbar=True))
    except ValueError as error:  # pooch: the hash differs; the file has not been kept
        raise UserError(f"{url}: wrong checksum, the download was altered or cut short; try again") from error
    except Exception as error:  # the disk's and the network's many ways to fail, from several libraries
        if getattr(error, "errno", None) in REFUSED_WRITES:
            raise unwritable(cache, error) from error  # type: ignore[arg-type]
        raise UserError(f"{url}: cannot be downloaded ({type(error).__name__}); {instead}") from error
