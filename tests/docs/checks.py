"""What can be checked of a document without running it: `make`, `pip`, `pytest` and `python` commands, links.

Each check raises `AssertionError` that says what is not there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from packaging.requirements import Requirement

from docs.documents import SHELL, Block, Command

Check = Callable[[tuple[str, ...], Path], None]


def check_command(command: Command, root: Path) -> None:
    """Fails for a command that is no command, and for one that nothing here can check."""
    assert command.words, command.problem
    program, *arguments = command.words
    assert program in CHECKS, f"{program}: not a program that the test knows; a listing is fenced as `text`"
    CHECKS[program](tuple(arguments), root)


def check_make(arguments: tuple[str, ...], root: Path) -> None:
    """Targets and variables are those of the Makefile."""
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for argument in arguments:
        name, assigned, _ = argument.partition("=")
        kind = "variable" if assigned else "target"
        line = rf"{re.escape(name)} *[:?]?=" if assigned else rf"([\w-]+ +)*{re.escape(name)}( +[\w-]+)* *:(?!=)"
        assert re.search(f"^{line}", makefile, re.MULTILINE), f"make {argument}: the Makefile has no {kind} {name}"


def check_pip(arguments: tuple[str, ...], root: Path) -> None:
    """Paths exist; extras are those of pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    verb, *words = arguments
    assert verb == "install", f"pip {verb}: only pip install is known"
    while words:
        word = words.pop(0)
        if word in ("-c", "-r", "--constraint", "--requirement"):
            _exists(words.pop(0), root)
        elif word in ("--index-url", "--extra-index-url"):
            words.pop(0)
        elif word not in ("-e", "--editable", "-q", "--quiet", "-U", "--upgrade"):
            assert not word.startswith("-"), f"pip {word}: not an option that the test knows"
            path, bracket, extras = word.partition("[")
            local = path.startswith(".") or ("/" in path and "@" not in path)
            if local:
                _exists(path, root)
            wanted = Requirement(f"{project['name']}{bracket}{extras}" if local else word)
            if wanted.name == project["name"]:
                unknown = wanted.extras - set(project.get("optional-dependencies", {}))
                assert not unknown, f"pip {word}: pyproject.toml has no extra {', '.join(sorted(unknown))}"


def check_pytest(arguments: tuple[str, ...], root: Path) -> None:
    """Files exist, and the tests that are named in them."""
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word in ("-m", "-k", "-n", "-p"):
            words.pop(0)
        elif not word.startswith("-"):
            path, *names = word.split("::")
            _exists(path, root)
            for name in names:
                text = (root / path).read_text(encoding="utf-8")
                assert re.search(rf"(def|class) {re.escape(name)}\b", text), f"{word}: no {name} in {path}"


def check_python(arguments: tuple[str, ...], root: Path) -> None:
    """The script exists, and its help has the options."""
    script, *words = arguments
    assert script.endswith(".py"), f"python {script}: only scripts and `-m nrgan` are known; code is fenced as `python`"
    _exists(script, root)
    for option in (word.partition("=")[0] for word in words if word.startswith("-")):
        assert has_option(help_of(root / script, root), option), f"{script} has no option {option}"


def has_option(help_text: str, option: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text) is not None


@lru_cache
def help_of(script: Path, root: Path) -> str:
    paths = [str(root / "src"), str(root / "benchmarks"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"COLUMNS": "200", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, str(script), "--help"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, f"{script} --help: {done.stderr}"
    return done.stdout


def check_link(where: str, target: str, root: Path) -> None:
    """A relative target is there, seen from the document of `where`; anchors and addresses are left alone."""
    path = target.partition("#")[0]
    if path and not re.match(r"[a-z][a-z+.-]*:", path):
        assert ((root / where).parent / path).exists(), f"{where}: {target} does not exist"


DIRECTIVES = ("{toctree}", "{eval-rst}", "{glossary}", "{literalinclude}")
"""What Sphinx does, beside our own directives; none of them shows commands, or code that is not in a file."""


def check_language(block: Block) -> None:
    """Python and shell are checked elsewhere, directives by `make docs`, `text` not; others must be readable."""
    if block.language.startswith("{nrgan-"):
        return
    known = ("python", "text", *SHELL, *READERS, *DIRECTIVES)
    assert block.language in known, f"{block.where}: fenced as {block.language!r}; known are {', '.join(known)}"
    if block.language in READERS:
        READERS[block.language](block.text)


def _exists(path: str, root: Path) -> None:
    assert (root / path).exists(), f"{path} does not exist"


CHECKS: dict[str, Check] = {
    "make": check_make,
    "pip": check_pip,
    "pytest": check_pytest,
    "python": check_python,
} | dict.fromkeys(("cd", "git", "tensorboard", "apt"), lambda arguments, root: None)
READERS: dict[str, Callable[[str], object]] = {"toml": tomllib.loads, "json": json.loads}
