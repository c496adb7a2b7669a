"""The verb that gives a trained model to others: publish."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from nrgan.errors import UserError

if TYPE_CHECKING:
    from nrgan.publishing.publish import Publication


@dataclass
class Publish:
    """Send a generator with its noise model, its denoiser and a model card to the Hugging Face Hub: nrgan publish
    outputs --repo you/your-model --licence cc-by-4.0"""

    path: Annotated[Path, tyro.conf.arg(metavar="RUN_OR_DENOISER")]
    """A run (its best snapshot where one is known, else the newest), one snapshot folder, or a denoiser."""
    repo: Annotated[str | None, tyro.conf.arg(metavar="OWNER/NAME")] = None
    """The repository, which must be named; it is made where there is none. You are who `hf auth login` or HF_TOKEN
    says."""
    denoiser: Path | None = None
    """A denoiser of the run's images, which goes with it."""
    licence: str | None = None
    """Under which you give the files, by the Hub's short name, such as mit or cc-by-4.0. None is assumed."""
    images: str | None = None
    """What the training images show and where they come from, in your words, for the card."""
    private: tyro.conf.FlagCreatePairsOff[bool] = False
    """Make a repository that only you see; one that is there stays as it is."""
    allow: tuple[str, ...] = ()
    """Words that may go out although this machine, or you on it, are called so."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Send nothing: print the files and the card."""

    def run(self) -> int:
        from nrgan.publishing.publish import publish

        if self.repo is None:
            raise UserError("<repo>: give OWNER/NAME, the repository of the Hub that the files are for")
        sent = publish(
            self.path,
            self.repo,
            denoiser=self.denoiser,
            licence=self.licence,
            images=self.images,
            private=self.private,
            allow=self.allow,
            dry_run=self.dry_run,
            listing=self._show,
        )
        if sent is None:
            print(f"nothing was sent; without --dry-run these files go to {self.repo}")
            return 0
        for name in sent.removed:
            print(f"removed there: {name}, of an earlier publication")
        print(f'sent to {sent.address}; from_pretrained("{self.repo}") has it')
        return 0

    def _show(self, made: Publication) -> None:
        width = max(len(f"{file.size:,}") for file in made.files)
        print(f"{len(made.files)} files for {self.repo}, and nothing else:")
        for file in made.files:
            print(f"  {file.size:>{width},} bytes  {file.name}")
        if self.licence is None:
            print("no licence is given (--licence): others may not use it without asking you")
        if self.dry_run:
            print(f"\n{made.card}")
