"""The running of documents, on small pieces: what is wrong is seen, what is large is made small."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

import nrgan
from docs.documents import Block
from docs.running import parse, run_blocks, verb_classes
from nrgan.cli import Verb


def block(line: int, text: str) -> Block:
    return Block("page.md", line, "python", text)


@pytest.mark.parametrize(
    "arguments",
    [
        "train shapes-ag25 sinrgan1",
        "train shapes-ag25 sinrgan1 out --itterations 3",
        "train shapes-ag25 sinrgan1 out --iterations 0",
        "train shapes-ag25 sinrgan99 out",
        "trian shapes-ag25 sinrgan1 out",
        "evaluate outputs --against nothing",
        "generate outputs --count many",
    ],
)
def test_a_wrong_command_is_refused(arguments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="is refused"):
        parse(arguments.split(), monkeypatch)


def test_a_right_command_is_parsed_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (verb,) = parse("train shapes-ag25 sinrgan1 out".split(), monkeypatch)
    assert type(verb) in verb_classes(Verb) and not list(tmp_path.iterdir())
    assert parse(["train", "--help"], monkeypatch) == []


def test_blocks_are_one_program_at_small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = "from nrgan import TrainConfig\ndef double(count): return 2 * count\n"
    second = "c = TrainConfig(setting='shapes-ag25', model='gan', out='o', iterations=9000)\nn = double(count=800)\n"
    limits = {"iterations": 4, "channels": 8, "image_size": 16, "seed": 3, "count": 5}
    names = run_blocks([block(1, first), block(9, second)], "page.md", limits, monkeypatch)
    shown = repr(names["c"])
    assert all(part in shown for part in ("iterations=4", "channels=8", "image_size=16", "seed=0")), shown
    assert names["n"] == 10
    monkeypatch.undo()
    assert "channels=128" in repr(nrgan.TrainConfig(setting="shapes-ag25", model="gan", out=Path("o")))


def test_an_error_has_the_document_s_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NameError) as failed:
        run_blocks([block(5, "a = 1\n"), block(20, "\nprint(b)\n")], "page.md", {}, monkeypatch)
    last = traceback.extract_tb(failed.tb)[-1]
    assert (last.filename, last.lineno) == ("page.md", 21)


def test_rows_of_a_document_go_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from nrgan import MODELS\nMODELS['mine'] = MODELS['gan']\nassert 'mine' in MODELS\n"
    run_blocks([block(1, text)], "page.md", {}, monkeypatch)
    assert "mine" not in nrgan.MODELS


def test_the_hub_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "from nrgan import Generator\nGenerator(channels=4).push_to_hub('you/model')\n"
    text += "images = Generator.from_pretrained('hf://you/model').sample(2)\n"
    assert len(run_blocks([block(1, text)], "page.md", {}, monkeypatch)["images"]) == 2
    assert (tmp_path / "you" / "model" / "model.safetensors").is_file()
