"""The examples of docs/extending.md: what one adds oneself trains, goes on, is kept, and is had back."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from safetensors.torch import load_file
from torch import Tensor, nn

from conftest import TINY, nrgan_process
from corruptions import test_gradients as gradients
from corruptions import test_laws as laws
from docs.documents import read_document
from extending.hinge import Hinge
from extending.lost_pixels import LOST30, LostPixels
from extending.mirrored import MIRRORED
from extending.mlp import MLP, SMALL
from extending.one_level import OneLevel, OneLevelObserver
from extending.row_noise import RowNoise
from networks import test_families as families
from nrgan import NoiseSampler, Objective, TrainConfig, TrainedModel, UserError, evaluate, generate, plugins, train
from nrgan.data import Shapes
from nrgan.evaluation.protocol import Protocol
from nrgan.manifest import write_manifest
from nrgan.models import find_model
from nrgan.networks import FAMILIES, find_family
from nrgan.objectives import Losses, find_objective
from nrgan.observation.invariances import find_invariance
from nrgan.runs import read_config
from nrgan.runs.log import read_metrics
from nrgan.settings import SETTINGS, all_corruptions, all_settings, find_setting

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "extending.md"
EXAMPLES = sorted(path for path in HERE.glob("*.py") if path.stem not in ("__init__", "test_extending"))
BLOCKS = read_document("docs/extending.md", PAGE.read_text(encoding="utf-8")).blocks


@pytest.fixture
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shapes, "open", lambda image_size, *_: Shapes(image_size, count=450))


def config(out: Path, **changed: object) -> TrainConfig:
    return TrainConfig(**({"setting": "shapes-ag25", "model": "sinrgan1", "out": out} | TINY | changed))


def run(out: Path, resume: bool = False, objects: dict[str, Any] | None = None, **changed: object) -> Path:
    for _ in train(config(out, **changed), resume=resume, **(objects or {})):
        pass
    return out


def begun(out: Path, objects: dict[str, Any], **changed: object) -> Path:
    """A run that was stopped after three of six iterations."""
    for progress in train(config(out, **changed), **objects):
        if progress.iteration == 3:
            break
    return out


def assert_goes_on_exactly(tmp_path: Path, objects: dict[str, Any], **changed: object) -> Path:
    """A run in two parts is the run in one, bit for bit; without its objects it does not go on. Gives its folder."""
    whole = run(tmp_path / "whole", objects=objects, **changed)
    parts = begun(tmp_path / "parts", objects, **changed)
    for name in objects:
        with pytest.raises(UserError, match=f"it was trained with .*: give the same .*{name}.* again"):
            train(config(parts, **changed), resume=True, **{k: v for k, v in objects.items() if k != name})
    run(parts, True, objects, **changed)
    one, two = (load_file(out / "checkpoint.safetensors") for out in (whole, parts))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    said = json.loads((whole / "run.json").read_text())["objects"]
    assert said.keys() == objects.keys() and " at 0x" not in str(said), "the same in every process"
    return whole


def test_the_page_has_every_example_word_for_word() -> None:
    texts = [block.text for block in BLOCKS if block.language == "python"]
    assert EXAMPLES and [path.name for path in EXAMPLES if path.read_text(encoding="utf-8") not in texts] == []


# corruptions


@pytest.mark.parametrize("law", [LOST30, RowNoise(25)], ids=lambda law: type(law).__name__)
def test_corruptions_pass_the_tests_of_every_row(law: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(laws.LAWS, "theirs", law)
    monkeypatch.setitem(gradients.CASES, "theirs", law)
    laws.test_simulator_agrees_with_the_law("theirs")
    laws.test_randomness_is_the_argument("theirs")
    gradients.test_the_gradient_is_that_of_its_kind("theirs")


def test_what_lost_pixels_are() -> None:
    image = np.full((64, 64, 3), 0.5)
    y = LOST30.corrupt(image, RandomState(0))
    assert np.isin(y, (0.0, 0.5)).all() and (y == y[..., :1]).all() and abs((y == 0).mean() - 0.3) < 0.03
    x = torch.rand(4, 3, 16, 16, dtype=torch.float64).add(0.1).requires_grad_()
    y = LOST30.simulate(x, torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, (y != 0).double()), "through the pixels that are kept, and no others"
    with pytest.raises(UserError, match="rate=2"):
        LostPixels(2)


@pytest.mark.usefixtures("_few_images")
def test_a_corruption_of_ones_own_is_observed(tmp_path: Path) -> None:
    told = {"setting": "shapes", "model": "ambientgan"}
    out = assert_goes_on_exactly(tmp_path, {"corruption": LOST30}, **told, accumulate=2)
    with pytest.raises(UserError, match=r"LostPixels\(rate=0\.3\).*again"):
        train(config(out, **told, accumulate=2), resume=True, corruption=LostPixels(0.5))
    model = TrainedModel.load(out)
    assert model.setting.corruption == LOST30 and model.sampler is None
    lost = model.observe(0, range(100)).parts["noisy"] == -1  # black, in signed range
    assert abs(float(lost.float().mean()) - 0.3) < 0.03
    records = evaluate(out, Protocol(("fid",), 450, "observed"))
    assert [*records[0].results] == ["fid[random_convolutions]"]
    generate(out, tmp_path / "images", 3, extras=("noisy",))
    assert len(list((tmp_path / "images").glob("*-noisy.png"))) == 3
    with pytest.raises(UserError, match="adds no noise"):
        generate(out, tmp_path / "more", 3, extras=("noise",))


@pytest.mark.usefixtures("_few_images")
def test_additive_noise_of_ones_own_is_a_noise_sampler(tmp_path: Path) -> None:
    out = run(tmp_path / "run", objects={"corruption": RowNoise(25)}, setting="shapes", model="ambientgan")
    noise = TrainedModel.load(out).observe(0, range(100)).parts["noise"]
    assert torch.equal(noise, noise[:, :1, :, :1].expand_as(noise)) and 15 < float(noise.std()) * 127.5 < 35


# models


@pytest.mark.usefixtures("_few_images")
def test_a_row_of_other_invariances(tmp_path: Path) -> None:
    out = assert_goes_on_exactly(tmp_path, {"model": MIRRORED})
    assert read_config(out)["model"] == "given"
    assert TrainedModel.load(out, model=MIRRORED).sampler is not None


@pytest.mark.usefixtures("_few_images")
def test_a_network_of_an_observer_is_kept_whatever_its_class(tmp_path: Path) -> None:
    objects = {"model": OneLevel()}
    out = assert_goes_on_exactly(tmp_path, objects)
    with pytest.raises(UserError, match=r"was trained with model=OneLevel\(.*give the same to TrainedModel.load"):
        TrainedModel.load(out)
    model = TrainedModel.load(out, **objects)
    averaged = load_file(out / "checkpoint.safetensors")["averaged/observer.level.logarithm"]
    assert torch.equal(model.pair.observer.level.logarithm, averaged) and float(averaged) != -2
    assert isinstance(model.sampler, NoiseSampler)
    noise = model.observe(0, range(100)).parts["noise"]
    assert abs(float(noise.std() / averaged.exp()) - 1) < 0.02


def test_what_no_snapshot_would_keep_is_refused_at_once(tmp_path: Path) -> None:
    class Bare(OneLevelObserver):
        def __init__(self, setting: Any) -> None:
            super().__init__(setting)
            self.offset = nn.Parameter(torch.zeros(()))

    @dataclass(frozen=True, kw_only=True)
    class BareLevel(OneLevel):
        def observer(self, setting: Any, family: Any, sizes: Any) -> Any:
            return Bare(setting)

    with pytest.raises(TypeError, match="Bare: put offset into a module of its own"):
        train(config(tmp_path / "run"), model=BareLevel())
    assert not (tmp_path / "run").exists()


# networks


def test_a_family_passes_the_tests_of_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "theirs", SMALL)
    families.test_networks_are_of_their_sizes("theirs")
    families.test_samples_of_a_batch_do_not_meet("theirs")
    for kind in ("generator", "discriminator"):
        families.test_weights_come_from_the_given_generator_alone("theirs", kind)
        families.test_every_weight_is_used("theirs", kind)


def count(network: nn.Module, *_: object) -> None:
    network.passes += torch.is_grad_enabled()


class CountingMLP(MLP):
    """Its generators count their passes with gradients, in a persistent buffer."""

    def generator(self, sizes: Any) -> nn.Module:
        network = super().generator(sizes)
        network.register_buffer("passes", torch.zeros((), dtype=torch.int64))
        network.register_forward_hook(count)
        return network


@pytest.mark.usefixtures("_few_images")
def test_a_family_of_ones_own(tmp_path: Path) -> None:
    objects = {"network": SMALL}
    out = assert_goes_on_exactly(tmp_path, objects, evaluate_every=3, evaluate_samples=450)
    assert (out / "best" / "model.safetensors").is_file() and list(out.glob("metric-*.jsonl"))
    with pytest.raises(UserError, match=r"was trained with network=<extending\.mlp\.MLP object>; give the same"):
        TrainedModel.load(out)
    model = TrainedModel.load(out, **objects)
    assert model.about.network == "given" and model.sample(2).shape == (2, 16, 16, 3)
    assert [image.index for image in model.in_own_values(seed=0, count=2, first=7)] == [7, 8]
    assert np.array_equal(model.sample(1, first=7)[0], model.sample(8)[7])


@pytest.mark.usefixtures("_few_images")
def test_persistent_buffers_are_copied_into_the_average_and_kept(tmp_path: Path) -> None:
    out = assert_goes_on_exactly(tmp_path, {"network": CountingMLP()})
    kept = load_file(out / "checkpoint.safetensors")
    # every iteration but the first updates the generator
    assert int(kept["generators/generator.passes"]) == int(kept["averaged/generator.passes"]) == 5
    assert int(TrainedModel.load(out, network=CountingMLP()).pair.generator.passes) == 5


# objectives


@dataclass(frozen=True)
class Relativistic(Objective):
    """G: E log(1 + e^−(D(fake) − D(real))); D the other way round. Jolicoeur-Martineau 2018."""

    names: ClassVar[tuple[str, ...]] = ("generator", "discriminator", "r1")
    needs_real: ClassVar[bool] = True

    def generator_losses(self, fake: Tensor, real: Tensor | None) -> Losses:
        assert real is not None and not real.requires_grad
        return {"generator": F.softplus(real - fake).mean()}

    def discriminator_losses(self, real: Tensor, fake: Tensor) -> Losses:
        return {"discriminator": F.softplus(fake - real).mean()}


def losses_of(out: Path) -> list[str]:
    """The names of the last line of losses, in their order."""
    return [name for name in read_metrics(out / "metrics.jsonl")[-1] if name not in ("iteration", "images_per_second")]


@pytest.mark.usefixtures("_few_images")
def test_an_objective_of_ones_own(tmp_path: Path) -> None:
    out = assert_goes_on_exactly(tmp_path, {"objective": Hinge(r1_weight=1.0)})
    assert losses_of(out) == ["generator", "diversity", "real", "fake", "r1"]
    assert TrainedModel.load(out).about.objects == {"objective": "Hinge(r1_weight=1.0)"}, "not needed to generate"


def test_what_hinge_is() -> None:
    real, fake = torch.tensor([0.0, 3.0]), torch.tensor([-0.5, -2.0])
    assert {name: float(loss) for name, loss in Hinge().discriminator_losses(real, fake).items()} == {
        "real": 0.5,
        "fake": 0.25,
    }
    assert float(Hinge().generator_losses(fake, None)["generator"]) == 1.25


@pytest.mark.usefixtures("_few_images")
def test_an_objective_that_needs_real_images_has_them(tmp_path: Path) -> None:
    objects = {"objective": Relativistic()}
    with pytest.raises(UserError, match="generator_batch_size 8: Relativistic compares them with as many real ones"):
        train(config(tmp_path / "run"), **objects)
    out = assert_goes_on_exactly(tmp_path, objects, generator_batch_size=4, accumulate=2)
    assert losses_of(out) == ["generator", "diversity", "discriminator", "r1"]


@pytest.mark.usefixtures("_few_images")
def test_a_loss_without_a_name_is_refused(tmp_path: Path) -> None:
    class Nameless(Hinge):
        names = ("generator", "real")

    with pytest.raises(ValueError, match=r"losses \['fake', 'r1'\]: an objective says all names"):
        run(tmp_path / "run", objects={"objective": Nameless()})


# objects and names


@pytest.mark.parametrize("name", ["model", "network", "objective"])
def test_a_given_object_is_not_forgotten(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"{name} given: is an object of your own; give it to train\(…, {name}=…\)"):
        train(config(tmp_path / "run", **{name: "given"}))


@pytest.mark.parametrize(
    ("name", "value"), [("corruption", LostPixels), ("model", "gan"), ("network", MLP), ("objective", Hinge)]
)
def test_what_is_no_object_of_its_kind_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"{name} .*: is no {name.capitalize() if name != 'network' else 'Family'}"):
        train(config(tmp_path / "run"), **{name: value})


@pytest.mark.usefixtures("_few_images")
def test_nothing_is_imported_because_a_file_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = run(tmp_path / "run", objects={"corruption": LOST30}, setting="shapes", model="ambientgan")
    (tmp_path / "hostile.py").write_text("class Evil:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    (about,) = out.glob("snapshots/*/about.json")
    document = json.loads(about.read_text())
    assert document["corruption"] == {"law": "extending.lost_pixels:LostPixels", "rate": 0.3}
    about.write_text(json.dumps(document | {"corruption": {"law": "hostile:Evil", "rate": 0.3}}))
    write_manifest(about.parent)
    loaded = set(sys.modules)
    with pytest.raises(UserError, match="the corruption hostile:Evil is not known here; import the module") as refused:
        TrainedModel.load(out)
    assert "\n" not in str(refused.value) and set(sys.modules) == loaded
    assert TrainedModel.load(out, corruption=LOST30).setting.corruption == LOST30, "a given one is taken instead"


# installed packages

PACKAGE = "extra"
"""The name that the page gives to the package of its examples."""


def install(site: Path, entry_points: dict[str, dict[str, str]]) -> Path:
    """Lays the examples into a folder as an installed package with these entry points."""
    (site / PACKAGE).mkdir(parents=True)
    for path in EXAMPLES:
        shutil.copy(path, site / PACKAGE)
    (site / PACKAGE / "__init__.py").touch()
    about = site / f"{PACKAGE}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n")
    lines = []
    for group, rows in entry_points.items():
        lines += [f"[{group}]", *(f"{name} = {where}" for name, where in rows.items())]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return site


def offered_by_the_page() -> dict[str, dict[str, str]]:
    (block,) = [block for block in BLOCKS if block.language == "toml"]
    return tomllib.loads(block.text)["project"]["entry-points"]


def test_rows_of_an_installed_package_are_as_ours(tmp_path: Path) -> None:
    site = {"PYTHONPATH": str(install(tmp_path / "site", offered_by_the_page()))}
    listed = nrgan_process("list", **site)
    assert listed.returncode == 0, listed.stderr
    for name in ("cifar10lost30", "shapes-lost30", "mirrored", "mirror", "mlp", "hinge"):
        assert f" {name} " in listed.stdout, name
    out = tmp_path / "run"
    (block,) = [block for block in BLOCKS if block.language == "text"]
    words = [str(out) if word == "outputs" else word for word in shlex.split(block.text)[1:]]
    small = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", value)]
    trained = nrgan_process(*words, *small, **site)
    assert trained.returncode == 0, trained.stderr
    config = read_config(out)
    assert (config["model"], config["network"], config["objective"]) == ("mirrored", "mlp", "hinge")
    assert json.loads((out / "run.json").read_text())["objects"] == {}
    assert losses_of(out) == ["generator", "diversity", "real", "fake", "r1"]
    made = nrgan_process("generate", out, "--out", tmp_path / "images", "--count", 2, **site)
    assert made.returncode == 0, made.stderr
    without = nrgan_process("generate", out, "--out", tmp_path / "more", "--count", 2)
    assert without.returncode == 2 and without.stderr.count("\n") == 1 and "extra.lost_pixels" in without.stderr


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs entry points for this process, and lets them go again."""

    def forget() -> None:
        for kept in (plugins._offered, all_corruptions, all_settings):
            kept.cache_clear()

    def begin(**rows: str) -> None:
        groups = {f"nrgan.{group}": {"theirs": where} for group, where in rows.items()}
        monkeypatch.syspath_prepend(install(tmp_path / "site", groups))
        forget()

    yield begin
    forget()


FINDERS: dict[str, Callable[[str], object]] = {
    "corruptions": lambda name: find_setting(f"shapes-{name}"),
    "models": lambda name: find_model(name, SETTINGS["shapes"]),
    "invariances": find_invariance,
    "families": find_family,
    "objectives": find_objective,
}


@pytest.mark.usefixtures("_few_images")
def test_an_invariance_of_an_installed_package_is_as_ours(installed: Callable[..., None], tmp_path: Path) -> None:
    installed(invariances="extra.mirrored:MIRROR")
    out = run(tmp_path / "run", model="learned", invariances="theirs,invert")
    (mirrored, _) = TrainedModel.load(out).pair.observer.invariances
    assert mirrored.__module__ == "extra.mirrored" and mirrored.__name__ == "mirror"


@pytest.mark.parametrize("group", FINDERS)
@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("extra.missing:ROW", r"cannot be imported \(No module named 'extra.missing'\)"),
        ("extra.hinge:Missing", "cannot be imported"),
        ("extra.row_noise:dataclass", "is no row of this table but <function dataclass"),
    ],
)
def test_a_broken_entry_point_is_one_clear_error(
    installed: Callable[..., None], group: str, where: str, why: str
) -> None:
    installed(**{group: where})
    with pytest.raises(UserError, match=rf"nrgan\.{group}: {where}, which extra offers as 'theirs', {why}") as refused:
        FINDERS[group]("theirs")
    assert "\n" not in str(refused.value)
    ours = {
        "corruptions": "ag25",
        "models": "gan",
        "invariances": "flips",
        "families": "resnet",
        "objectives": "logistic",
    }[group]
    assert FINDERS[group](ours) is not None, "our own rows need no other package"
