"""Options: the published defaults, one table of flat names that every option keeps to, and every refusal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import pydantic
import pytest

from nrgan import TrainConfig, UserError
from nrgan.cli import main
from nrgan.cli.train import Train
from nrgan.corruptions import Fitted
from nrgan.frames import MENDS, ValueRange
from nrgan.networks import FAMILIES, ResNet
from nrgan.noise_file import MeasuredNoise
from nrgan.objectives import OBJECTIVES, Logistic
from nrgan.observation import INVARIANCES, PRIORS
from nrgan.runs.identity import check_same_run
from nrgan.settings import CORRUPTIONS
from nrgan.training.config import AUTO, DEFAULTS, FLAT, GROUPS, MAY_DIFFER_ON_RESUME, ScheduleOptions

MEASURED = MeasuredNoise(Fitted(), ValueRange.of(0, 255, "uint8"))


def config(**changed: object) -> TrainConfig:
    return TrainConfig(**({"setting": "cifar10ag25", "model": "sinrgan1", "out": Path("out")} | changed))


def test_defaults_are_the_published_numbers() -> None:
    c = config()
    schedule, network, optimiser = c.schedule, c.network, c.optimiser
    assert (schedule.iterations, schedule.batch_size, schedule.generator_batch) == (200_000, 64, 128)
    assert (schedule.critic_steps, schedule.seed) == (1, 0)
    assert (network.channels, network.discriminator_width, network.latent_size) == (128, 128, 128)
    assert (c.resolved_size, network.residual_scale) == (32, 0.1)
    assert (optimiser.generator_learning_rate, optimiser.discriminator_learning_rate) == (2e-4, 2e-4)
    assert (optimiser.beta1, optimiser.beta2, optimiser.ema_decay, optimiser.decay_iterations) == (0, 0.99, 0.999, 0)
    assert (c.objective.r1_weight, c.observation.diversity_weight) == (10, 0.02)
    assert (schedule.snapshot_interval, schedule.sample_interval, schedule.log_interval) == (5000, 5000, 100)
    assert c.data.clip and c.data.data_seed == 0


def bare(annotation: Any) -> Any:
    """The type of a field, without None and what it is annotated with."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) is UnionType or NoneType in get_args(annotation):
        (kind,) = {bare(of_several) for of_several in get_args(annotation)} - {NoneType}
        return kind
    return annotation


def other_value(flat: str, folder: Path) -> Any:
    """A value that an option does not have by itself, by the option's type."""
    group, name = FLAT[flat]
    field = GROUPS[group].model_fields[name]
    kind, default = bare(field.annotation), field.default
    if get_origin(kind) is Literal:
        # images of named settings are cropped in any case
        return next(value for value in get_args(kind) if value not in (default, "crop"))
    if get_origin(kind) is tuple:
        return ("kid", "fid")
    made: dict[Any, Callable[[], Any]] = {
        bool: lambda: not default,
        int: lambda: 40 if default is None else default + 1,
        float: lambda: (default or 0) / 2 or 0.5,
        str: lambda: {"corrupt": next(iter(CORRUPTIONS)), "noise": MEASURED.text(), "mend": next(iter(MENDS))}.get(
            flat, "other"
        ),
        Path: lambda: folder,
    }
    return made[kind]()


@pytest.fixture
def _other_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options that name a row have another one to name."""
    monkeypatch.setitem(FAMILIES, "other", ResNet())
    monkeypatch.setitem(OBJECTIVES, "other", Logistic)
    monkeypatch.setitem(PRIORS, "other", PRIORS["gaussian"])
    monkeypatch.setitem(INVARIANCES, "other", INVARIANCES["flips"])


COMPOSING = {"model": "learned", "prior": "gaussian"}
"""The model that some options are for."""


def model_for(flat: str) -> str:
    """A model that an option goes with."""
    return AUTO if flat == "noise" else "gan"


def config_with(folder: Path, **changed: object) -> TrainConfig:
    """On the first data that such options are for: drawn images, images of one's own, or those of a folder of data."""
    for setting in ("shapes-ag25", str(folder), "cifar10ag25"):
        try:
            return config(setting=setting, **changed)
        except UserError as error:
            refused = error
    raise AssertionError(f"{changed}: {refused}")


def parsed(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    """What the command line makes of the arguments of `nrgan train`."""
    found: list[TrainConfig] = []
    monkeypatch.setattr(Train, "run", lambda self: found.append(self.config) or 0)
    with pytest.raises(SystemExit) as stopped:
        main(["train", *arguments])
    assert stopped.value.code == 0
    return found[0]


def test_the_table_of_flat_names_is_whole() -> None:
    assert len(FLAT) == sum(len(group.model_fields) for group in GROUPS.values()), "no flat name is of two fields"
    assert DEFAULTS.keys() == FLAT.keys() and not FLAT.keys() & {"setting", "model", "out"}
    assert config().flat().keys() == config().plain().keys() == {"setting", "model", "out"} | FLAT.keys()


@pytest.mark.usefixtures("_other_rows")
@pytest.mark.parametrize("flat", FLAT)
def test_every_option_lands_in_its_group_and_comes_back(
    flat: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its flat name and by its group, as Python's value, as JSON, and through the command line's own parser."""
    group, field = FLAT[flat]
    value = other_value(flat, tmp_path)
    base = COMPOSING if flat in ("prior", "invariances", "implicit") else {"model": model_for(flat)}
    changed = config_with(tmp_path, **(base | {flat: value}))
    unchanged = config(setting=changed.setting, **base)
    assert getattr(getattr(changed, group), field) == value == changed.flat()[flat]
    differing = {name for name, of_it in changed.plain().items() if of_it != unchanged.plain()[name]}
    assert differing == {flat}, "nothing else has changed"
    assert (changed.identity() == unchanged.identity()) == (flat in MAY_DIFFER_ON_RESUME)

    assert TrainConfig(**changed.flat()) == changed
    assert TrainConfig(**json.loads(json.dumps(changed.plain()))) == changed
    all_given = (base | {flat: value}).items()
    of_group = {FLAT[name][1]: given for name, given in all_given if name in FLAT and FLAT[name][0] == group}
    assert config(setting=changed.setting, model=base["model"], **{group: of_group}) == changed
    assert unchanged.replaced(**{flat: value}) == changed
    assert parsed(changed.command_line(), monkeypatch) == changed


@pytest.mark.usefixtures("_other_rows")
def test_many_options_go_through_the_command_line_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {flat: other_value(flat, tmp_path) for flat in FLAT if flat not in ("data_root", "accumulate", "noise")}
    values |= {"value_range": "-5,10", "evaluate_metrics": ("fid",), "accumulate": 5, "generator_batch_size": 130}
    own = {"setting": str(tmp_path), "model": "learned"}
    changed = config(**own, **values)
    assert changed.flat() == {**own, "out": Path("out"), **changed.flat(), **values}
    assert parsed(changed.command_line(), monkeypatch) == changed
    assert changed.command_line()[changed.command_line().index("--range") + 1] == "-5,10", "not --value-range"
    dashed = config(out=Path("-inf"), discriminator_centre=-0.72)
    assert parsed(dashed.command_line(), monkeypatch) == dashed, "a folder is no option"
    assert parsed(config().command_line(), monkeypatch) == config()
    assert config().command_line() == ["cifar10ag25", "sinrgan1", "out"], "what is not chosen is not said"


def test_what_may_differ_on_resume_is_what_might_in_version_0_1() -> None:
    moved = {"dark", "flat"}  # came later: such files may have moved, and what is in them is in the checkpoint
    assert {"out"} | moved | {
        "device",
        "threads",
        "data_root",
        "cache_dir",
        "minutes",
        "iterations",
        "iterations_per_launch",
        "snapshot_interval",
        "sample_interval",
        "checkpoint_minutes",
        "stream",
        "workers",
        "evaluate_every",
        "evaluate_metrics",
        "evaluate_samples",
        "evaluate_against",
        "evaluate_features",
    } == MAY_DIFFER_ON_RESUME


@pytest.mark.parametrize(
    "code",
    [
        "import nrgan.training.config",
        "from nrgan import TrainConfig",
        "from nrgan.cli import main\ntry: main(['train', '--help'])\nexcept SystemExit: pass",
    ],
)
def test_options_and_their_help_wait_for_no_torch(code: str) -> None:
    code = f"{code}\nimport sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"setting": "cifar10ag52"}, "nearest are cifar10ag25"),
        ({"model": "sinrgan"}, "nearest are sinrgan"),
        ({"model": "sdnrgan1"}, "cifar10mg25"),
        ({"network": "resnot"}, "nearest are resnet"),
        ({"objective": "logistics"}, "nearest are logistic"),
        ({"setting": "shapes-ag25", "image_size": 20}, "multiple of 8"),
        ({"image_size": 64}, "images of 32x32"),
        ({"setting": "shapes-lg25p8-24", "image_size": 16}, "does not fit"),
        ({"iterations": 10, "decay_iterations": 11}, "more than the 10 iterations"),
        ({"setting": "shapes-ag25", "data_root": Path()}, "data_root"),
        ({"setting": ".", "data_root": Path()}, "data_root"),
        ({"fit": "tiles"}, "fit: is for images of your own"),
        ({"value_range": "0,1"}, "value_range: is for images of your own"),
        ({"skip_corrupt": True}, "skip_corrupt: is for images of your own"),
        ({"corrupt": "ag25"}, "corrupt ag25: cifar10ag25 has a corruption already"),
        ({"noise": "noise.json"}, "noise: that of cifar10ag25 is known already"),
        ({"evaluate_every": 10, "evaluate_metrics": ("kid",)}, "evaluate_metrics: must hold fid"),
        ({"batch_size": 50_001}, "batch_size 50001: more than the 50,000 images"),
        ({"data_seed": 2**31}, "data_seed"),
        ({"prior": "gaussian"}, "prior gaussian: is for the model learned, and sinrgan1 is what its name says"),
        ({"setting": ".", "model": "auto", "invariances": "flips"}, "invariances flips: is for the model learned"),
        ({"implicit": True}, "implicit True: is for the model learned"),
        ({"model": "learned", "implicit": True}, "prior none: without invariances nothing tells noise from image"),
        ({"model": "learned", "prior": "gausian"}, "nearest are gaussian"),
        ({"model": "learned", "invariances": "flips,shift"}, "unknown invariance 'shift'; the nearest are shifts"),
        ({"model": "learned", "invariances": "flips,"}, "unknown invariance ''"),
        ({"model": "learned", "invariances": "flips,invert,flips"}, "flips comes twice"),
        ({"model": "learnd"}, "nearest are learned"),
    ],
)
def test_options_that_do_not_go_together(changed: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        config(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"iterations": 0},
        {"batch_size": -1},
        {"beta1": 1.0},
        {"ema_decay": -0.1},
        {"generator_learning_rate": 0.0},
        {"discriminator_learning_rate": float("inf")},
        {"r1_weight": float("nan")},
        {"log_interval": 0},
        {"evaluate_samples": 0},
        {"precision": "float16"},
        {"colour": "blue"},
    ],
)
def test_values_that_cannot_be(changed: dict[str, object]) -> None:
    """The message begins with the option as the reader knows it: Python's keyword, or the command line's."""
    (name,) = changed
    with pytest.raises(UserError, match=f"^{name} {changed[name]}: ") as caught:
        config(**changed)
    assert caught.value.field == name
    said = caught.value.for_command_line(lambda field: f"--{field.replace('_', '-')}")
    assert said.startswith(f"--{name.replace('_', '-')} ")


def test_a_group_is_given_whole_or_field_by_field() -> None:
    whole = config(schedule=ScheduleOptions(batch_size=8, seed=3))
    assert whole == config(batch_size=8, seed=3) == config(schedule={"batch_size": 8, "seed": 3})
    with pytest.raises(UserError, match="give the group schedule or its fields, not both"):
        config(schedule=ScheduleOptions(batch_size=8), seed=3)
    with pytest.raises(UserError, match="batch_size 0: "):
        ScheduleOptions(batch_size=0)


def test_configuration_is_frozen() -> None:
    with pytest.raises(pydantic.ValidationError):
        config().out = Path("elsewhere")  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError):
        config().schedule.iterations = 5  # type: ignore[misc]


def check(saved: TrainConfig, now: TrainConfig) -> None:
    """As when a run goes on: what it was saved with has been JSON."""
    check_same_run(json.loads(json.dumps(saved.identity())), now.identity(), DEFAULTS, Path("run"))


def test_what_may_differ_on_resume(tmp_path: Path) -> None:
    saved = config()
    check(saved, config(iterations=300_000, device="cpu", out=Path("elsewhere")))
    with pytest.raises(UserError, match=r"r1_weight is 10\.0 there and 5\.0 here"):
        check(saved, config(r1_weight=5.0))
    with pytest.raises(UserError, match="setting is 'cifar10ag25' there and 'cifar10' here"):
        check(saved, config(setting="cifar10"))
    decaying = config(decay_iterations=10)
    with pytest.raises(UserError, match="iterations is 200000 there"):
        check(decaying, config(decay_iterations=10, iterations=300_000))
    own = [config(setting=str(tmp_path / name)) for name in ("here", "there")]
    check(*own)  # one's own images may move; the checkpoint knows what was in them
