"""What commands are tried on: a folder with runs, images, grids and snapshots of each kind, all very small."""

from __future__ import annotations

import io
import os
import pickle
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import get_args

import imagecodecs
import numpy as np
import tifffile
import torch

from nrgan.cli import Verb
from parity import Recording

RECORDED = Path(__file__).parents[1] / "parity" / "recorded" / "train_sdnrgan2__cifar10p30.npz"

TINY = (
    *("--image-size", "16", "--channels", "4", "--latent-size", "4", "--batch-size", "4", "--iterations", "4"),
    *("--log-interval", "1", "--sample-interval", "2", "--snapshot-interval", "2", "--threads", "1", "--device", "cpu"),
)
_FEW_STEPS = ("--iterations", "4", "--width", "4", "--threads", "1", "--device", "cpu")
_IMAGES = 60
GRID = """title = "Tiny"
settings = ["shapes-ag25"]
models = ["gan"]

[training]
image_size = 16
channels = 4
latent_size = 4
batch_size = 4
iterations = 2
snapshot_interval = 1

[evaluation]
features = "random_convolutions"
samples = 420
select = "last"
"""


class Doubling(torch.nn.Module):
    """Features of one's own, as small as can be."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mean(dim=(2, 3))


def verbs() -> list[str]:
    """The verbs, as the command line has them."""
    return [get_args(row)[1].name for row in get_args(Verb)]


def help_of(verb: str) -> str:
    environment = os.environ | {"COLUMNS": "400"}
    command = [sys.executable, "-m", "nrgan", verb, "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def options_of(text: str) -> list[str]:
    """The options that a help text names."""
    return sorted(set(re.findall(r"(?<![\w-])--[a-z][\w-]+", text)) - {"--help"})


def operands_of(text: str) -> list[str]:
    """What a help text says is given by place."""
    usage = re.sub(r"\[[^\]]*\]", "", text.splitlines()[0])
    return re.findall(r"\b[A-Z][A-Z_]+\b", usage)


def build(folder: Path) -> Path:
    """Makes everything; the cache of noisy images lies beside it, in `cache`."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (_IMAGES, 16, 16, 3), np.uint8)
    images = folder / "images"
    images.mkdir()
    for k, image in enumerate(pixels):
        (images / f"{k:03d}.png").write_bytes(imagecodecs.png_encode(image))
    kinds = folder / "kinds"
    kinds.mkdir()
    np.save(kinds / "stack.npy", pixels)
    np.savez(kinds / "stack.npz", images=pixels)
    tifffile.imwrite(kinds / "stack.tif", pixels, photometric="rgb")
    tifffile.imwrite(kinds / "packed.tif", pixels[..., 0], compression="zlib", metadata=None)
    tifffile.imwrite(kinds / "named.ome.tif", pixels.transpose(0, 3, 1, 2), metadata={"axes": "TCYX"})
    for name, save in (("a.jpg", imagecodecs.jpeg8_encode), ("a.webp", imagecodecs.webp_encode)):
        (kinds / name).write_bytes(save(np.ascontiguousarray(pixels[0])))
    with zipfile.ZipFile(kinds / "set.zip", "w") as archive, tarfile.open(kinds / "set.tar", "w") as tar:
        for path in sorted(images.iterdir()):
            archive.write(path, path.name)
            tar.add(path, path.name)
    (folder / "grid.toml").write_text(GRID)
    torch.jit.script(Doubling()).save(str(folder / "features.pt"))
    np.savez(folder / "moments.npz", mu=np.zeros(416), sigma=np.eye(416), count=500)
    _reference_run(folder / "reference")
    _batches(folder / "cifar")
    (folder / "victim").mkdir()
    (folder / "victim" / "thesis.txt").write_text("years of work")
    for arguments in (
        ("train", "shapes-ag25", "sinrgan1", "run", *TINY),
        ("train", "images", "gan", "own", *TINY),
        ("select", "run", "--samples", "420", "--only-observed", "--device", "cpu"),
    ):
        subprocess.run(
            [sys.executable, "-m", "nrgan", *arguments],
            cwd=folder,
            check=True,
            capture_output=True,
            env=os.environ | {"NRGAN_CACHE": str(folder.with_name("cache"))},
        )
    shutil.copytree(folder / "run", folder / "run2")
    return folder


def _reference_run(folder: Path) -> None:
    """The snapshots of a run of the reference implementation."""
    folder.mkdir()
    recording = Recording(RECORDED)
    for name in ("G", "Gn", "D"):
        state = {key: value.float() for key, value in recording.below(f"final/{name}/").items()}
        torch.save(state, folder / f"net{name}_iter_10.pth")
    (folder / "args.txt").write_text("g_residual_factor 0.1\n")


def _batches(folder: Path) -> None:
    """A folder like CIFAR-10's of so few images that it is refused at its end, whatever it holds."""
    batches = folder / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    rng = np.random.RandomState(0)
    for k in range(1, 6):
        file = io.BytesIO()
        data = rng.randint(0, 256, (20, 3072), dtype=np.uint8)
        pickle.dump({b"data": data, b"labels": list(range(20))}, file, protocol=3)
        (batches / f"data_batch_{k}").write_bytes(file.getvalue())


OPERANDS: dict[str, str] = {
    "SETTING": "shapes-ag25",
    "MODEL": "gan",
    "OUT": "out",
    "RUN": "run",
    "RUN_OR_SNAPSHOT": "run",
    "RUN_OR_DENOISER": "run",
    "RUN_OR_IMAGES": "images",
    "IMAGES": "images",
    "DENOISER_OR_RUN": "run",
    "FILE": "model.onnx",
    "PATH": "images",
    "GRID": "grid.toml",
    "NAME": "nothing",  # an attack asks nobody on the network
}
"""What a verb is given by place, by its name in the help; `images` for names that are not known here."""

WRITES: dict[str, tuple[str, ...]] = {
    "train": ("out", "out.old-1"),
    "diagnose": ("images-diagnosis", "out"),
    "generate": ("generated", "out"),
    "evaluate": ("run",),
    "select": ("run",),
    "check-noise": ("run",),
    "compare": ("comparison.png", "comparison.md", "out.png", "out.md"),
    "report": ("report.html", "out"),
    "reproduce": ("reproduced", "out"),
    "import-reference": ("out",),
    "denoise": ("out", "out-denoiser"),
    "train-denoiser": ("out", "out.old-1"),
    "export": ("model.onnx",),
    "demo": ("demo-outputs", "out"),
    "bench": ("figures.json",),
    "fetch": ("out",),
}
"""What each verb makes or changes; of a verb that is not known here nothing may change."""


def command_of(verb: str, help_text: str) -> list[str]:
    """A small command line of the verb that works, or would."""
    operands = [OPERANDS.get(name, "images") for name in operands_of(help_text)]
    if verb == "import-reference":
        operands = ["reference", "out"]
    if verb in ("compare", "report"):
        operands = ["run", "run2"]
    few = {
        "train": [*TINY],
        "diagnose": ["--images", "60"],
        "denoise": [*_FEW_STEPS],
        "train-denoiser": [*_FEW_STEPS],
        "generate": ["--count", "3", "--device", "cpu"],
        "evaluate": ["--samples", "420", "--device", "cpu"],
        "select": ["--samples", "420", "--only-observed", "--device", "cpu"],
        "check-noise": ["--samples", "100", "--device", "cpu"],
        "publish": ["--repo", "somebody/something", "--dry-run"],
        "completion": ["bash"],
        "bench": ["--image-size", "16", "--channels", "4", "--batch-size", "4", "--rounds", "1", "--device", "cpu"],
    }
    return [verb, *operands, *few.get(verb, [])]
