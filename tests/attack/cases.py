"""Cases, made at random from a seed and from what the command line and the arsenal themselves say there is."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attack.arsenal import TINY, WRITES, command_of, options_of
from attack.harness import Case

VALUES = (
    *("x", "", "-1", "0", "1", "2", "7", "0.5", "-0.5", "nan", "inf", "-inf", "1e400", "1e-400", "None", "true"),
    *("2147483648", "99999999999999999999", "-99999999999999999999", "1" * 5000, "1e9999999999", "0x10", "1_0"),
    *("é", "\udcff\udcfe", "🦠", "a\nb", "\t", "$(touch x)", "<seed>", "[red]x[/red]", "%s", "{}", "--", "-"),
    *("~nobody/x", "a" * 300, "/dev/full", "/dev/null", "/dev/zero", ".", "..", "/", "./x/../y", "/proc/self/mem"),
    *("victim", "victim/thesis.txt", "run", "images", "images/000.png", "grid.toml", "run/run.json", "nowhere/at/all"),
    *("{1..9}{1..9}", "{a,b}" * 24, "{1..999999}{1..999999}", "*", "[", "p0.1,p99.9", "0,255", "255,0", "nan,nan"),
    *("auto", "cpu", "cuda", "cuda:99", "mps", "tpu", "best", "newest", "clean", "observed", "fid", "pr", "is"),
)


def option_case(rng: random.Random, arsenal: Path, folder: Path, helps: dict[str, str]) -> Case:
    """A verb that works, with one to three of its options or operands given a value that may be anything."""
    verb = rng.choice(sorted(helps))
    command, options = command_of(verb, helps[verb]), options_of(helps[verb])
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if options and rng.random() < 0.75:
            option, value = rng.choice(options), rng.choice(VALUES)
            command += [option] if rng.random() < 0.08 else [option, value]
        elif len(command) > 1:
            command[rng.randrange(1, len(command))] = rng.choice(VALUES)
        else:
            command.append(rng.choice(VALUES))
    if rng.random() < 0.02:
        del command[rng.randrange(len(command))]
    place(arsenal, folder)
    return Case("options", tuple(command), folder, _may_write(verb, command), {}, f"{verb} with anything")


def _may_write(verb: str, command: list[str]) -> frozenset[str]:
    """What the verb makes by itself, and new names that the command says are to be written: never what was there."""
    named = {name for name in command[1:] if name and name.split("/")[0] not in _THERE}
    new = {name.split("/")[0] for name in named} | {f"{Path(name).stem}.md" for name in named}
    new |= {f"{name}{end}" for name in named for end in ("", ".old-1", "-diagnosis")}
    new |= {"nowhere", "x", "y", "--out", "1", "0"}
    new |= {f"{name}-diagnosis" for name in ("run", "victim", "grid", "images", "thesis")}
    ours = {"run", "run2", "own"} if verb in ("train", "evaluate", "select", "check-noise") else set()
    return frozenset(new | ours | set(WRITES.get(verb, ())))


_THERE = frozenset({"victim", "run", "run2", "own", "images", "kinds", "grid.toml", "reference", "cifar", ".", ".."})


def place(arsenal: Path, folder: Path) -> None:
    """A copy of the arsenal for one case; large files that no case changes are links to the same bytes."""
    shutil.copytree(arsenal, folder, symlinks=True)


RUN_COMMANDS: dict[str, tuple[str, ...]] = {
    "train": ("train", "shapes-ag25", "sinrgan1", "run", *TINY, "--iterations", "6", "--resume"),
    "generate": ("generate", "run", "--count", "3", "--device", "cpu"),
    "evaluate": ("evaluate", "run", "--samples", "420", "--device", "cpu"),
    "select": ("select", "run", "--samples", "420", "--only-observed", "--device", "cpu"),
    "check-noise": ("check-noise", "run", "--samples", "100", "--device", "cpu"),
    "compare": ("compare", "run", "run2"),
    "report": ("report", "run", "run2", "--device", "cpu"),
    "overwrite": ("train", "shapes-ag25", "gan", "run", *TINY, "--overwrite"),
}
"""Commands that read a run."""
IMAGE_COMMANDS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "diagnose": lambda path: ("diagnose", path, "--images", "60"),
    "train": lambda path: ("train", path, "gan", "out", *TINY),
}
OTHER_FILES: dict[str, tuple[str, ...]] = {
    "grid.toml": ("reproduce", "grid.toml", "--out", "run/notes", "--device", "tpu"),
    "features.pt": ("evaluate", "run", "--samples", "420", "--device", "cpu", "--features", "features.pt"),
    "moments.npz": ("evaluate", "run", "--samples", "420", "--device", "cpu", "--reference", "moments.npz"),
    "reference/netG_iter_10.pth": ("import-reference", "reference", "out"),
    "reference/netGn_iter_10.pth": ("import-reference", "reference", "out"),
    "reference/netD_iter_10.pth": ("import-reference", "reference", "out"),
    "reference/args.txt": ("import-reference", "reference", "out"),
    "cifar/cifar-10-batches-py/data_batch_1": (
        *("train", "cifar10ag25", "gan", "out", *TINY[2:], "--data-root", "cifar"),
    ),
}


def file_case(rng: random.Random, arsenal: Path, folder: Path) -> Case:
    """One file that some command reads, damaged or replaced, and that command."""
    place(arsenal, folder)
    group = rng.choice(("run", "run", "run", "images", "kinds", "other"))
    if group == "run":
        files = sorted(path for path in (folder / "run").rglob("*") if path.is_file() and path.name != ".lock")
        target = rng.choice([path for path in files if "tensorboard" not in path.parts and path.suffix != ".png"])
        name = rng.choice(sorted(RUN_COMMANDS))
        command = RUN_COMMANDS[name]
        writes = {"run", "run.old-1", "generated", "comparison.png", "comparison.md", "report.html"}
    elif group in ("images", "kinds"):
        target = rng.choice(sorted((folder / group).iterdir()))
        path = "images" if group == "images" else f"kinds/{target.name}"
        command = IMAGE_COMMANDS[rng.choice(sorted(IMAGE_COMMANDS))](path)
        writes = {"out", f"{Path(path).stem}-diagnosis", "images-diagnosis"}
    else:
        name = rng.choice(sorted(OTHER_FILES))
        target, command = folder / name, OTHER_FILES[name]
        writes = {"out", "run"}
    change = rng.choice(sorted(CHANGES))
    CHANGES[change](rng, target, folder)
    environment = {} if rng.random() < 0.8 else {"NRGAN_MAX_BYTES": rng.choice(("1000", "100000000", "x", "-1"))}
    description = f"{target.relative_to(folder)} {change} {environment or ''}"
    return Case("files", command, folder, frozenset(writes), environment, description)


def _cut(rng: random.Random, path: Path, folder: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content) + 1)])


def _flip(rng: random.Random, path: Path, folder: Path) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 2, 10)) if content else 0):
        # headers are small, and where the harm is
        end = rng.choice((16, 64, 512, len(content)))
        content[rng.randrange(min(end, len(content)))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _insert(rng: random.Random, path: Path, folder: Path) -> None:
    content = path.read_bytes()
    at = rng.randrange(len(content) + 1)
    path.write_bytes(content[:at] + rng.randbytes(rng.choice((1, 8, 100))) + content[at + rng.choice((0, 8)) :])


def _other_kind(rng: random.Random, path: Path, folder: Path) -> None:
    """The bytes of another file of the arsenal under this name."""
    others = sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size < 1 << 20 and p != path)
    path.write_bytes(rng.choice(others).read_bytes())


def _huge(rng: random.Random, path: Path, folder: Path) -> None:
    """Ten gigabytes that take no room on the disk."""
    os.truncate(path, 10 << 30)


def _link_out(rng: random.Random, path: Path, folder: Path) -> None:
    path.unlink()
    path.symlink_to(folder / "victim" / rng.choice(("thesis.txt", "nothing", "")))


def _link_round(rng: random.Random, path: Path, folder: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _pipe(rng: random.Random, path: Path, folder: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(rng: random.Random, path: Path, folder: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "mine.txt").write_text("mine")


def _device(rng: random.Random, path: Path, folder: Path) -> None:
    path.unlink()
    path.symlink_to(rng.choice(("/dev/zero", "/dev/full", "/dev/null")))


def _gone(rng: random.Random, path: Path, folder: Path) -> None:
    path.unlink()


def _unreadable_name(rng: random.Random, path: Path, folder: Path) -> None:
    path.rename(os.fsdecode(os.fsencode(path) + b"\xff\xfe" + os.fsencode(path.suffix)))


_STRANGE: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 10**12, 10**30, -(10**30), 1e300, float("nan"), float("inf"), "", "x", "a" * 10_000),
    *([], {}, [[]], {"a": {}}, [0] * 1000, "../../victim", "/etc/passwd", "float32", "uint8", "\ud800"),
)


def _fields(rng: random.Random, path: Path, folder: Path) -> None:
    """A JSON document with fields dropped, of another type, or too many; other files are cut."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.suffix == ".jsonl" else [path.read_text("utf-8")]
        documents = [json.loads(line) for line in lines]
    except ValueError:
        return _cut(rng, path, folder)
    for _ in range(rng.choice((1, 1, 2))):
        place_, document = rng.randrange(len(documents)), rng.choice(documents)
        while isinstance(document, dict) and document:
            name = rng.choice(sorted(document))
            if isinstance(document[name], dict) and document[name] and rng.random() < 0.7:
                document = document[name]
                continue
            how = rng.random()
            if how < 0.25:
                del document[name]
            elif how < 0.9:
                document[name] = rng.choice(_STRANGE)
            else:
                document["more"] = rng.choice(_STRANGE)
            break
        if rng.random() < 0.1:
            documents[place_] = rng.choice(_STRANGE)
    texts = [json.dumps(document) for document in documents]
    if rng.random() < 0.05:
        texts = ["[" * 100_000]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    if path.is_relative_to(folder / "run") and rng.random() < 0.6:
        _seal(path, folder)
    return None


def _seal(path: Path, folder: Path) -> None:
    """As a hostile hand does it: the manifest fits what was changed."""
    from nrgan.layout import MANIFEST
    from nrgan.manifest import write_manifest

    for parent in path.parents:
        if (parent / MANIFEST).exists():
            write_manifest(parent)


def _tensors(rng: random.Random, path: Path, folder: Path) -> None:
    """Tensors dropped, of other shapes, types and values, sealed again; files without tensors are flipped."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    from nrgan.tensor_files import write_sealed

    if path.suffix != ".safetensors":
        return _flip(rng, path, folder)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    tensors = load_file(path)
    for _ in range(rng.choice((1, 1, 3))):
        name = rng.choice(sorted(tensors))
        value, how = tensors[name], rng.randrange(7)
        if how == 0:
            del tensors[name]
        elif how == 1:
            tensors[name] = torch.zeros(rng.choice(((), (0,), (3,), (1, 2, 3), (1000, 1000))))
        elif how == 2:
            tensors[name] = value.to(rng.choice((torch.float64, torch.float16, torch.int64, torch.uint8, torch.bool)))
        elif how == 3 and value.is_floating_point():
            tensors[name] = torch.full_like(value, rng.choice((float("nan"), float("inf"), 1e30, 0.0)))
        elif how == 4:
            tensors[name + "x"] = value.clone()
        elif "nrgan" in metadata:
            about = json.loads(metadata["nrgan"])
            about[rng.choice(sorted(about))] = rng.choice(_STRANGE)
            metadata["nrgan"] = json.dumps(about)
    if metadata.pop("sha256", None) is not None:
        write_sealed(tensors, metadata, path)
    else:
        save_file(tensors, path, metadata)
        _seal(path, folder)
    return None


CHANGES: dict[str, Callable[[random.Random, Path, Path], None]] = {
    "cut": _cut,
    "flipped": _flip,
    "inserted": _insert,
    "another kind": _other_kind,
    "huge": _huge,
    "a link out": _link_out,
    "a link round": _link_round,
    "a pipe": _pipe,
    "a folder": _folder,
    "a device": _device,
    "gone": _gone,
    "a name of other bytes": _unreadable_name,
    "fields": _fields,
    "tensors": _tensors,
}
"""What is done to a file."""
