"""Generator and discriminator: shapes, starts, sampling, and files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import modules_after
from nrgan import Generator, UserError
from nrgan.networks import Discriminator, initialise
from nrgan.networks.resnet.blocks import PlainBlock
from nrgan.networks.resnet.reference_names import from_reference
from nrgan.networks.resnet.sizes import up_blocks


def small(seed: int = 0) -> Generator:
    generator = Generator(latent_size=4, image_size=16, channels=4)
    initialise(generator, torch.Generator().manual_seed(seed))
    return generator


@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_shapes_and_range(size: int) -> None:
    image = Generator(5, size, 3, 4)(torch.randn(2, 5)).detach()
    assert image.shape == (2, 3, size, size) and float(image.abs().max()) <= 1
    assert Discriminator(3, 4)(image).shape == (2,)
    assert Discriminator(3, 4)(image[:1]).shape == (1,), "a batch of one keeps its dimension"


BLOCKS = {8: 3, 16: 3, 24: 3, 32: 3, 40: 3, 48: 3, 56: 3, 64: 4, 80: 4, 96: 4, 128: 5, 192: 5, 256: 6}


@pytest.mark.parametrize(("size", "blocks"), BLOCKS.items())
@pytest.mark.parametrize("image_channels", [1, 5, 16])
def test_depth_follows_the_size(size: int, blocks: int, image_channels: int) -> None:
    generator = Generator(5, size, image_channels, 2)
    assert up_blocks(size) == len(generator.blocks) == blocks
    assert generator.start_size * 2**blocks == size and (generator.start_size >= 4 or blocks == 3)
    image = generator(torch.randn(2, 5)).detach()
    assert image.shape == (2, image_channels, size, size) and float(image.abs().max()) <= 1
    assert generator.sample(1).shape == (1, size, size, image_channels)

    discriminator = Discriminator(image_channels, 2, image_size=size)
    assert [type(block) is PlainBlock for block in discriminator.blocks] == [False] * (blocks - 1) + [True] * 2
    features = []
    discriminator.blocks[-1].register_forward_hook(lambda *call: features.append(call[-1].shape))
    assert discriminator(image).shape == (2,)
    assert features == [(2, 2, 2 * generator.start_size, 2 * generator.start_size)]


def test_the_published_networks_start_as_recorded() -> None:
    """At 32 pixels and 3 channels: names, order, shapes, and the numbers from a seed, so that checkpoints stay good."""
    start = torch.Generator().manual_seed(0)
    networks = Generator(), Discriminator()
    for network in networks:
        initialise(network, start)
    layers = [[name for name, _ in network.named_parameters() if name.endswith("weight")] for network in networks]
    whole = ("shortcut", "conv1", "conv2")
    assert layers[0] == [
        "start.weight",
        *(f"blocks.{i}.{layer}.weight" for i in range(3) for layer in whole),
        "finish.weight",
    ]
    assert layers[1] == [
        *(f"blocks.{i}.{layer}.weight" for i in range(2) for layer in whole),
        *(f"blocks.{i}.{layer}.weight" for i in (2, 3) for layer in whole[1:]),
        "finish.weight",
    ]
    assert all(list(n.state_dict()) == [name for name, _ in n.named_parameters()] for n in networks)
    # a number late in the series is right only if all before it were drawn as ever
    recorded = {
        (0, "start.weight"): (-0.00039313669549301267, 6882.613879728194),
        (0, "blocks.1.conv1.weight"): (0.06002826988697052, 5327.413999453584),
        (0, "finish.weight"): (-0.03526628762483597, 123.68256733903581),
        (1, "blocks.1.conv2.weight"): (-0.05880114808678627, 5334.962029878301),
        (1, "finish.weight"): (-0.18868288397789001, 13.812298717180965),
    }
    for (which, name), (first, total) in recorded.items():
        values = networks[which].state_dict()[name].double()
        assert (float(values.flatten()[0]), float(values.abs().sum())) == pytest.approx((first, total), rel=1e-6)


def test_published_sizes() -> None:
    count = sum(p.numel() for p in Generator().parameters()), sum(p.numel() for p in Discriminator().parameters())
    # linear + 3 blocks of (1x1 + two 3x3) + output; the reference prints the same numbers
    block = (128 * 128 + 128) + 2 * (9 * 128 * 128 + 128)
    plain = 2 * (9 * 128 * 128 + 128)
    assert count[0] == (128 * 2048 + 2048) + 3 * block + (27 * 128 + 3)
    assert count[1] == (3 * 128 + 128) + (27 * 128 + 128) + (9 * 128 * 128 + 128) + block + 2 * plain + 129


@pytest.mark.parametrize("size", [-8, 0, 4, 20, 264, 512])
def test_sizes_that_do_not_fit_are_refused(size: int) -> None:
    for network in (Generator, Discriminator):
        with pytest.raises(
            UserError, match=f"image_size {size}: must be a (multiple of 8, from 8 to 256|whole number)"
        ):
            network(image_size=size)


@pytest.mark.parametrize("channels", [0, 145])
def test_channels_that_do_not_fit_are_refused(channels: int) -> None:
    with pytest.raises(
        UserError, match=f"{channels} channels: images have from 1 to 16|image_channels 0: must be a whole"
    ):
        Generator(image_channels=channels)


def test_start_is_glorot_with_the_layers_gains() -> None:
    discriminator = Discriminator(3, 64)
    initialise(discriminator, torch.Generator().manual_seed(0))
    block = discriminator.blocks[1]
    for layer, gain, size in ((block.conv1, 2**0.5, 9), (block.conv2, 2**0.5, 9), (block.shortcut, 1, 1)):
        bound = gain * (6 / (64 * size + 64 * size)) ** 0.5
        assert float(layer.weight.detach().abs().max()) <= bound
        assert float(layer.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.05)
        assert float(layer.bias.detach().abs().max()) == 0


def test_start_follows_its_generator_and_nothing_else() -> None:
    before = torch.get_rng_state()
    one, two, other = small(3), small(3), small(4)
    assert torch.equal(torch.get_rng_state(), before), "torch's global generator is left alone"
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.start.weight, other.start.weight)


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_a_network_made_by_hand_has_good_weights(network: type[torch.nn.Module]) -> None:
    before = torch.get_rng_state()
    made = network(channels=8)
    assert torch.equal(torch.get_rng_state(), before)
    drawn = network(channels=8)
    initialise(drawn, torch.Generator().manual_seed(5))
    for (name, one), two in zip(made.named_parameters(), drawn.parameters(), strict=True):
        spread, expected = (float(w.detach().std(correction=0)) for w in (one, two))
        assert spread == pytest.approx(expected, rel=0.3) if name.endswith("weight") else spread == 0


def test_samples_are_numbered_and_repeatable() -> None:
    generator = small()
    ten = generator.sample(10, seed=5)
    assert ten.shape == (10, 16, 16, 3) and ten.dtype == np.uint8
    assert np.array_equal(ten[7:9], generator.sample(2, seed=5, first=7))
    assert np.array_equal(generator.sample(3, seed=5, first=99), generator.sample(250, seed=5)[99:102])
    assert np.array_equal(ten, generator.sample(10, seed=5))
    assert not np.array_equal(ten, generator.sample(10, seed=6))
    assert generator.sample(0).shape == (0, 16, 16, 3)


def test_saved_and_loaded(tmp_path: Path) -> None:
    generator = small()
    generator.save_pretrained(tmp_path / "g")
    assert {"config.json", "model.safetensors", "README.md"} <= {f.name for f in (tmp_path / "g").iterdir()}
    again = Generator.from_pretrained(tmp_path / "g")
    assert np.array_equal(again.sample(3), generator.sample(3))
    assert json.loads((tmp_path / "g" / "config.json").read_text())["image_size"] == 16


@pytest.mark.parametrize("damage", ["cut", "config", "a list", "other sizes"])
def test_a_damaged_snapshot_is_refused(tmp_path: Path, damage: str) -> None:
    small().save_pretrained(tmp_path)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:100])
    elif damage == "config":
        config.write_text("{")
    elif damage == "a list":
        config.write_text("[]")
    else:
        config.write_text(json.dumps({**json.loads(config.read_text()), "channels": 8}))
    with pytest.raises(
        UserError,
        match=r"cannot be read|damaged or cut short|config\.json: should hold|another network: \S+ is float32",
    ):
        Generator.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", ["latent_size", "image_size", "image_channels", "channels", "residual_scale"])
def test_a_field_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    small().save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({k: v for k, v in json.loads(config.read_text()).items() if k != name}))
    with pytest.raises(UserError, match="should hold") as raised:
        Generator.from_pretrained(tmp_path)
    expected, found = str(raised.value).split(", and holds ")
    assert name in expected and name not in found.split(", ")


def test_a_path_is_never_looked_for_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(repository: str, **options: object) -> str:
        asked.append((repository, options["revision"]))
        return str(tmp_path / "fetched")

    monkeypatch.setattr("nrgan.pretrained.snapshot_download", fetch)
    monkeypatch.chdir(tmp_path)
    for path in ("./you/model", tmp_path / "you" / "model", Path("you/model")):
        with pytest.raises(UserError, match="neither a snapshot"):
            Generator.from_pretrained(path)
    assert not asked
    generator = small()
    generator.save_pretrained(tmp_path / "fetched")
    fetched = Generator.from_pretrained("hf://you/model", revision="v1")
    assert asked == [("you/model", "v1")] and np.array_equal(fetched.sample(2), generator.sample(2))
    config = tmp_path / "fetched" / "config.json"
    config.write_text(config.read_text().replace('"channels": 4', '"channels": 60000'))
    with pytest.raises(UserError, match="is of another network"):
        Generator.from_pretrained("hf://you/model", revision="v1")


@pytest.mark.parametrize("name", ["hf://", "hf://a/b/c/d", "hf://nobody/nothing"])
def test_what_the_hub_does_not_give_is_said_in_a_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="cannot be fetched from the Hub") as refused:
        Generator.from_pretrained(name, local_files_only=True)
    assert "\n" not in str(refused.value)


def test_a_folder_without_snapshots_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a snapshot"):
        Generator.from_pretrained(tmp_path)


def test_pushing_uploads_the_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """push_to_hub hands the Hub's client a folder that loads again."""
    from huggingface_hub import HfApi

    uploaded: dict[str, np.ndarray] = {}

    def upload_folder(self: HfApi, *, folder_path: str | Path, **_: object) -> str:
        uploaded["samples"] = Generator.from_pretrained(Path(folder_path)).sample(2)
        return "https://hub/commit"

    class Repo:
        repo_id = "someone/model"

    monkeypatch.setattr(HfApi, "create_repo", lambda self, **_: Repo())
    monkeypatch.setattr(HfApi, "upload_folder", upload_folder)
    generator = small()
    generator.push_to_hub("someone/model")
    assert np.array_equal(uploaded["samples"], generator.sample(2))


SKETCHES = """
from pathlib import Path
import torch
from nrgan import TrainConfig
from nrgan.data import ImageSpec
from nrgan.frames import ValueRange
from nrgan.models import MODELS
from nrgan.training.plan import resolve
from nrgan.training.prepare import check_memory
for model in MODELS:
    config = TrainConfig(setting="shapes-mg25", model=model, out=Path("unused"))
    plan = resolve(config, ImageSpec(config.resolved_size, 3, ValueRange.of(0, 255, "uint8")))
    check_memory(plan, torch.device("cpu"))
"""


def test_networks_that_take_no_memory_load_no_compiler() -> None:
    """Every file of weights is compared with one; some of torch's operators would load torch's compiler for it."""
    assert not {"torch._dynamo", "sympy"} & modules_after(SKETCHES)


def test_unknown_reference_names_are_refused() -> None:
    with pytest.raises(ValueError, match="not a parameter"):
        from_reference({"block9.norm.weight": torch.zeros(1)}, "G")
