"""The directive `nrgan-options`: every verb of the command line with all its options, as its own help says them.

Nothing is listed by hand. The help is printed at one width, and its layout read: a title for each group, two blanks
before what a group holds, more before what explains it.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest import mock

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from nrgan.cli import main

_COLUMNS = "100"
"""Of the help: wide enough for every option's name, and too narrow for two groups beside each other."""
_TITLE = re.compile(r" (positional arguments|options|[\w ]+ options|subcommands) *")
_RULE = re.compile(r"[ ─-]+")
_SAID = re.compile(r"^ {2}(\S.*?)(?: {2,}(\S.*))?$")
_DEFAULT = re.compile(r" *\(default: (.*)\)$")
_VERB = re.compile(r"^ +• ([\w-]+)", re.MULTILINE)


@dataclass
class Option:
    """What is given by its place, or after its name; `default` is empty where there is none."""

    name: str
    explained: str = ""

    @property
    def default(self) -> str:
        found = _DEFAULT.search(self.explained)
        return found[1] if found and found[1] != "None" else ""

    @property
    def sentence(self) -> str:
        return _DEFAULT.sub("", self.explained)


@dataclass
class Group:
    """Options under one title."""

    title: str
    about: str = ""
    options: list[Option] = field(default_factory=list)


@dataclass
class Help:
    """What the help of a verb holds."""

    usage: str
    about: str
    groups: list[Group]


def help_of(*words: str) -> str:
    """What `nrgan … --help` prints."""
    printed = io.StringIO()
    with mock.patch.dict(os.environ, COLUMNS=_COLUMNS), redirect_stdout(printed):
        try:
            main([*words, "--help"])
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"nrgan {' '.join(words)} --help ended with {end.code}") from end
    return printed.getvalue()


@cache
def all_helps() -> dict[str, Help]:
    """The help of every verb, in the order in which `nrgan --help` names them."""
    return {verb: read_help(help_of(verb)) for verb in _VERB.findall(help_of())}


def read_help(text: str) -> Help:
    """Reads what `help_of` gives for a verb. Raises `ValueError` for a line that is of no kind known here."""
    usage, about, *rest = re.split(r"\n\s*\n", text, maxsplit=2)
    groups: list[Group] = []
    for line in "".join(rest).splitlines():
        if title := _TITLE.fullmatch(line):
            groups.append(Group(title[1]))
        elif line.strip() and not _RULE.fullmatch(line):
            _read_line(groups, line.rstrip())
    return Help(" ".join(usage.split()).removeprefix("usage: "), " ".join(about.split()), groups)


def _read_line(groups: list[Group], line: str) -> None:
    """An option, more of what explains the last one, or what a group is about."""
    said = _SAID.fullmatch(line)
    if not groups or (said is None and not groups[-1].options):
        raise ValueError(f"the help has a line that is not understood: {line!r}")
    group = groups[-1]
    if said is None:
        group.options[-1].explained = f"{group.options[-1].explained} {line.strip()}".strip()
    elif said[1].startswith("-") or said[1].partition(" ")[0].isupper():
        group.options.append(Option(said[1], said[2] or ""))
    else:
        group.about = f"{group.about} {said[1]}".strip()


def _inline(text: str) -> Iterator[nodes.Node]:
    """Text, with what is between backticks as code."""
    for number, part in enumerate(text.split("`")):
        yield nodes.literal(text=part) if number % 2 else nodes.Text(part)


def _paragraph(text: str) -> nodes.paragraph:
    return nodes.paragraph("", "", *_inline(text))


def _defined(option: Option) -> nodes.definition_list_item:
    about = _paragraph(option.sentence)
    if option.default:
        about += [nodes.Text(" (default: "), nodes.literal(text=option.default), nodes.Text(")")]
    term = nodes.term("", "", nodes.literal(text=option.name))
    return nodes.definition_list_item("", term, nodes.definition("", about))


def _group(group: Group) -> list[nodes.Node]:
    options = [option for option in group.options if not option.name.startswith("-h, ")]
    if not options:
        return []
    title = nodes.rubric(text=group.title)
    about = [_paragraph(group.about)] if group.about else []
    return [title, *about, nodes.definition_list("", *(_defined(option) for option in options))]


def section_of(verb: str, found: Help) -> nodes.section:
    """A verb's help as a section of a page."""
    section = nodes.section("", nodes.title("", "", nodes.literal(text=f"nrgan {verb}")), ids=[f"nrgan-{verb}"])
    section += [_paragraph(found.about), nodes.literal_block(found.usage, found.usage, language="text")]
    for group in found.groups:
        section += _group(group)
    return section


class OptionsDirective(SphinxDirective):
    """All verbs, a section each."""

    def run(self) -> list[nodes.Node]:
        return [section_of(verb, found) for verb, found in all_helps().items()]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("nrgan-options", OptionsDirective)
    # before any page is read: autodoc changes annotations of classes, and the command line is then no longer understood
    app.connect("builder-inited", lambda app: all_helps())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
