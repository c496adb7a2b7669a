"""Reads what a Markdown document shows to run or to follow: blocks of code, commands, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from string import Template

from markdown_it import MarkdownIt
from markdown_it.token import Token

SHELL = ("sh", "bash", "shell")
PROGRAMS = ("nrgan", "make", "pip", "pytest", "python")
"""What a command in running text begins with; in a shell block every line is one."""
LAUNCHERS = ("torchrun", "srun", "nohup", "nice", "time")
"""What runs the command that follows it."""


@dataclass(frozen=True)
class Block:
    """Code, and the line in its document that it begins at."""

    document: str
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.document}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A simple command; where it cannot be told, `words` is empty and `problem` says why."""

    where: str
    words: tuple[str, ...]
    problem: str = ""

    @property
    def title(self) -> str:
        return f"{self.where} {' '.join(self.words) or self.problem}"


@dataclass
class Document:
    """One Markdown file."""

    name: str
    blocks: list[Block] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    """(where, target)"""


def read_documents(root: Path) -> list[Document]:
    """README.md, CONTRIBUTING.md where there is one, and all pages below docs/."""
    paths = [path for name in ("README.md", "CONTRIBUTING.md") if (path := root / name).is_file()]
    paths += sorted((root / "docs").rglob("*.md"))
    return [read_document(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def read_document(name: str, text: str) -> Document:
    """Blocks fenced or indented (an indented one is of the shell), commands in them and in running text, links."""
    document = Document(name)
    line = 1
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        line = token.map[0] + 1 if token.map else line
        if token.type in ("fence", "code_block"):
            language = (token.info.split() or [""])[0] if token.type == "fence" else "sh"
            block = Block(name, line + (token.type == "fence"), language, token.content)
            document.blocks.append(block)
            if language in SHELL:
                document.commands += shell_commands(block)
        elif token.type in ("inline", "html_block"):
            _read_inline(document, token, line)
    return document


def _read_inline(document: Document, parent: Token, line: int) -> None:
    if parent.content.startswith("nrgan "):
        document.commands.append(
            Command(f"{document.name}:{line}", (), "a command that is not shown as code; fence it")
        )
    for token in parent.children or [parent]:
        where = f"{document.name}:{line}"
        line += token.type in ("softbreak", "hardbreak")
        if token.type == "code_inline" and token.content.partition(" ")[0] in PROGRAMS:
            commands = list(shell_commands(Block(document.name, line, "sh", token.content)))
            document.commands += [_verb_alone(command) for command in commands if len(command.words) != 1]
        elif token.type in ("html_inline", "html_block"):
            document.links += [(where, target) for target in re.findall(r'(?:src|href)="([^"]*)"', token.content)]
        elif target := token.attrGet("href") or token.attrGet("src"):
            document.links.append((where, str(target)))


def _verb_alone(command: Command) -> Command:
    """In running text `nrgan train` only names the verb, which then must have a help."""
    if command.words[:1] == ("nrgan",) and len(command.words) == 2:
        return Command(command.where, (*command.words, "--help"))
    return command


def shell_commands(block: Block) -> Iterator[Command]:
    """The simple commands of a shell block, each the words after variables, loops, pipes and redirections.

    A loop over words stands for its body once for each of them. Nothing is guessed: what this does not understand
    becomes a command with a problem.
    """
    variables: dict[str, list[str]] = {}
    loops = 0
    for line, text in _logical_lines(block):
        where = f"{block.document}:{line}"
        try:
            for words in _split_at_operators(text):
                loops += (words[0] == "for") - (words == ["done"])
                yield from (_named(where, found) for found in _simple_commands(words, variables))
        except ValueError as error:
            yield Command(where, (), f"{text.strip()!r}: {error}")
    if loops:
        yield Command(block.where, (), "for and done do not pair")


def _logical_lines(block: Block) -> Iterator[tuple[int, str]]:
    """(line, text), lines that end in a backslash joined with the next, comments cut off."""
    joined, begun = "", block.line
    for line, text in enumerate(block.text.splitlines(), block.line):
        begun = begun if joined else line
        joined += re.sub(r"(^|\s)#.*", "", text)
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        if joined.strip():
            yield begun, joined
        joined = ""
    if joined:
        yield begun, joined + "\\"  # which the shell would not end, and shlex refuses


def _split_at_operators(text: str) -> Iterator[list[str]]:
    """The words between `|`, `&&`, `||`, `;` and `&`, without redirections."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&")
    lexer.commenters, lexer.whitespace_split = "", True
    words: list[str] = []
    tokens = list(lexer)
    while tokens:
        token = tokens.pop(0)
        if token in ("|", "&&", "||", ";", "&"):
            if words:
                yield words
            words = []
        elif token in (">", ">>", "<", ">&"):
            if not tokens:
                raise ValueError(f"{token} names no file")
            tokens.pop(0)
            words = words[:-1] if words[-1:] in (["1"], ["2"]) else words
        elif set(token) <= set("();<>|&") or "`" in token:
            raise ValueError(f"what {token} does is not read here; write it simpler")
        else:
            words.append(token)
    if words:
        yield words


def _simple_commands(words: list[str], variables: dict[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Sets the variables of `for` and of assignments; gives the command for each of their values."""
    if words[0] == "for":
        if len(words) < 4 or words[2] != "in":
            raise ValueError("for should be `for NAME in WORDS`")
        variables[words[1]] = words[3:]
        return
    words = words[1:] if words[0] in ("do", "export") else words
    while words and (assigned := re.fullmatch(r"([A-Za-z_]\w*)=(.*)", words[0])):
        variables[assigned[1]] = [assigned[2]]
        words = words[1:]
    if not words or words == ["done"]:
        return
    templates = [Template(word) for word in words]
    names = sorted({name for template in templates for name in template.get_identifiers()})
    if unknown := [name for name in names if name not in variables]:
        raise ValueError(f"nothing says what ${unknown[0]} is")
    for values in product(*(variables[name] for name in names)):
        known = dict(zip(names, values, strict=True))
        yield tuple(template.substitute(known) for template in templates)


def _named(where: str, words: tuple[str, ...]) -> Command:
    """The command by its program's own name: `.venv/bin/nrgan`, `python -m nrgan`, `torchrun … -m nrgan` are nrgan."""
    words = (words[0].rpartition("bin/")[2], *words[1:])
    if words[0] in LAUNCHERS:
        launched = [i for i, word in enumerate(words) if word in PROGRAMS]
        if not launched:
            return Command(where, (), f"{' '.join(words)!r}: {words[0]} runs none of {', '.join(PROGRAMS)}")
        words = words[launched[0] :]
    if words[0] == "python3":
        words = ("python", *words[1:])
    return Command(where, words[2:] if words[:2] == ("python", "-m") else words)
