"""Models go to the Hub and come back: a hub on this machine takes what is sent, and gives it again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from huggingface_hub import ModelCard, constants

from conftest import TINY, nrgan, nrgan_process
from local_hub import LocalHub, environment_of, known_to, local_hub
from nrgan import Denoiser, Generator, NoiseSampler, TrainConfig, TrainedModel, UserError, publish, train
from nrgan.denoising.denoiser import named
from nrgan.errors import Damaged
from nrgan.manifest import write_manifest
from nrgan.publishing.publish import Publication
from nrgan.runs.records import Record, append
from nrgan.runs.snapshot import add_to_about
from small_denoiser import write_denoiser

REPO = "you/clean-cells"
IN_ALL = {
    *("README.md", "SHA256SUMS", "about.json", "config.json", "model.safetensors"),
    *("noise_generator/config.json", "noise_generator/model.safetensors"),
    *("denoiser/SHA256SUMS", "denoiser/about.json", "denoiser/config.json", "denoiser/model.safetensors"),
}
OTHERS = Record("fid50k-mine", {"fid[mine]": 3.25}, 6, 50, "clean", "mine", "ab" * 32, "key", 400, 0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("publish") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NRGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        for _ in train(TrainConfig(setting="shapes-ag25", model="sinrgan2", out=out, **TINY)):
            pass
    append(out, OTHERS)
    return out


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from nrgan.networks.unet import UNetSizes

    return write_denoiser(tmp_path_factory.mktemp("publish") / "denoiser", UNetSizes(3, 4, 2, 1))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with local_hub() as started:
        known_to(started, monkeypatch)
        yield started


def listed(output: str) -> set[str]:
    return {line.split()[-1] for line in output.splitlines() if " bytes  " in line}


def test_what_is_listed_is_sent_and_nothing_else(run: Path, denoiser: Path, hub: LocalHub, tmp_path: Path) -> None:
    done = nrgan("publish", run, "--repo", REPO, "--denoiser", denoiser, "--licence", "cc-by-4.0", "--private")
    assert done.returncode == 0, done.stderr
    assert listed(done.stdout) == IN_ALL == hub.files[REPO].keys() - {".gitattributes"}
    assert hub.private[REPO]
    for name, size in ((line.split()[-1], line.split()[0]) for line in done.stdout.splitlines() if " bytes  " in line):
        assert int(size.replace(",", "")) == len(hub.files[REPO][name])

    model = TrainedModel.from_pretrained(REPO, cache_dir=tmp_path)
    kept, inner = TrainedModel.load(run), Denoiser.load(denoiser)
    assert np.array_equal(model.sample(3, seed=4), kept.sample(3, seed=4))
    assert isinstance(model.sampler, NoiseSampler)
    assert torch.equal(model.observe(1, range(100)).parts["noise"], kept.observe(1, range(100)).parts["noise"])
    assert np.array_equal(Generator.from_pretrained(f"hf://{REPO}", cache_dir=tmp_path).sample(2), kept.sample(2))
    back = Denoiser.from_pretrained(REPO, cache_dir=tmp_path)
    noisy = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert back.about == inner.about and torch.equal(back(noisy), inner(noisy))


def test_files_are_denoised_by_a_denoiser_of_the_hub(
    run: Path, denoiser: Path, hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    grey = write_denoiser(tmp_path / "grey")
    tifffile.imwrite(tmp_path / "cell.tif", np.random.default_rng(0).integers(104, 4096, (40, 40), np.uint16))
    publish(grey, REPO)
    for number, by in enumerate((grey, f"hf://{REPO}")):
        done = nrgan("denoise", tmp_path / "cell.tif", tmp_path / f"clean-{number}", "--with", by)
        assert done.returncode == 0, done.stderr
    ours, theirs = (tifffile.imread(tmp_path / f"clean-{number}" / "cell.tif") for number in (0, 1))
    assert np.array_equal(ours, theirs)
    publish(run, "you/both", denoiser=denoiser)
    assert Denoiser.load(named("hf://you/both")).channels == 3


def test_everything_is_listed_before_the_first_request(run: Path, hub: LocalHub) -> None:
    seen: list[Publication] = []

    def look(made: Publication) -> None:
        assert not hub.requests
        seen.append(made)

    assert publish(run, REPO, dry_run=True, listing=look) is None and not hub.requests
    sent = publish(run, REPO, listing=look)
    assert sent is not None and sent.address == f"{hub.address}/{REPO}" and len(seen) == 2
    assert {file.name for file in seen[1].files} == hub.files[REPO].keys() - {".gitattributes"}


def test_a_dry_run_shows_the_files_and_the_card_and_asks_nobody(run: Path, hub: LocalHub) -> None:
    done = nrgan("publish", run, "--repo", REPO, "--dry-run")
    assert done.returncode == 0 and "nothing was sent" in done.stdout and not hub.requests
    assert listed(done.stdout) == {name for name in IN_ALL if not name.startswith("denoiser/")}
    assert "## What it must not be used for" in done.stdout and "no licence is given" in done.stdout


def test_the_program_itself_sends_to_the_endpoint_that_is_named(run: Path, hub: LocalHub, tmp_path: Path) -> None:
    done = nrgan_process("publish", run, "--repo", REPO, **environment_of(hub, str(tmp_path)))
    assert done.returncode == 0, done.stderr
    assert listed(done.stdout) == hub.files[REPO].keys() - {".gitattributes"}


def test_the_card_says_what_is_known_and_by_which_protocol(run: Path, denoiser: Path) -> None:
    cards: list[str] = []
    for licence, images in (("mit", "Drawn shapes, by this program."), (None, None)):
        publish(run, REPO, denoiser=denoiser, licence=licence, images=images, dry_run=True,
                listing=lambda made: cards.append(made.card))  # fmt: skip
    full, bare = cards
    data = ModelCard(full).data
    assert (data.license, data.library_name) == ("mit", "nrgan") and ModelCard(bare).data.license is None
    assert data.pipeline_tag == "unconditional-image-generation" and data.eval_results is None
    assert "Drawn shapes, by this program." in full and "The owner has given none" in bare
    assert "| fid[mine] 3.25 | 50 | clean images | 400 | mine (abababababab) | 0 |" in full
    assert "**is not FID**" in full
    assert "A generated image shows nothing that exists" in full and "A restored image is an estimate" in full
    publish(denoiser, REPO, dry_run=True, listing=lambda made: cards.append(made.card))
    assert "generated image" not in cards[-1] and ModelCard(cards[-1]).data.pipeline_tag == "image-to-image"
    assert "Nothing has been measured" in cards[-1]


def test_what_an_earlier_publication_left_is_removed_and_the_owners_files_stay(
    run: Path, denoiser: Path, hub: LocalHub
) -> None:
    publish(run, REPO, denoiser=denoiser)
    hub.files[REPO]["picture.png"] = b"the owner's"
    sent = publish(run, REPO)
    assert sent is not None and set(sent.removed) == {name for name in IN_ALL if name.startswith("denoiser/")}
    assert "picture.png" in hub.files[REPO] and "denoiser/about.json" not in hub.files[REPO]


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        ({"repos/create": 401}, "hf auth login"),
        ({"repos/create": 500}, "the Hub did not take it"),
        ({"/tree/": 400}, "the Hub did not take it"),
        ({"/large/": 400}, "the Hub did not take it"),
        ({"/commit/": 403}, "HF_TOKEN"),
        ({"/commit/": 500}, "the Hub did not take it"),
    ],
)
def test_a_refusal_is_one_line_and_nothing_half_sent_is_there(
    fail: dict[str, int], words: str, run: Path, hub: LocalHub
) -> None:
    hub.fail = fail
    done = nrgan("publish", run, "--repo", REPO)
    said = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode == 2 and len(said) == 1 and words in said[0], done.stderr
    assert "Traceback" not in done.stderr
    assert not hub.files.get(REPO, {}).keys() - {".gitattributes"}


def test_a_wrong_token_is_said(run: Path, hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    with pytest.raises(UserError, match="hf auth login"):
        publish(run, REPO)


def test_what_changes_on_the_way_is_seen(run: Path, denoiser: Path, hub: LocalHub, tmp_path: Path) -> None:
    publish(run, REPO, denoiser=denoiser)
    whole = dict(hub.files[REPO])
    for number, name in enumerate(("model.safetensors", "noise_generator/model.safetensors", "about.json")):
        content = bytearray(whole[name])
        content[-2] ^= 1
        hub.files[REPO] = whole | {name: bytes(content)}
        with pytest.raises(Damaged, match=name):
            TrainedModel.from_pretrained(REPO, cache_dir=tmp_path / str(number))
    hub.files[REPO] = whole | {"denoiser/model.safetensors": whole["denoiser/model.safetensors"][:-1]}
    with pytest.raises(Damaged, match="denoiser"):
        Denoiser.from_pretrained(REPO, cache_dir=tmp_path / "denoiser")
    hub.files[REPO] = {name: content for name, content in whole.items() if name != "SHA256SUMS"}
    with pytest.raises(Damaged, match="SHA256SUMS"):
        TrainedModel.from_pretrained(REPO, cache_dir=tmp_path / "none")


def test_only_our_kinds_of_files_are_fetched(run: Path, hub: LocalHub, tmp_path: Path) -> None:
    publish(run, REPO)
    hub.files[REPO] |= {"setup.py": b"import os", "weights.pkl": b"\x80", "noise_generator/hook.py": b""}
    TrainedModel.from_pretrained(REPO, cache_dir=tmp_path)
    asked = [request for request in hub.requests if "/resolve/" in request]
    assert asked and not any(name in request for request in asked for name in (".py", ".pkl", "README"))


def test_what_is_here_wins_and_errors_say_where_was_looked(
    run: Path, hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for load in (TrainedModel.from_pretrained, Generator.from_pretrained, Denoiser.from_pretrained):
        with pytest.raises(UserError, match=r"you/nothing: there is no such folder here, and .* the Hub"):
            load("you/nothing", cache_dir=tmp_path / "cache")
        with pytest.raises(UserError, match=r"hf://you/nothing: cannot be fetched from the Hub"):
            load("hf://you/nothing", cache_dir=tmp_path / "cache")
    hub.files["you/empty"] = {"README.md": b""}
    with pytest.raises(UserError, match=r"holds no model\.safetensors"):
        TrainedModel.from_pretrained("you/empty", cache_dir=tmp_path / "cache")
    hub.requests.clear()
    shutil.copytree(run, REPO)
    assert TrainedModel.from_pretrained(REPO).run == Path(REPO).absolute()
    for path in (Path("you/nothing"), "./you/nothing", str(tmp_path / "nothing")):
        with pytest.raises(UserError, match="neither a snapshot"):
            TrainedModel.from_pretrained(path)
    assert not hub.requests


@pytest.mark.parametrize("repo", ["cells", "you/", "you/a b", "a/b/c", "you/../x", "-a/b"])
def test_a_name_that_the_hub_has_not_is_refused(repo: str, run: Path) -> None:
    with pytest.raises(UserError, match="OWNER/NAME"):
        publish(run, repo, dry_run=True)


def test_a_denoiser_of_other_images_is_refused(run: Path, tmp_path: Path) -> None:
    grey = write_denoiser(tmp_path / "grey")
    with pytest.raises(UserError, match="takes images of 1 channels"):
        publish(run, REPO, denoiser=grey, dry_run=True)
    with pytest.raises(UserError, match="is a denoiser itself"):
        publish(grey, REPO, denoiser=grey, dry_run=True)


def test_a_damaged_snapshot_is_not_sent(run: Path, tmp_path: Path, hub: LocalHub) -> None:
    (snapshot,) = (run / "snapshots").iterdir()
    damaged = Path(shutil.copytree(snapshot, tmp_path / "damaged"))
    with (damaged / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(Damaged):
        publish(damaged, REPO)
    assert not hub.requests and hub.address == constants.ENDPOINT


def test_what_a_snapshot_says_beyond_its_format_stays_here(run: Path, tmp_path: Path) -> None:
    (snapshot,) = (run / "snapshots").iterdir()
    own = Path(shutil.copytree(snapshot, tmp_path / "own"))
    (own / "notes.txt").write_text("mine")
    add_to_about(own, remark="/data/of/mine")
    write_manifest(own)
    files: dict[str, str] = {}

    def look(made: Publication) -> None:
        files.update({f.name: f.path.read_text() for f in made.files if f.name.endswith((".json", ".md", "SUMS"))})

    publish(own, REPO, dry_run=True, listing=look)
    assert "about.json" in files and not any("mine" in text or "remark" in text for text in files.values())
