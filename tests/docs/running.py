"""Runs what documents show, small and without side effects: Python blocks, and the parser of the command line."""

from __future__ import annotations

import ast
import shutil
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
from huggingface_hub import HfApi
from pydantic import BaseModel

import nrgan
from docs.documents import Block
from nrgan.cli import Verb, main


@contextmanager
def tables_stay() -> Iterator[None]:
    """Rows that a document adds to a table of ours are not there for other tests."""
    for name in nrgan.__all__:
        getattr(nrgan, name)  # loads the tables
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "nrgan"]
    tables = [value for module in modules for name, value in vars(module).items() if name.isupper()]
    rows = [(table, dict(table)) for table in tables if isinstance(table, dict)]
    try:
        yield
    finally:
        for table, before in rows:
            table.clear()
            table.update(before)


class LowerKeywords(ast.NodeTransformer):
    """Whole numbers of keywords come down to their limits."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self.limits = limits

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        self.generic_visit(node)
        limit = self.limits.get(node.arg or "")
        if limit and isinstance(node.value, ast.Constant) and isinstance(node.value.value, int):
            node.value.value = min(node.value.value, limit)
        return node


def lower_fields(config: BaseModel, limits: Mapping[str, int]) -> None:
    """Brings the fields of a configuration, and of the groups in it, down to their limits."""
    for name, value in vars(config).items():
        if isinstance(value, BaseModel):
            value = value.model_copy()  # groups that nobody chose are shared
            lower_fields(value, limits)
        elif name in limits:
            value = limits[name] if value is None else min(value, limits[name])
        vars(config)[name] = value


def lower_configurations(limits: Mapping[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A `TrainConfig` is checked as it is written, and then made small."""
    made_as_written = nrgan.TrainConfig.__init__

    def make_small(self: Any, **values: Any) -> None:
        made_as_written(self, **values)
        lower_fields(self, limits)

    monkeypatch.setattr(nrgan.TrainConfig, "__init__", make_small)


def replace_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repositories are folders in this one; `from_pretrained` finds them there."""

    def create_repo(api: HfApi, repo_id: str, **options: Any) -> types.SimpleNamespace:
        return types.SimpleNamespace(repo_id=repo_id)

    def upload_folder(api: HfApi, *, repo_id: str, folder_path: str | Path, **options: Any) -> None:
        shutil.copytree(folder_path, repo_id, dirs_exist_ok=True)

    monkeypatch.setattr("nrgan.pretrained.snapshot_download", lambda repo_id, **options: repo_id)
    monkeypatch.setattr(HfApi, "create_repo", create_repo)
    monkeypatch.setattr(HfApi, "upload_folder", upload_folder)


def run_blocks(
    blocks: list[Block], file: str, limits: Mapping[str, int], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Runs Python blocks as one program, with the document's lines in its tracebacks; gives its names."""
    lower_configurations(limits, monkeypatch)
    replace_hub(monkeypatch)
    program = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", program)
    with tables_stay():
        for block in blocks:
            tree = LowerKeywords(limits).visit(ast.parse(block.text, file))
            exec(compile(ast.increment_lineno(tree, block.line - 1), file, "exec"), vars(program))
    return vars(program)


def verb_classes(union: Any) -> list[Any]:
    """The classes of a union of verbs, which may hold unions."""
    union = get_args(union)[0] if get_origin(union) is Annotated else union
    return [union] if isinstance(union, type) else [verb for part in get_args(union) for verb in verb_classes(part)]


def parse(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The verb that the command line makes of its arguments, not run; none for --help."""
    made: list[Any] = []

    def note(verb: Any) -> int:
        made.append(verb)
        return 0

    for verb in verb_classes(Verb):
        monkeypatch.setattr(verb, "run", note)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert not stopped.value.code, f"nrgan {' '.join(arguments)} is refused"
    return made
