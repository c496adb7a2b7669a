"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

_RULES = {"l": "---", "r": "---:"}


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "l") -> str:
    """The table, each line with its end. A bar in a cell is escaped, for it would end the cell.

    align: `l` or `r` a column; the last letter counts for all columns that follow.
    """
    letters = align.ljust(len(header), align[-1])[: len(header)]
    lines = [header, [_RULES[letter] for letter in letters], *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
