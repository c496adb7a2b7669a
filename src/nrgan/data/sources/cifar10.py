"""CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images, 32x32, RGB."""

from __future__ import annotations

import os
import tarfile
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from nrgan.data.sources.base import Images, ImageSource
from nrgan.data.sources.batch_pickle import read_batch
from nrgan.downloads import Download
from nrgan.errors import UserError
from nrgan.memory import too_large
from nrgan.progress import Preparing
from nrgan.reading import open_regular, sha256
from nrgan.storage import default_cache

ARCHIVE = "cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"
DOWNLOAD = Download(
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ARCHIVE,
    170_498_071,
    f"give <data_root> with {FOLDER}/ or {ARCHIVE}",
)
SPLITS = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}


class CIFAR10(ImageSource):
    """The train (or test) split, from `root/cifar-10-batches-py`, or from `root/cifar-10-python.tar.gz`.

    Where neither is there, the archive is downloaded once, with its checksum verified, to the cache folder.
    Raises `UserError` where files are missing, cut short, or not what they should be.
    """

    image_size = 32
    caption = "the 50,000 images of the train split"
    separator = ""
    download: ClassVar[Download] = DOWNLOAD
    published = True

    def __init__(
        self,
        root: Path | None = None,
        split: str = "train",
        cache: Path | None = None,
        preparing: Preparing | None = None,
    ) -> None:
        self.names = SPLITS[split]
        self.folder, self.archive = self._find(root)
        if self.folder is None and self.archive is None:
            fetched = self.download
            if root is not None:
                fetched = replace(fetched, otherwise=f"{fetched.otherwise}: {root} holds neither")
            self.archive = fetched.file(cache or default_cache(), preparing)

    @classmethod
    def check(cls, image_size: int, data_root: Path | None) -> None:
        if image_size != cls.image_size:
            raise UserError(
                f"<image_size> {image_size}: CIFAR-10 has images of {cls.image_size}x{cls.image_size}; the shapes "
                "settings are drawn at any size"
            )
        if data_root is not None and not data_root.is_dir():
            raise UserError(f"<data_root> {data_root}: there is no such folder")

    @classmethod
    def open(
        cls, image_size: int, data_root: Path | None, cache: Path | None, preparing: Preparing | None = None
    ) -> CIFAR10:
        return cls(data_root, cache=cache, preparing=preparing)

    @classmethod
    def unseen(
        cls, image_size: int, data_root: Path | None, cache: Path | None, preparing: Preparing | None = None
    ) -> CIFAR10:
        return cls(data_root, split="test", cache=cache, preparing=preparing)

    def _find(self, root: Path | None) -> tuple[Path | None, Path | None]:
        """The folder of batches, or the archive, under `root`; neither where it holds neither."""
        if root is None:
            return None, None
        for folder in (root / FOLDER, root):
            if folder.name == FOLDER and folder.is_dir():
                return folder, None
        archive = root / ARCHIVE
        if not archive.is_file():
            return None, None
        if sha256(archive) != self.download.sha256:
            raise UserError(
                f"{archive}: wrong checksum (cut short or altered); fetch it again from {self.download.url}"
            )
        return None, archive

    @cached_property
    def _files(self) -> list[Path]:
        assert self.folder is not None
        files = [self.folder / name for name in self.names]
        for file in files:
            if not file.is_file():
                raise UserError(f"{file}: missing; the folder should hold {', '.join(self.names)}")
            if not os.access(file, os.R_OK):
                raise UserError(f"{file}: cannot be read: permission denied")
        return files

    def key(self) -> str:
        if self.archive is not None:
            return f"cifar10 archive {self.download.sha256} {self.names}"
        return f"cifar10 batches {sha256(*self._files)}"

    def __len__(self) -> int:
        return 10_000 * len(self.names)

    def images(self) -> Images:
        if self.archive is not None:
            batches = self._read_archive(self.archive)
        else:
            batches = [self._read_file(file) for file in self._files]
        planes = np.concatenate(batches).reshape(-1, 3, 32, 32)
        if len(planes) != len(self):
            raise UserError(f"{self.folder or self.archive}: holds {len(planes)} images instead of {len(self)}")
        return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))

    def _read_file(self, file: Path) -> Images:
        try:
            with open_regular(file) as opened:
                if reason := too_large("loading it", 3 * os.fstat(opened.fileno()).st_size):
                    raise UserError(f"{file}: {reason}")
                return read_batch(file, opened.read())[0]
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error.strerror}") from error

    def _read_archive(self, archive: Path) -> list[Images]:
        found: dict[str, Images] = {}
        try:
            with tarfile.open(archive) as tar:
                for member in tar:
                    name = Path(member.name).name
                    if name in self.names and (opened := tar.extractfile(member)) is not None:
                        # read in memory: nothing of the archive is ever written to the disk
                        found[name] = read_batch(archive / name, opened.read())[0]
        except (tarfile.TarError, EOFError, OSError) as error:
            raise UserError(f"{archive}: cannot be read ({error}); fetch it again") from error
        if missing := [name for name in self.names if name not in found]:
            raise UserError(f"{archive}: lacks {', '.join(missing)}; fetch it again")
        return [found[name] for name in self.names]
