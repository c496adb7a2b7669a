"""Nothing that is made to be shared holds an absolute path, or a name of the machine or of its user."""

from __future__ import annotations

import base64
import getpass
import json
import os
import re
import shutil
import socket
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import nrgan as package
from conftest import TINY, nrgan
from nrgan import TrainedModel, publish
from nrgan.corruptions import Unknown, to_plain
from nrgan.data import OWN, Shapes
from nrgan.layout import BEST, CHECKPOINT, EARLIER_CHECKPOINT, LOCK, RUN, TENSORBOARD
from nrgan.publishing.publish import Publication
from nrgan.runs import SnapshotMetadata

TELLTALE = "telltale"
STAY = {RUN, CHECKPOINT, EARLIER_CHECKPOINT, LOCK, TENSORBOARD}
"""What a run needs on its machine, and nobody is given."""
SMALL = {name: value for name, value in TINY.items() if name not in ("image_size", "threads")}


def parts_of(content: bytes) -> Iterator[bytes]:
    """A file's bytes as they are, and what is packed in them: archives' members, pages' pictures, pictures' texts."""
    yield content
    if zipfile.is_zipfile(BytesIO(content)):
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from parts_of(archive.read(name))
    for packed in re.findall(rb";base64,([A-Za-z0-9+/=]+)", content):
        yield from parts_of(base64.b64decode(packed))
    if content.startswith(b"\x89PNG"):
        yield repr(Image.open(BytesIO(content)).info).encode()


def told(folder: Path, leave: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """Where below a folder something tells of this machine, but in the members that are left out."""
    secret = [TELLTALE, str(Path(package.__file__).parent), sys.prefix, os.path.realpath(sys.prefix)]
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder)
        if name.parts[0] in leave:
            continue
        for part in parts_of(path.read_bytes()):
            found += [f"{name}: {word}" for word in secret if word.encode() in part]
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user's folder of a telling name, with images in it and a user and a machine called so too."""
    home = tmp_path_factory.mktemp("shared") / f"{TELLTALE}-home"
    scans = home / f"{TELLTALE}-project" / "scans"
    scans.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i, scene in enumerate(Shapes(image_size=16, count=80).images()[..., :1]):
        noisy = np.clip(np.rint(scene * 10.0 + 300 + rng.normal(0, 120, scene.shape)), 0, 4095)
        tifffile.imwrite(scans / f"{i}.tif", noisy.astype(np.uint16)[..., 0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NRGAN_CACHE", str(home / "cache"))
        for name in ("USER", "LOGNAME", "HOSTNAME"):
            patch.setenv(name, f"{TELLTALE}-name")
        patch.setenv("HOME", str(home))
        patch.setattr(getpass, "getuser", lambda: f"{TELLTALE}-user")
        patch.setattr(socket, "gethostname", lambda: f"{TELLTALE}-host.local")
        patch.chdir(home)
        yield home


@pytest.fixture(scope="module")
def made(home: Path) -> Path:
    """A folder with all that commands make of the images, each as its user would name it, by whole paths."""
    scans, out = home / f"{TELLTALE}-project" / "scans", home / f"{TELLTALE}-results"
    options = [word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    for arguments in (
        ("train", scans, "sinrgan2", out / "run", *options, "--threads", 1, "--evaluate-every", 3,
         "--evaluate-samples", 60, "--evaluate-features", "small_convolutions", "--live"),
        ("evaluate", out / "run", "--samples", 60, "--features", "small_convolutions"),
        ("check-noise", out / "run", "--samples", 100),
        ("diagnose", scans, "--out", out / "diagnosis"),
        ("generate", out / "run", "--count", 2, "--out", out / "images", "--with", "noise,noisy"),
        ("train", scans, "gan", out / "run-b", *options, "--threads", 1),
        ("compare", out / "run", out / "run-b", "--out", out / "compared" / "comparison.png"),
        ("denoise", scans, out / "clean", "--iterations", 4, "--width", 4, "--threads", 1, "--judge"),
        ("report", out / "run", out / "run-b", "--out", out / "page" / "two.html"),
        ("report", out / "diagnosis", "--out", out / "page" / "diagnosis.html"),
        ("report", out / "clean-denoiser", "--out", out / "page" / "denoiser.html"),
        ("export", out / "run", out / "exported" / "generator.onnx"),
        ("export", out / "clean-denoiser", out / "exported" / "denoiser.onnx"),
        ("export", out / "clean-denoiser", out / "exported" / "denoiser.zip"),
    ):  # fmt: skip
        done = nrgan(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    return out


def test_what_commands_make_tells_of_nobody(made: Path) -> None:
    folders = {path.name for path in made.iterdir()}
    assert folders >= {"run", "run-b", "diagnosis", "images", "compared", "page", "clean", "clean-denoiser", "exported"}
    for name in sorted(folders):
        there = told(made / name, STAY)
        assert not there, (name, there)


def test_the_test_sees(made: Path, tmp_path: Path) -> None:
    assert told(made / "run", STAY - {RUN}), "the run itself has to know where its images are"
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.json", json.dumps({"path": f"/{TELLTALE}/x"}))
    assert told(tmp_path) == [f"a.zip: {TELLTALE}"]


def test_what_is_published_tells_of_nobody(made: Path, tmp_path: Path) -> None:
    def keep(publication: Publication) -> None:
        for file in publication.files:
            (tmp_path / file.name).parent.mkdir(exist_ok=True)
            shutil.copy(file.path, tmp_path / file.name)

    publish(made / "run", "you/cells", denoiser=made / "clean-denoiser", dry_run=True, listing=keep)
    assert (tmp_path / "README.md").is_file() and (tmp_path / "denoiser" / "about.json").is_file()
    assert not told(tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "`scans`, the owner's own files" in text and "fid[small_convolutions]" in text


def test_a_run_still_knows_its_images_and_a_snapshot_alone_their_name(made: Path, home: Path, tmp_path: Path) -> None:
    scans = home / f"{TELLTALE}-project" / "scans"
    for path in (made / "run", made / "run" / BEST, *(made / "run" / "snapshots").iterdir()):
        assert TrainedModel.load(path).about.setting == str(scans)
    alone = Path(shutil.copytree(made / "run" / BEST, tmp_path / "alone"))
    model = TrainedModel.load(alone)
    assert model.about.setting == "scans" and model.sample(2).shape == (2, 16, 16, 1)
    assert nrgan("select", made / "run", "--samples", 60, "--features", "small_convolutions").returncode == 0
    words = ("evaluate", alone, "--samples", 60, "--features", "small_convolutions", "--against", "observed")
    done = nrgan(*words)
    assert done.returncode == 2 and "scans" in done.stderr, done.stderr
    done = nrgan(*words, "--setting", scans)
    assert done.returncode == 0, done.stderr


def test_old_snapshots_with_whole_paths_are_shared_without_them() -> None:
    old = SnapshotMetadata("/data/telltale/cells", "gan", 3, source=OWN, corruption=to_plain(Unknown()), view="plain",
                           dark="/data/telltale/dark.tif")  # fmt: skip
    assert (old.plain()["setting"], old.plain()["dark"], old.plain()["flat"]) == ("cells", "dark.tif", None)
    assert SnapshotMetadata(**old.plain()).images == "cells"
    assert SnapshotMetadata("shapes-ag25", "gan", 3).plain()["setting"] == "shapes-ag25"
