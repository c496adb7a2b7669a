"""The reading and checking of documents, on small ones: each check is seen to fail."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from docs.checks import check_command, check_language, check_link, has_option
from docs.documents import Block, Command, read_document, shell_commands

PAGE = """\
# Title

See [there](other.md#part) and
![a picture](images/a.png) with `x = 1`, `make` it, run `nrgan bench` or `nrgan train a b
c`.

1. a list

   ```python
   print(1)
   ```

    nrgan list    # belongs to the list, and is not shown as code

```sh
make test
```

<img src="images/b.png">
"""


def words(text: str) -> list[str]:
    """The commands of a shell block as text; problems after a `!`."""
    found = shell_commands(Block("page.md", 1, "sh", dedent(text)))
    return [" ".join(command.words) or f"! {command.problem}" for command in found]


def test_blocks_commands_and_links_are_found_with_their_lines() -> None:
    page = read_document("page.md", PAGE)
    assert [(block.line, block.language) for block in page.blocks] == [(10, "python"), (16, "sh")]
    assert [command.title for command in page.commands] == [
        "page.md:4 nrgan bench --help",
        "page.md:4 nrgan train a b c",
        "page.md:13 a command that is not shown as code; fence it",
        "page.md:16 make test",
    ]
    assert page.links == [("page.md:3", "other.md#part"), ("page.md:4", "images/a.png"), ("page.md:19", "images/b.png")]


def test_an_indented_block_is_of_the_shell() -> None:
    page = read_document("page.md", "text\n\n    nrgan list    # all of them\n    make test\n")
    assert [command.title for command in page.commands] == ["page.md:3 nrgan list", "page.md:4 make test"]


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("nrgan list  # all\n# a remark\n\nmake", ["nrgan list", "make"]),
        ("nrgan train a \\\n  b c", ["nrgan train a b c"]),
        ("nrgan diagnose 'my scans/'", ["nrgan diagnose my scans/"]),
        ("nrgan train 'a/**/*.tif' shards-{0..9}.tar", ["nrgan train a/**/*.tif shards-{0..9}.tar"]),
        ("nrgan list | head && make > log 2>&1; make a &", ["nrgan list", "head", "make", "make a"]),
        ("CACHE=/x nrgan list", ["nrgan list"]),
        ('OUT=o\nnrgan select "$OUT/a" ${OUT}b', ["nrgan select o/a ob"]),
        ("for s in a b; do nrgan train $s; done", ["nrgan train a", "nrgan train b"]),
        ("for s in a b\ndo\n  make $s\ndone", ["make a", "make b"]),
        (".venv/bin/nrgan list", ["nrgan list"]),
        ("python3 -m nrgan list", ["nrgan list"]),
        ("torchrun --nproc-per-node 2 -m nrgan list", ["nrgan list"]),
        ("nice -n 5 python -m pip install .", ["pip install ."]),
    ],
)
def test_shell_lines_are_understood(text: str, commands: list[str]) -> None:
    assert words(text) == commands


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nrgan train $SETTING", "nothing says what $SETTING is"),
        ("nrgan train $(ls)", "is not read here"),
        ("nrgan train `ls`", "is not read here"),
        ("nrgan train ${A:-b}", "Invalid placeholder"),
        ("cat <<END", "is not read here"),
        ("for s; do make $s; done", "for NAME in WORDS"),
        ("for s in a; do make $s", "do not pair"),
        ("nrgan list >", "names no file"),
        ("nrgan 'list", "No closing quotation"),
        ("nrgan list \\", "No escaped character"),
        ("torchrun train.py", "torchrun runs none of"),
    ],
)
def test_what_is_not_understood_is_said(text: str, problem: str) -> None:
    assert any(found.startswith("! ") and problem in found for found in words(text)), words(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "pyproject.toml": '[project]\nname = "nrgan"\n[project.optional-dependencies]\ndev = []\n',
        "Makefile": "VENV ?= .venv\nA := b\ndemo test: x\n\ttouch y\n",
        "tests/test_a.py": "def test_one(): ...\n",
        "script.py": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--out')\np.parse_args()\n",
        "broken.py": "raise SystemExit('broken')\n",
        "docs/page.md": "",
        "picture.png": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "make",
        "make demo test VENV=/x",
        "pip install .",
        "pip install -q -e '.[dev]' -c Makefile",
        "pip install 'nrgan[dev]>=1' torch --index-url https://a.b",
        "pip install 'nrgan[dev] @ git+https://a.b/c'",
        "pytest -m slow tests tests/test_a.py::test_one",
        "python script.py --out=FILE",
        "tensorboard --logdir outputs",
    ],
)
def test_good_commands_pass(line: str, project: Path) -> None:
    for command in shell_commands(Block("page.md", 1, "sh", line)):
        check_command(command, project)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("make touch", "no target touch"),
        ("make A", "no target A"),
        ("make x", "no target x"),
        ("make demo WENV=/x", "no variable WENV"),
        ("pip download .", "only pip install"),
        ("pip install ./other", "./other does not exist"),
        ("pip install -r needs.txt", "needs.txt does not exist"),
        ("pip install '.[page]'", "no extra page"),
        ("pip install 'nrgan[dev,page]'", "no extra page"),
        ("pip install --pre .", "not an option"),
        ("pytest tests/test_b.py", "tests/test_b.py does not exist"),
        ("pytest tests/test_a.py::test_two", "no test_two"),
        ("python other.py", "other.py does not exist"),
        ("python script.py --ou", "no option --ou"),
        ("python broken.py --out a", "broken.py --help: broken"),
        ("python -c 'print(1)'", "only scripts"),
        ("outputs/samples", "not a program"),
        ("if true; then make; fi", "not a program"),
        ("nrgan train $X", "nothing says what $X is"),
    ],
)
def test_bad_commands_fail(line: str, problem: str, project: Path) -> None:
    with pytest.raises(AssertionError) as failed:
        test_good_commands_pass(line, project)
    assert problem in str(failed.value)


def test_an_option_is_a_whole_word() -> None:
    assert has_option("  --out-dir, --out FILE", "--out") and not has_option("--out-dir --no-out", "--out")


@pytest.mark.parametrize(
    "target", ["../picture.png", "../docs#part", "#part", "https://a.b/c", "mailto:a@b.c", "page.md"]
)
def test_good_links_pass(target: str, project: Path) -> None:
    check_link("docs/page.md", target, project)


@pytest.mark.parametrize("target", ["picture.png", "../nothing.md#part"])
def test_dead_links_fail(target: str, project: Path) -> None:
    with pytest.raises(AssertionError, match="does not exist"):
        check_link("docs/page.md", target, project)


def test_a_fence_says_a_language_that_is_checked() -> None:
    for language, text in {
        "python": "1",
        "sh": "make",
        "text": "(",
        "toml": "a = 1",
        "json": "{}",
        "{toctree}": "a",
    }.items():
        check_language(Block("page.md", 1, language, text))
    for language, text in {"": "make", "console": "$ make", "{code-block}": "make", "toml": "a =", "json": "{"}.items():
        with pytest.raises((AssertionError, ValueError)):
            check_language(Block("page.md", 1, language, text))


def test_a_command_that_was_not_understood_fails() -> None:
    with pytest.raises(AssertionError, match="why"):
        check_command(Command("page.md:1", (), "why"), Path())
