"""From what people type to the files that it names: folders, archives, shards, globs, single files."""

from __future__ import annotations

import glob
import os
import re
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from nrgan.errors import UserError
from nrgan.frames.archives import ARCHIVES, is_archive
from nrgan.frames.file_slice import FileSlice, cannot_read
from nrgan.frames.formats import ACCEPTED, CONVERTERS, is_folder_image, is_image, sniffed
from nrgan.layout import expanded

_BRACES = re.compile(r"\{([^{}]+)\}")
_INSIDE = re.compile(r"(.+?):(/.*)")
_RUN = re.compile(r"(\d+)\.\.(\d+)")
_RUNS = re.compile(r"([0-9]{1,18})|([^0-9]+)")
_REMOTE = re.compile(r"([a-z0-9]{2,}://|pipe:)", re.IGNORECASE)
_COMPRESSED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_MOST_SHARDS = 100_000


@dataclass
class Listing:
    """The image files that a path names, in a fixed natural order, and the names of other files beside them."""

    sources: list[FileSlice] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def natural(name: str) -> tuple[object, ...]:
    """A key that sorts a2 before a10, and the files of a folder together."""
    parts = tuple(
        tuple((0, int(number), "") if number else (1, 0, text) for number, text in _RUNS.findall(part))
        for part in name.replace("\\", "/").split("/")
    )
    return parts, name


def list_images(path: str) -> Listing:
    """All image files of the path; raises `UserError` where there is nothing, or nothing that is an image."""
    if _REMOTE.match(path):
        raise UserError(f"{path}: only files of this machine can be read; download them first")
    listing = Listing()
    # absolute, as worker processes may be started elsewhere
    target, inside = _part_of_file(str(expanded(Path(path))))
    files, folder = _named_files(target)
    for file, name in files:
        kind = "" if is_archive(file) or is_image(file) else sniffed(Path(file))
        if kind is None or (folder and is_archive(file)):
            listing.left_out.append(name)
            continue
        source = _whole_file(file, name, alone=len(files) == 1 and not folder)
        if source is None:
            listing.left_out.append(name)
        elif is_archive(file):
            _add_members(listing, source)
        else:
            listing.sources.append(replace(source, kind=kind, member=inside))
    _check_readable(path, listing)
    if not listing.sources:
        raise UserError(f"{path}: {_nothing(listing, folder)}")
    return listing


def _part_of_file(path: str) -> tuple[str, str]:
    """A file, and what is named inside of it: FILE.h5:/path."""
    match = None if Path(path).exists() else _INSIDE.fullmatch(path)
    return (match[1], match[2]) if match is not None and Path(match[1]).exists() else (path, "")


def _check_readable(path: str, listing: Listing) -> None:
    """Raises `UserError` where most of what is there is images that nothing here reads."""
    foreign = [name for name in listing.left_out if PurePath(name).suffix.lower() in CONVERTERS]
    if len(foreign) > len(listing.sources):
        converter = CONVERTERS[PurePath(foreign[0]).suffix.lower()]
        count = "1 file" if len(foreign) == 1 else f"{len(foreign)} files"
        raise UserError(
            f"{path}: {count} of a kind that is not read here ({foreign[0]}); convert to TIFF with {converter}"
        )


def _nothing(listing: Listing, folder: bool) -> str:
    accepted = f"a folder, zip, tar shards or glob of {ACCEPTED} is taken, or an .npy, .npz or TIFF stack"
    archives = next((name for name in listing.left_out if is_archive(name)), None)
    if folder and archives is not None:
        return f"holds archives and no images; name the archives, as in *{Path(archives).suffix}"
    if listing.left_out:
        return f"none of its files is an image (the first is {listing.left_out[0]}); {accepted}"
    return f"there are no images; {accepted}"


def _add_members(listing: Listing, archive: FileSlice) -> None:
    suffix = Path(archive.path).suffix.lower()
    members = list(ARCHIVES[suffix](archive))
    if suffix == ".zip":  # a tar's order is its own: shards were shuffled on purpose
        members.sort(key=lambda source: natural(source.member))
    listing.sources += [source for source in members if is_image(source.member)]
    listing.left_out += [source.name for source in members if not is_image(source.member)]


def _whole_file(file: str, name: str, alone: bool) -> FileSlice | None:
    """The whole file as a slice; None for pipes and devices."""
    try:
        state = Path(file).stat()
        if not (stat.S_ISREG(state.st_mode) or is_folder_image(file)):
            return None
        size, stamp = _size_and_stamp(file, state)
    except OSError as error:
        raise cannot_read(file, error) from error
    return FileSlice(file, name, 0, size, size, stamp=stamp, alone=alone)


def size_and_stamp(file: str) -> tuple[int, int]:
    """Bytes, and when it was last changed in nanoseconds; of a folder, those of all its files. Raises `OSError`."""
    return _size_and_stamp(file, Path(file).stat())


def _size_and_stamp(file: str, state: os.stat_result) -> tuple[int, int]:
    states = [state]
    if stat.S_ISDIR(state.st_mode):
        states = [Path(folder, part).stat() for folder, _, inside in os.walk(file) for part in inside]
    return sum(state.st_size for state in states), max((state.st_mtime_ns for state in states), default=0)


def _named_files(path: str) -> tuple[list[tuple[str, str]], bool]:
    """(file, the name that people see) in order, and whether the path is one folder."""
    if Path(path).is_dir() and not is_folder_image(path):
        begins = len(path.rstrip(os.sep)) + 1  # by letters: for many files, paths take longer than reading them
        return [(file, file[begins:].replace(os.sep, "/")) for file in _files_below(path)], True
    files = [file for target in _targets(path) for file in _matches(path, target)]
    for file in files:
        if file.lower().endswith(_COMPRESSED_TARS):
            raise UserError(f"{file}: is a compressed tar, which cannot be read in place; gunzip (or unxz) it")
    folders = {str(Path(file).parent) for file in files}
    base = os.path.commonpath(folders) if len(folders) > 1 else next(iter(folders))
    return [(file, Path(file).relative_to(base).as_posix()) for file in files], False


def _targets(path: str) -> list[str]:
    """Shell braces written out: {000..099} keeps its zeros, {a,b} is a choice. A path that exists stays as it is."""
    match = None if Path(path).exists() else _BRACES.search(path)
    if match is None:
        return [path]
    run = _RUN.fullmatch(match[1])
    if run is not None:
        low, high = int(run[1]), int(run[2])
        if not low <= high < low + _MOST_SHARDS:
            raise UserError(f"{path}: {match[0]} runs backwards, or over more than {_MOST_SHARDS:,} files")
        width = len(run[1]) if run[1].startswith("0") or len(run[1]) == len(run[2]) else 0
        choices = [f"{i:0{width}d}" for i in range(low, high + 1)]
    elif "," in match[1]:
        choices = match[1].split(",")
    else:
        raise UserError(f"{path}: there is no such file, and {match[0]} is neither a run {{00..99}} nor a list {{a,b}}")
    found: list[str] = []
    for choice in choices:
        found += _targets(path[: match.start()] + choice + path[match.end() :])
        if len(found) > _MOST_SHARDS:
            raise UserError(f"{path}: its braces stand for more than {_MOST_SHARDS:,} files")
    return found


def _matches(path: str, target: str) -> list[str]:
    """The files of one target: itself, what its glob matches, or all files of a folder in a list of folders."""
    if Path(target).is_dir() and not is_folder_image(target):
        return _files_below(target)
    if Path(target).exists():
        return [target]
    if not glob.has_magic(target):
        missing = "" if target == path else f"{path}: "
        raise UserError(f"{missing}{target}: there is no such file or folder")
    files = [file for file in glob.glob(target, recursive=True) if not Path(file).is_dir() or is_folder_image(file)]  # noqa: PTH207
    if not files:
        raise UserError(f"{target}: no file matches; try the pattern with ls, and put it in quotes")
    return sorted(files, key=natural)


def _files_below(root: str) -> list[str]:
    """All files under a folder that are not hidden, in order, also through links to folders, each folder once."""

    def refuse(error: OSError) -> None:
        raise cannot_read(error.filename, error) from error

    seen: set[tuple[int, int]] = set()
    found: list[str] = []
    for folder, below, files in os.walk(str(Path(root)), onerror=refuse, followlinks=True):
        state = Path(folder).stat()
        if (state.st_dev, state.st_ino) in seen:  # a link back up would go round for ever
            below.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        found += [str(Path(folder, name)) for name in below if is_folder_image(str(Path(folder, name)))]
        below[:] = sorted(
            name for name in below if not name.startswith(".") and not is_folder_image(str(Path(folder, name)))
        )
        begins = folder.rstrip(os.sep) + os.sep
        found += [begins + name for name in files if not name.startswith(".")]
    return sorted(found, key=natural)
