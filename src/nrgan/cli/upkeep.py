"""The verbs that keep an installation well: doctor, fetch, completion."""

from __future__ import annotations

import json as json_text
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclass
class Doctor:
    """Say what this machine and installation offer, and what mends what is missing."""

    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """As JSON, to be sent with a report."""

    def run(self) -> int:
        from nrgan.checkup import checkup
        from nrgan.reports.checkup_tables import cache_words, checkup_tables
        from nrgan.reports.tables import show

        found = checkup()
        if self.json:
            print(json_text.dumps(asdict(found) | {"problems": found.problems}, indent=1))
            return 1 if found.problems else 0
        show(*checkup_tables(found))
        print(cache_words(found.cache))
        for problem in found.problems:
            print(f"to mend: {problem}")
        return 1 if found.problems else 0


@dataclass
class Fetch:
    """Fetch files ahead, for a machine without a network: nrgan fetch cifar10 inception --to carried"""

    names: Annotated[tuple[str, ...], tyro.conf.arg(metavar="[NAME ...]"), tyro.conf.Positional] = ()
    """cifar10 (images), inception (features for evaluate); all, if none is given."""
    to: Path | None = None
    """A folder to carry there, instead of the cache."""

    def run(self) -> int:
        from nrgan.cli.display import Display
        from nrgan.fetching import fetch

        with Display() as display:
            files = fetch(self.names, self.to, display.preparing)
        for file in files:
            print(f"{file}: verified")
        if self.to is not None:
            print(
                f"on the other machine: export NRGAN_CACHE={shlex.quote(str(self.to.absolute()))} (where it lies there)"
            )
        return 0


Shell = Literal["bash", "zsh", "tcsh"]


@dataclass
class Completion:
    """Print what makes a shell complete verbs, options, choices and files: eval "$(nrgan completion bash)" """

    shell: Shell
    """Which shell."""

    def run(self) -> int:
        import shtab

        from nrgan.cli.arguments import parser
        from nrgan.cli.entry import Verb

        whole = parser(Verb)
        (verbs,) = (action.choices for action in whole._actions if isinstance(action.choices, dict))
        for verb in verbs.values():
            for action in verb._actions:
                if action.nargs != 0 and not action.choices and not hasattr(action, "complete"):
                    action.complete = shtab.FILE  # whatever is no choice may be a path
        print(shtab.complete(whole, shell=self.shell))
        return 0
