"""Tables: the grids, a small one end to end, and what can be wrong with one."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from conftest import nrgan
from nrgan import TrainConfig, train
from nrgan.errors import UserError
from nrgan.evaluation.selection import fid
from nrgan.runs import Record, read_records
from nrgan.runs.log import last_iteration
from nrgan.settings import CORRUPTIONS, SETTINGS
from nrgan.studies.cells import Cell
from nrgan.studies.grid import Grid, load_grid, ready_made
from nrgan.studies.launcher import log_of
from nrgan.studies.published import PUBLISHED
from nrgan.studies.reproduce import StudyWatcher, reproduce
from nrgan.studies.table import Table
from nrgan.studies.trained import is_trained
from nrgan.training.config import option_name

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
    assert (config.schedule.iterations, config.network.channels, config.schedule.batch_size) == (200_000, 128, 64), (
        "the published numbers"
    )


def test_published_figures_are_of_known_rows() -> None:
    letters = {row.paper for row in CORRUPTIONS.values()}
    assert all(set(figures) <= letters for figures in PUBLISHED.values())
    assert PUBLISHED["sinrgan1"]["G"] == 163.4 and PUBLISHED["sinrgan2"]["G"] == 32.2


class Heard(StudyWatcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.iterations: list[int] = []

    def begun(self, title: str, runs: int, trained: int) -> None:
        self.said.append(("begun", title, runs, trained))

    def reached(self, out: Path, iteration: int, iterations: int) -> None:
        self.iterations.append(iteration)

    def ended(self, out: Path, failure: str | None) -> None:
        self.said.append(("ended", out.name, failure))

    def measured(self, cell: Cell) -> None:
        self.said.append(("measured", cell.config.out.name, cell.record, cell.failure))


def test_a_small_table_is_made_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)  # the same path with fewer real images
    (tmp_path / "small.toml").write_text(SMALL)
    out = tmp_path / "out"
    command = ("reproduce", tmp_path / "small.toml", "--out", out, "--jobs", 2, "--device", "cpu")
    done = nrgan(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = list(csv.DictReader(io.StringIO((out / "table.csv").read_text())))
    names = [f"shapes-ag25-{line['model']}-seed{line['seed']}" for line in lines]
    assert [(line["model"], line["seed"]) for line in lines] == [(m, s) for m in ("gan", "sinrgan1") for s in "01"]
    assert "Small: 4 runs, 0 trained already" in done.stdout
    for line, name in zip(lines, names, strict=True):
        run = out / name
        chosen = json.loads((run / "best" / "about.json").read_text())
        record = next(r for r in read_records(run) if r.against == "clean" and r.iteration == chosen["iteration"])
        assert line["metric"] == "fid[random_convolutions]" and float(line["value"]) == fid(record)
        assert int(line["iteration"]) == chosen["iteration"] and (run / "best-samples.png").is_file()
        assert f"{run}: trained\n" in done.stdout
        assert f"{name}: {line['metric']} {fid(record):.4g}  (iteration {line['iteration']})" in done.stdout
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
    watcher = Heard()
    (out / "table.md").unlink()
    table = reproduce(str(tmp_path / "small.toml"), out, device="cpu", watcher=watcher)
    assert table is not None and table.markdown() == text and not (out / "table.md").exists()
    assert watcher.said == [
        ("begun", "Small", 4, 4),
        *(("measured", name, cell.record, "") for name, cell in zip(names, table.cells, strict=True)),
    ]
    assert [cell.record.results[lines[0]["metric"]] for cell in table.cells if cell.record] == [
        float(line["value"]) for line in lines
    ]
    assert before == {path: path.stat().st_mtime_ns for path in before}, "nothing is trained twice"
    assert counts == {path: len(path.read_text().splitlines()) for path in counts}, "nor measured twice"

    changed = SMALL.replace("channels = 4", "channels = 8")
    (tmp_path / "small.toml").write_text(changed)
    other = nrgan(*command)
    assert other.returncode == 2 and "--channels is 4 there and 8 here" in other.stderr


def one_run(folder: Path, **options: object) -> str:
    """A grid of one run, with more options of training."""
    text = SMALL.replace('["gan", "sinrgan1", "sdnrgan1"]', '["gan"]').replace("seeds = [0, 1]", "seeds = [0]")
    text = text.replace("iterations = 4", "\n".join(f"{name} = {value}" for name, value in options.items()))
    (folder / "one.toml").write_text(text)
    return str(folder / "one.toml")


def test_a_study_that_is_stopped_saves_its_runs_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)
    watcher, run = Heard(), tmp_path / "out" / "shapes-ag25-gan-seed0"
    endless = one_run(tmp_path, iterations=10**6, log_interval=1)

    def stopped() -> int:
        return int(any(watcher.iterations))

    assert reproduce(endless, tmp_path / "out", device="cpu", watcher=watcher, stopped=stopped) is None
    assert watcher.said == [("begun", "Small", 1, 0)], "neither ended nor measured"
    log = log_of(run).read_text()
    assert "stopped at iteration" in log and "saved; go on with --resume" in log
    reached = last_iteration(run)
    assert reached >= watcher.iterations[-1] > 0
    went_on = Heard()
    little_more = one_run(tmp_path, iterations=reached + 2, log_interval=1)
    table = reproduce(little_more, tmp_path / "out", device="cpu", watcher=went_on)
    assert table is not None and table.failures == []
    assert went_on.said[:2] == [("begun", "Small", 1, 0), ("ended", run.name, None)]
    assert went_on.said[2][:2] == ("measured", run.name) and len(went_on.said) == 3
    assert went_on.iterations == sorted(went_on.iterations) and went_on.iterations[-1] == reached + 2
    assert f"going on at iteration {reached:,}" in log_of(run).read_text()


def test_a_study_stops_between_two_measurements_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nrgan.evaluation.real.MOST", 500)
    (tmp_path / "two.toml").write_text(SMALL.replace('["gan", "sinrgan1", "sdnrgan1"]', '["gan"]'))
    watcher = Heard()

    def stopped() -> int:
        return int(any(said[0] == "measured" for said in watcher.said))

    grid, out = str(tmp_path / "two.toml"), tmp_path / "out"
    assert reproduce(grid, out, device="cpu", watcher=watcher, stopped=stopped) is None
    assert [said[0] for said in watcher.said].count("measured") == 1, "of two"
    assert reproduce(grid, out, device="cpu") is not None


def test_a_run_that_fails_says_why_and_leaves_a_gap(tmp_path: Path) -> None:
    watcher, run = Heard(), tmp_path / "out" / "shapes-ag25-gan-seed0"
    grid = one_run(tmp_path, iterations=4, log_interval=1, generator_learning_rate=1e30)
    table = reproduce(grid, tmp_path / "out", device="cpu", watcher=watcher)
    assert table is not None
    (cell,) = table.cells
    assert cell.record is None and "not finite" in cell.failure and cell.failure.startswith("error: iteration")
    assert watcher.said[1:] == [("ended", run.name, cell.failure), ("measured", run.name, None, cell.failure)]
    assert table.failures == [f"{run.name}: {cell.failure}"] and table.entry("shapes-ag25", "gan").text == "–"


def test_no_job_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^jobs 0: must be 1 at least"):
        reproduce("quick", tmp_path, jobs=0)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """A cell that has been trained."""
    folder = tmp_path_factory.mktemp("study")
    (config,) = load_grid(one_run(folder, iterations=2)).cells(folder / "out", device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NRGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        assert not is_trained(config)
        list(train(config))
    return config


CHANGED: dict[str, object] = {
    "setting": "shapes-ag5-50",
    "model": "sinrgan1",
    "seed": 1,
    "image_size": None,
    "channels": 8,
    "discriminator_channels": 8,
    "latent_size": 8,
    "batch_size": 8,
    "generator_batch_size": 4,
    "r1_weight": 1.0,
    "penalty_gradient": "double-backward",
    "generator_learning_rate": 1e-3,
    "ema_decay": 0.9,
    "clip": False,
    "data_seed": 1,
    "log_interval": 7,
    "deterministic": True,
    "decay_iterations": 1,
}
"""Other values of what makes a run the run it is."""


@pytest.mark.parametrize("option", CHANGED)
def test_a_run_of_other_options_is_refused_with_their_names(option: str, trained: TrainConfig) -> None:
    assert is_trained(trained)
    with pytest.raises(UserError, match=rf"of another configuration: {option} is .* there and .* here") as refused:
        is_trained(trained.replaced(**{option: CHANGED[option]}))
    assert f"--{option.replace('_', '-')} is " in refused.value.for_command_line(
        lambda field: f"--{option_name(field)}"
    )


def test_a_run_of_another_precision_is_refused_where_one_is_asked_for(trained: TrainConfig) -> None:
    kept = json.loads((trained.out / "run.json").read_text())["identity"]["precision"]
    other = {"float32": "bfloat16", "bfloat16": "float32"}[kept]
    assert is_trained(trained.replaced(precision=kept))
    with pytest.raises(UserError, match=f"precision is '{kept}' there and '{other}' here"):
        is_trained(trained.replaced(precision=other))


def test_options_that_may_differ_do_not_matter(trained: TrainConfig) -> None:
    machine = {"threads": 2, "workers": 1, "stream": "always", "device": "auto", "data_root": None}
    assert is_trained(trained.replaced(snapshot_interval=1, evaluate_every=3, checkpoint_minutes=1.0, **machine))
    assert not is_trained(trained.replaced(iterations=3)), "the same run, not yet at its end"


def cell(grid: Grid, index: int, value: float | None) -> Cell:
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
        (("[training]", "[trainig]"), "trainig: there is no such option"),
        (('models = ["gan",', 'models = ["gann",'), "unknown model 'gann'"),
        (('["shapes-ag25"]', '["shapes-ag26"]'), "unknown setting 'shapes-ag26'"),
        (("iterations = 4", "iterations = -4"), "^iterations -4: "),
        (("iterations = 4", "seed = 4"), "seed: every cell has its own"),
        (("samples = 420", 'select = "best"'), "evaluation.select: choose clean, observed or last"),
        (("seeds = [0, 1]", "seeds = []"), "seeds: "),
        (("title = ", "title"), "no TOML"),
        (("seeds = [0, 1]", "seeds = [0, 0]"), "seeds: one is named twice"),
        (('["shapes-ag25"]', '["scans"]'), "unknown setting 'scans'.*nor is there a file or folder of that name"),
        (("iterations = 4", 'device = "cpu"'), "device: is set by the command's"),
    ],
)
def test_bad_grids(changes: tuple[str, str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(SMALL.replace(*changes))
    with pytest.raises(UserError, match=message):
        load_grid(str(path)).cells(tmp_path)
    with pytest.raises(UserError, match="unknown grid 'quik'; the nearest are quick"):
        load_grid("quik")
    with pytest.raises(UserError, match=r"absent\.toml: cannot be read: No such file or directory$"):
        load_grid(str(tmp_path / "absent.toml"))
