"""Tables: the grids, a small one end to end, and what can be wrong with one."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from conftest import nrgan
from nrgan.errors import UserError
from nrgan.evaluation.records import read_records
from nrgan.evaluation.selection import fid
from nrgan.reproduce.cells import Cell
from nrgan.reproduce.grid import Grid, load_grid, ready_made
from nrgan.reproduce.published import PUBLISHED
from nrgan.reproduce.table import Table
from nrgan.settings import CORRUPTIONS, SETTINGS

SMALL = """
title = "Small"
settings = ["shapes-ag25"]
models = ["gan", "sinrgan1", "sdnrgan1"]
seeds = [0, 1]
[training]
image_size = 16
channels = 4
latent_size = 4
batch_size = 4
iterations = 4
snapshot_interval = 2
[evaluation]
samples = 420
select_samples = 420
"""


def test_ready_made_grids() -> None:
    assert set(ready_made()) == {"quick", "paper-signal-independent", "paper-signal-dependent"}
    independent, dependent = (load_grid(f"paper-signal-{kind}") for kind in ("independent", "dependent"))
    letters = "".join(SETTINGS[s].paper for grid in (independent, dependent) for s in grid.settings)
    assert letters == "ABCDEFGHIJKLMNOP"
    assert set(independent.models) == {"gan", "ambientgan", "sinrgan1", "sinrgan2", "sdnrgan2", "sdnrgan3"}
    assert set(dependent.models) == {*independent.models, "sdnrgan1"}
    for name in ready_made():
        grid = load_grid(name)
        cells = grid.cells(Path("out"))
        assert (
            len({cell.out for cell in cells}) == len(cells) == len(grid.settings) * len(grid.models) * len(grid.seeds)
        ), "every cell a folder of its own"
    config = independent.cells(Path("out"))[0]
    assert (config.iterations, config.channels, config.batch_size) == (200_000, 128, 64), "the published numbers"


def test_published_figures_are_of_known_rows() -> None:
    letters = {row.paper for row in CORRUPTIONS.values()}
    assert all(set(figures) <= letters for figures in PUBLISHED.values())
    assert PUBLISHED["sinrgan1"]["G"] == 163.4 and PUBLISHED["sinrgan2"]["G"] == 32.2


def test_a_small_table_is_made_stopped_and_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    out = tmp_path / "out"
    command = ("reproduce", tmp_path / "small.toml", "--out", out, "--jobs", 2, "--device", "cpu")
    done = nrgan(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = list(csv.DictReader(io.StringIO((out / "table.csv").read_text())))
    assert [(line["model"], line["seed"]) for line in lines] == [(m, s) for m in ("gan", "sinrgan1") for s in "01"]
    for line in lines:
        run = out / f"shapes-ag25-{line['model']}-seed{line['seed']}"
        chosen = json.loads((run / "best" / "about.json").read_text())
        record = next(r for r in read_records(run) if r.against == "clean" and r.iteration == chosen["iteration"])
        assert line["metric"] == "fid[random_convolutions]" and float(line["value"]) == fid(record)
        assert int(line["iteration"]) == chosen["iteration"] and (run / "best-samples.png").is_file()
    text = (out / "table.md").read_text()
    assert "sdnrgan1 | does not fit" in text and "420 samples" in text and "no clean image used" in text
    assert "Median of 2 seeds" in text and "4 iterations" in text
    page = (out / "table.html").read_text()
    assert "shapes-ag25-gan-seed1/best-samples.png" in page and "<table>" in page

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors") if "best" not in path.parts}
    counts = {path: len(path.read_text().splitlines()) for path in out.rglob("metric-*.jsonl")}
    (out / "table.md").unlink()
    again = nrgan(*command)
    assert again.returncode == 0 and "4 runs, 4 trained already" in again.stdout
    assert (out / "table.md").read_text() == text
    assert before == {path: path.stat().st_mtime_ns for path in before}, "nothing is trained twice"
    assert counts == {path: len(path.read_text().splitlines()) for path in counts}, "nor measured twice"

    changed = SMALL.replace("channels = 4", "channels = 8")
    (tmp_path / "small.toml").write_text(changed)
    other = nrgan(*command)
    assert other.returncode == 2 and "channels is 4 there and 8 here" in other.stderr


def cell(grid: Grid, index: int, value: float | None) -> Cell:
    from nrgan.evaluation.records import Record

    config = grid.cells(Path("out"))[index]
    if value is None:
        return Cell(config, None, failure="error: diverged")
    record = Record(
        metric="fid420_full",
        results={"fid": value},
        iteration=4,
        samples=420,
        against="clean",
        features="inception",
        features_sha256="",
        reference="",
        reference_count=50_000,
        seed=0,
    )
    return Cell(config, record, 4)


def test_medians_published_figures_and_failures() -> None:
    grid = Grid(title="T", settings=("cifar10ag25", "shapes-ag25"), models=("gan", "sinrgan1"), seeds=(0, 1, 2))
    values = [150.0, 140.0, 145.0, 9.0, 8.0, 7.0, None, None, None, 3.0, None, 5.0]
    table = Table(grid, [cell(grid, index, value) for index, value in enumerate(values)][::-1])
    header, gan, sinrgan1 = table.rows()
    assert header == ["model", "cifar10ag25 (A)", "published", "shapes-ag25"]
    assert gan == ["gan", "145.0 (140.0–150.0)", "145.8", "–"]
    assert sinrgan1 == ["sinrgan1", "8 (7–9)", "26.7", "4 (3–5), 1 missing"]
    text = table.markdown()
    assert "shapes-ag25-sinrgan1-seed1: error: diverged" in text and "quoted second-hand" in text
    assert table.csv().count("error: diverged") == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("[training]", "[trainig]"), "trainig: extra inputs"),
        (('models = ["gan",', 'models = ["gann",'), "unknown model 'gann'"),
        (('["shapes-ag25"]', '["shapes-ag26"]'), "unknown setting 'shapes-ag26'"),
        (("iterations = 4", "iterations = -4"), "--iterations -4"),
        (("iterations = 4", "seed = 4"), "seed: every cell has its own"),
        (("samples = 420", 'select = "best"'), "evaluation.select: input should be"),
        (("seeds = [0, 1]", "seeds = []"), "seeds: "),
        (("title = ", "title"), "no TOML"),
        (("seeds = [0, 1]", "seeds = [0, 0]"), "seeds: one is named twice"),
        (('["shapes-ag25"]', '["./scans"]'), "unknown setting './scans'"),
        (("iterations = 4", 'device = "cpu"'), "device: is an option of the command"),
    ],
)
def test_bad_grids(changes: tuple[str, str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(SMALL.replace(*changes))
    with pytest.raises(UserError, match=message):
        load_grid(str(path)).cells(tmp_path)
    with pytest.raises(UserError, match="unknown grid 'quik'; the nearest are quick"):
        load_grid("quik")
    with pytest.raises(UserError, match="cannot be read"):
        load_grid(str(tmp_path / "absent.toml"))
