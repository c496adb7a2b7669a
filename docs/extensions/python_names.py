"""Names in signatures of the API: short to read, and links where the name is on one of these pages.

An object is documented where it is imported from (`nrgan.Corruption`), and annotations know where it is written
(`nrgan.corruptions.base.Corruption`): one is brought to the other. A name that is on no page must at least be there.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

import nrgan

NRGAN_PAGE = "api/index"
_OPTIONS = {"model_config", *nrgan.TrainConfig.model_fields, *nrgan.DenoiserConfig.model_fields}
_ARRAY = re.compile(r"ndarray\[tuple\[~?[\w.]*Any, \.\.\.\], ~?[\w.]*dtype\[(~?[\w.]+)\]\]")


def shorten(
    app: Sphinx, what: str, name: str, thing: object, options: object, arguments: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Arrays without what numpy says of all of them; the options of a configuration are its fields, listed below it."""
    if what == "class" and isinstance(thing, type) and issubclass(thing, BaseModel):
        return "(**options)", returned
    short = [None if text is None else _ARRAY.sub(r"ndarray[\1]", text) for text in (arguments, returned)]
    return short[0], short[1]


def skipped(app: Sphinx, what: str, name: str, thing: object, skip: bool, options: object) -> bool | None:
    """Leaves out what `nrgan` itself offers, but on its own page; and fields that are options of the command line."""
    if any(thing is getattr(nrgan, public) for public in nrgan.__all__):
        return True if app.env.docname != NRGAN_PAGE else None
    return True if what == "class" and name in _OPTIONS else None


def find(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.Node) -> nodes.Node | None:
    """What an annotation's name leads to; the name alone where no page has it; None, a warning, where there is none."""
    if node["refdomain"] != "py" or not node["reftarget"].startswith("nrgan."):
        return None
    if (thing := resolve(node["reftarget"])) is None:
        return None
    for name, entry in env.domains.python_domain.objects.items():
        if resolve(name) is thing:
            return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, shown, name)
    return shown


@cache
def resolve(name: str) -> Any:
    """The object of a dotted name; None where there is none."""
    *parents, last = name.split(".")
    for depth in range(len(parents), 0, -1):
        try:
            thing: Any = import_module(".".join(parents[:depth]))
        except ImportError:
            continue
        for part in [*parents[depth:], last]:
            thing = getattr(thing, part, None)
        return thing
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-skip-member", skipped)
    app.connect("missing-reference", find)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
