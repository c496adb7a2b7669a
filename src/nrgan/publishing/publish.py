"""Sends a model to the Hugging Face Hub: made, looked through and listed first, then sent as one commit."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from nrgan.errors import UserError, first_line
from nrgan.layout import README, SHARED_FILES
from nrgan.publishing.card import model_card
from nrgan.publishing.contents import Contents
from nrgan.publishing.traces import traces

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_REFUSED = (401, 403)


@dataclass(frozen=True)
class Options:
    """What the owner says of a publication; raises `UserError` where the Hub would not take it.

    repo: OWNER/NAME. licence: by the Hub's short name; None: none is given, and the card says so. images: what the
    training images show and where they come from, in words. private: whether the Hub shows it to the owner alone, where
    it is new there. allow: words that may go out although this machine or its user is called so.
    """

    repo: str
    licence: str | None = None
    images: str | None = None
    private: bool = False
    allow: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repo) or "--" in self.repo or ".." in self.repo:
            raise UserError(f"<repo> {self.repo}: give OWNER/NAME, as the Hub has it")
        if self.licence is not None and not _LICENCE.fullmatch(self.licence):
            raise UserError(f"<licence> {self.licence}: give the Hub's short name, such as mit, cc-by-4.0 or other")

    @property
    def said(self) -> list[str]:
        """The words that the owner means to go out."""
        return [*self.allow, *self.repo.split("/"), *re.findall(r"[\w-]+", self.images or "")]


@dataclass(frozen=True)
class SharedFile:
    """A file as it will be called in the repository."""

    name: str
    path: Path = field(repr=False)

    @property
    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size


@dataclass(frozen=True)
class Publication:
    """All that will be sent: `files`, the card among them, and nothing else."""

    options: Options
    files: tuple[SharedFile, ...]
    card: str


@contextmanager
def publication(path: str | Path, options: Options, denoiser: str | Path | None = None) -> Iterator[Publication]:
    """Makes the files of a run, a snapshot or a denoiser, in a folder that goes at the end; sends nothing.

    denoiser: one for the images of the run, which goes with it. Raises `UserError` where they cannot be made, and where
    one of them holds an absolute path, or a name of this machine or its user.
    """
    contents = Contents.load(path, denoiser)
    with tempfile.TemporaryDirectory(prefix="nrgan-") as made:
        folder = Path(made) / "model"
        contents.write(folder)
        card = model_card(contents, options.repo, options.licence, options.images)
        (folder / README).write_text(card, encoding="utf-8")
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = tuple(SharedFile(path.relative_to(folder).as_posix(), path) for path in paths)
        _check(files, options.said)
        yield Publication(options, files, card)


def _check(files: Iterable[SharedFile], allowed: list[str]) -> None:
    for file in files:
        if found := traces(file.path, allowed):
            raise UserError(
                f"{file.name}: would hold {', '.join(found[:3])}, which tells of this machine or its user; nothing was "
                "sent; say it otherwise, or let a name go out with <allow>"
            )


@dataclass(frozen=True)
class Sent:
    """Where it is, and what an earlier publication had left there and this one has not."""

    address: str
    removed: tuple[str, ...]


def send(made: Publication) -> Sent:
    """Sends the files to the Hub, or to the endpoint that HF_ENDPOINT names, as one commit: all of them or none.

    The token is the one of `hf auth login`, or HF_TOKEN. Raises `UserError` where the Hub does not take them.
    """
    repo, private = made.options.repo, made.options.private
    api = HfApi(library_name="nrgan", library_version=version("nrgan"))
    try:
        address = api.create_repo(repo, private=private or None, exist_ok=True)
        there = api.list_repo_files(repo)
        sent = {file.name for file in made.files}
        removed = tuple(name for name in there if name.rpartition("/")[2] in SHARED_FILES and name not in sent)
        api.create_commit(
            repo,
            [
                *(CommitOperationAdd(file.name, str(file.path)) for file in made.files),
                *(CommitOperationDelete(name) for name in removed),
            ],
            commit_message=f"Published with nrgan {version('nrgan')}",
        )
    except Exception as error:  # the network's and the Hub's many ways to fail
        status = getattr(getattr(error, "response", None), "status_code", None)
        would_do = "; log in (hf auth login), or set HF_TOKEN to a token that may write" if status in _REFUSED else ""
        raise UserError(f"<repo> {repo}: the Hub did not take it ({first_line(error)}){would_do}") from error
    return Sent(str(address), removed)


def publish(
    path: str | Path,
    repo: str,
    *,
    denoiser: str | Path | None = None,
    licence: str | None = None,
    images: str | None = None,
    private: bool = False,
    allow: tuple[str, ...] = (),
    dry_run: bool = False,
    listing: Callable[[Publication], object] = lambda made: None,
) -> Sent | None:
    """Sends a run's snapshot with its noise model, its denoiser and a model card to the Hub; see `Options` and `send`.

    listing: is given the whole publication before anything is sent. dry_run: sends nothing; returns None. Raises
    `UserError`.
    """
    with publication(path, Options(repo, licence, images, private, allow), denoiser) as made:
        listing(made)
        return None if dry_run else send(made)
