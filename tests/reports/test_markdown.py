"""Tables in Markdown."""

from __future__ import annotations

from nrgan.reports.markdown import markdown_table


def test_lines_rule_and_bars() -> None:
    text = markdown_table(["run", "fid", "kid"], [["a|b", "1.0", ""], ["c", "2.0", "–"]], "lr")
    assert text == "| run | fid | kid |\n| --- | ---: | ---: |\n| a\\|b | 1.0 |  |\n| c | 2.0 | – |\n"
    assert markdown_table(["run"], []) == "| run |\n| --- |\n"
