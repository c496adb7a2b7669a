"""Tables of one's own images, and of every combination of options."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import nrgan
from nrgan import TrainConfig, train
from nrgan.corruptions import Fitted
from nrgan.errors import UserError
from nrgan.evaluation.protocol import Resources
from nrgan.frames import ValueRange
from nrgan.noise_file import save_noise
from nrgan.reports.study_cells import read_cells
from nrgan.runs import read_records
from nrgan.studies.cells import Cell, check_evaluation
from nrgan.studies.grid import Grid, load_grid
from nrgan.studies.names import cell_name, images_name, written
from nrgan.studies.reproduce import reproduce
from nrgan.studies.status import statuses
from nrgan.studies.table import Table
from nrgan.studies.trained import is_trained, iterations_of
from nrgan.training.deadline import Deadline
from report_material import scans

GRID = """
title = "Widths"
settings = ["{images}"]
models = ["sinrgan1"]
[training]
latent_size = 4
batch_size = 4
iterations = 4
snapshot_interval = 2
[grid]
channels = [4, 8]
[evaluation]
features = "small_convolutions"
samples = 60
select_samples = 50
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the command, with images in it."""
    scans(tmp_path / "my scans")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def grid(text: str = GRID, path: str = "my scans", **changes: str) -> str:
    """The name of a file of the grid; changes: of lines, by what they begin with."""
    lines = [
        next((f"{name} = {value}" for name, value in changes.items() if line.startswith(f"{name} ")), line)
        for line in text.format(images=path).splitlines()
    ]
    Path("my sweep.toml").write_text("\n".join(lines))
    return "my sweep.toml"


def test_a_sweep_is_made_gone_on_with_and_refused_when_changed(here: Path) -> None:
    command = ("reproduce", grid(), "--out", "table", "--device", "cpu")
    names = [f"my_scans-sinrgan1-channels={width}-seed0" for width in (4, 8)]
    first = nrgan(*command, "--cell", names[1])
    assert first.returncode == 0 and "1 runs, 0 trained already" in first.stdout, first.stdout + first.stderr
    told = nrgan(*command, "--status").stdout
    assert "1 waiting, 1 done" in told and "by observed samples" in told
    done = nrgan(*command)
    assert done.returncode == 0 and "2 runs, 1 trained already" in done.stdout, done.stdout + done.stderr
    lines = list(csv.DictReader(io.StringIO(Path("table/table.csv").read_text())))
    assert [(line["channels"], line["metric"]) for line in lines] == [
        ("4", "fid[small_convolutions], observed"),
        ("8", "fid[small_convolutions], observed"),
    ]
    for line, name in zip(lines, names, strict=True):
        chosen = json.loads(Path("table", name, "best", "about.json").read_text())["iteration"]
        records = {(r.iteration, r.samples): r for r in read_records(Path("table", name))}
        assert {record.against for record in records.values()} == {"observed"} and len(records) == 3
        assert float(line["value"]) == records[chosen, 60].results["fid[small_convolutions]"]
        assert f"{name}: {line['metric']} " in done.stdout
    text = Path("table/table.md").read_text()
    assert "| model | channels | my_scans |" in text and f"| sinrgan1 | 8 | {float(lines[1]['value']):.3g} |" in text
    assert "60 samples as observed against the noisy images (my_scans)" in text and "channels, batch" not in text
    page = Path("table/table.html").read_text()
    assert "as observed against" in page and "<td>8</td>" in page and str(here) not in page
    assert [cell.options for cell in read_cells(Path("table"))] == [{"channels": "4"}, {"channels": "8"}]
    assert "2 runs, 2 trained already" in nrgan(*command).stdout
    assert Path("table/table.md").read_text() == text

    grid(latent_size="8")
    other = nrgan(*command)
    assert other.returncode == 2 and "--latent-size is 4 there and 8 here" in other.stderr
    Path("more").mkdir()
    (here / "my scans").rename(here / "more" / "my scans")
    grid(path="more/my scans")
    moved = nrgan(*command)
    assert moved.returncode == 2 and f"is '{here}/my scans' there and '{here}/more/my scans' here" in moved.stderr


def trained(config: TrainConfig) -> TrainConfig:
    assert not is_trained(config)
    list(train(config))
    return config


def cell(text: str = GRID, **changes: str) -> TrainConfig:
    """The only run of the grid."""
    (config,) = load_grid(grid(text, **{"channels": "[4]", "iterations": "2"} | changes)).cells(
        Path("out"), device="cpu", threads=1
    )
    return config


def test_what_the_images_decided_is_as_the_run_recorded_it(here: Path) -> None:
    auto = trained(cell(models='["auto"]'))
    assert auto.data.image_size is None and auto.model == "auto" and is_trained(auto)
    assert is_trained(auto.replaced(setting=str(here / "my scans"), image_size=16, fit="crop"))
    for option, value in {"image_size": 24, "fit": "tiles", "channels": 8, "seed": 1}.items():
        with pytest.raises(UserError, match=f"of another configuration: {option} is .* there and .* here"):
            is_trained(auto.replaced(**{option: value}))
    with pytest.raises(UserError, match=r"of another configuration: model is .* there and 'gan' here"):
        is_trained(auto.replaced(model="gan"))


def test_a_noise_that_is_told_is_compared_in_the_range_of_the_images(here: Path) -> None:
    for name, level in (("one", 20.0), ("other", 30.0)):
        save_noise(f"{name}.json", Fitted(signal=(0.0, 1.0), level=(level, level)), ValueRange.of(0, 255, "uint8"))
    told = GRID.replace("channels = [4, 8]", 'channels = [4]\nnoise = ["one.json"]')
    config = trained(cell(told, models='["ambientgan"]'))
    assert config.out.name == "my_scans-ambientgan-channels=4-noise=one.json-seed0" and is_trained(config)
    with pytest.raises(UserError, match="noise is another one there and another one here"):
        is_trained(config.replaced(noise="other.json"))


def test_a_run_that_its_clock_ended_is_complete(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = cell(iterations="9", batch_size="8").replaced(
        minutes=1.0, snapshot_interval=4, generator_learning_rate=1e-3, ema_decay=0.9, decay_iterations=1
    )
    over: list[int] = []
    monkeypatch.setattr(Deadline, "passed", lambda _: len(over.append(1) or over) == 5)  # type: ignore[func-returns-value]
    steps = train(config)
    for progress in steps:
        if progress.iteration == 3:
            break
    steps.close()
    assert not is_trained(config), "it was stopped, and goes on"
    assert [progress.iteration for progress in train(config, resume=True)][-1] == 6
    assert is_trained(config) and iterations_of(config) == 9
    monkeypatch.setattr(Deadline, "passed", lambda _: False)
    assert [progress.iteration for progress in train(config, resume=True)][-1] == 9, (
        "given more time, it has no end yet"
    )
    assert is_trained(config) and "ended_at" not in json.loads((config.out / "run.json").read_text())
    with pytest.raises(UserError, match="channels is 4 there and 8 here"):
        is_trained(config.replaced(channels=8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ("channels = [4, 8]", "chanels = [4, 8]"),
            r"unknown option in \[grid\]: 'chanels'; .*channels",
        ),
        (("[4, 8]", "[]"), "grid.channels: give 1 at least"),
        (("[4, 8]", "4"), "grid.channels: give a list"),
        (("[4, 8]", '["wide"]'), "^channels wide: give a whole number"),
        (("[4, 8]", "[4, 4.0]"), "channels: one is named twice"),
        (("my scans", "my scams"), "unknown setting 'my scams'.*nor is there a file or folder of that name"),
        (("latent_size = 4", "channels = 4"), r"\[grid\] channels: is in \[training\] too"),
        (("channels =", "seed ="), r"\[grid\] seed: every cell has its own"),
        (("channels =", "threads ="), r"\[grid\] threads: is set by the command's"),
        (
            ('["my scans"]', '["my scans", "other/my scans"]'),
            r"\(my scans, .* and \(other/my scans, .*both",
        ),
        (("channels = [4, 8]", 'value_range = ["0,9", "0 9"]'), "value_range 0,9, .*value_range 0 9, .*=0_9-seed0"),
        (("channels = [4, 8]", f'value_range = ["{"1" * 40},2", "{"1" * 40},3"]'), "both be in the folder"),
        (("samples = 60", 'samples = 60\nselect = "clean"'), r"\[evaluation\] select clean: of my scans there are no"),
        (('"sinrgan1"', '"learned"'), "^prior none: .*name a prior or an invariance"),
        (('"sinrgan1"', '"sinrgan9"'), "unknown model 'sinrgan9'"),
    ],
)
def test_bad_grids(changes: tuple[str, str], message: str, here: Path) -> None:
    scans(here / "other" / "my scans", 1)
    with pytest.raises(UserError, match=message):
        load_grid(grid(GRID.format(images="my scans").replace(*changes))).cells(Path("out"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "./my scams"}, "my scams: there is no such file or folder"),
        (
            {"samples": "20"},
            r"my_scans: could not be measured: fid\[small_convolutions\]: 20 samples",
        ),
        ({"select_samples": "20"}, "20 samples would mean nothing"),
        ({"batch_size": "161"}, "batch_size 161: more than the 160 images"),
        ({"features": '"random_convolutions"'}, "60 samples would mean nothing"),
    ],
)
def test_what_could_not_be_trained_or_measured_is_told_before(
    changes: dict[str, str], message: str, here: Path
) -> None:
    with pytest.raises(UserError, match=message):
        reproduce(grid(**changes), Path("out"), device="cpu")
    assert not Path("out").exists()


def test_few_images_are_refused_before_anything_is_trained(here: Path) -> None:
    scans(here / "few", 20)
    chosen = load_grid(grid(path="few"))
    with pytest.raises(UserError, match=r"few: could not be measured: .*20 real images would mean nothing"):
        check_evaluation(chosen.cells(Path("out")), chosen.evaluation, Resources())


def test_images_with_clean_ones_are_compared_with_those(here: Path) -> None:
    text = GRID.replace("channels = [4, 8]", 'corrupt = ["ag25", "mg25"]') + 'select = "clean"'
    chosen = load_grid(grid(text, models='["ambientgan", "sdnrgan1"]'))
    configs = chosen.cells(Path("out"))
    assert {chosen.evaluation.protocol(config).against for config in configs} == {"clean"}
    assert [config.out.name for config in configs] == [
        f"my_scans-{name}-seed0"
        for name in ("ambientgan-corrupt=ag25", "ambientgan-corrupt=mg25", "sdnrgan1-corrupt=mg25")
    ], "where a model fits depends on the noise"
    assert chosen.fits("sdnrgan1", "my scans", {"corrupt": "mg25"}) and not chosen.fits("ambientgan", "my scans", {})


def test_automatic_models_are_for_own_images_only(here: Path) -> None:
    chosen = load_grid(grid(path='my scans", "shapes-ag25', models='["auto", "gan"]'))
    assert not chosen.fits("auto", "shapes-ag25") and chosen.fits("learned", "shapes-ag25")
    cells = chosen.cells(Path("out"))
    assert [(c.setting, c.model) for c in cells[::2]] == [
        ("my scans", "auto"),
        ("my scans", "gan"),
        ("shapes-ag25", "gan"),
    ]
    assert [chosen.evaluation.protocol(c).against for c in cells[::2]] == ["observed", "observed", "clean"]
    assert {status.state for status in statuses(cells, chosen.evaluation)} == {"waiting"}
    table = Table(chosen, [Cell(config, None, failure="not trained") for config in cells])
    assert [row[2:] for row in table.rows()] == [
        ["my_scans", "shapes-ag25"],
        *[["–", "does not fit"]] * 2,
        *[["–", "–"]] * 2,
    ]
    assert "against clean images (" in table.caption
    assert " and as observed against the noisy images (my_scans)" in table.caption


def test_out_within_the_images_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for out in ("my scans", "my scans/table", str(here / "my scans" / "a" / "b")):
        refused = nrgan("reproduce", grid(), "--out", out, "--status")
        assert refused.returncode == 2 and "images stay as they are" in refused.stderr
    (here / "my scans" / "deeper").mkdir()
    monkeypatch.chdir(here / "my scans" / "deeper")
    with pytest.raises(UserError, match="images stay as they are"):
        load_grid(grid(path=str(here / "my scans"))).cells(Path("table"))


@pytest.mark.parametrize(
    ("setting", "name"),
    {
        "shapes-ag25": "shapes-ag25",
        "data/my scans/": "my_scans",
        "scans.tif": "scans.tif",
        "a/scans/*.tif": "scans_.tif",
        "a/scans/**/*.tif": "scans_.tif",
        "a/shards-{000..099}.tar": "a_shards-_000..099_.tar",
        "C:\\data\\scans": "scans",
        "..": "images",
        "~/Bilder/Mäuse": "Mäuse",
    }.items(),
)
def test_names_of_images(setting: str, name: str) -> None:
    assert images_name(setting) == name


def test_names_of_cells() -> None:
    varied: dict[str, Any] = {"r1_weight": 0.5, "clip": False, "channels": 8.0, "invariances": ["flips", "invert"]}
    assert cell_name("a/scans", "auto", varied, 3) == (
        "scans-auto-r1_weight=0.5-clip=false-channels=8-invariances=flips_invert-seed3"
    )
    assert cell_name("scans", "gan", {}, 0) == "scans-gan-seed0"
    assert written([1, True, "a"]) == "1,true,a"
    assert "/" not in cell_name("scans", "gan", {"noise": "../a/b.json"}, 0)


def test_a_name_that_no_file_system_takes_is_refused(here: Path) -> None:
    long = scans(here / ("s" * 200), 1)
    with pytest.raises(UserError, match="is too long as the name of a folder"):
        Grid(title="T", settings=(long.name,), models=("gan",)).cells(Path("out"))


def test_every_combination_once_in_order(here: Path) -> None:
    chosen = load_grid(grid(GRID.replace("[4, 8]", "[4, 8]\nr1_weight = [1, 10]"), models='["gan"]\nseeds = [0, 1]'))
    found = [(c.network.channels, c.objective.r1_weight, c.schedule.seed) for c in chosen.cells(Path("out"))]
    assert found == [(w, r, s) for w in (4, 8) for r in (1, 10) for s in (0, 1)]


def test_a_script_quotes_blanks(here: Path) -> None:
    printed = nrgan("reproduce", grid(), "--out", "my table", "--print-slurm").stdout
    assert "srun nrgan reproduce 'my sweep.toml' --out 'my table'" in printed and "--array=1-2" in printed
    assert "--job-name=nrgan-my_sweep\n" in printed and "--output=nrgan-my_sweep-%A_%a.log\n" in printed


def test_the_grids_of_the_documentation_are_good(here: Path) -> None:
    scans(here / "scans", 1)
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    counts = []
    for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL):
        Path("grid.toml").write_text(text)
        counts.append(len(load_grid("grid.toml").cells(Path("out"))))
    assert counts == [8, 8]
    assert f"`{load_grid('grid.toml').cells(Path('out'))[0].out.name}`" in page
