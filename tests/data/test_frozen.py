"""The frozen noisy set: each image's noise depends on its index alone, and the cache is whole or not used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.random import RandomState

from conftest import PATIENCE
from nrgan.corruptions import AdditiveGaussian, Between, Corruption, LocalGaussian, Sensor
from nrgan.data import Shapes
from nrgan.data.frozen import (
    cache_key,
    check_data_seed,
    frozen_noisy_set,
    key_digest,
    make_noisy,
    open_frozen_set,
)
from nrgan.errors import Damaged, UserError
from nrgan.settings import CORRUPTIONS

AG25 = AdditiveGaussian(25)


def small(count: int = 600) -> Shapes:
    return Shapes(image_size=16, count=count)


@pytest.mark.parametrize("row", CORRUPTIONS)
def test_any_number_of_threads_gives_the_images_one_by_one(row: str) -> None:
    images, corruption = Shapes(image_size=32, count=600).images(), CORRUPTIONS[row].corruption
    one, two = (make_noisy(images, corruption, data_seed=3, threads=n) for n in (1, 2))
    assert np.array_equal(one, two) and one.dtype == np.float32
    for index in (0, 299, 599):
        alone = corruption.corrupt(images[index], RandomState(3 * 600 + index)).clip(0, 1).astype(np.float32)
        assert np.array_equal(one[index], alone.transpose(2, 0, 1))


def test_clip_is_an_option() -> None:
    images = small().images()
    clipped, whole = (make_noisy(images, AG25, Sensor(clip)) for clip in (True, False))
    assert whole.min() < 0 and whole.max() > 1
    assert np.array_equal(clipped, whole.clip(0, 1))


def test_cache_is_used_and_keyed_by_everything(tmp_path: Path) -> None:
    made = []
    first = frozen_noisy_set(small(), AG25, cache=tmp_path, advance=made.append)
    assert sum(made) == 600
    again = frozen_noisy_set(small(), AG25, cache=tmp_path, advance=made.append)
    assert sum(made) == 600, "read from the cache"
    assert np.array_equal(first, again)
    cases: list[tuple[Shapes, Corruption, Sensor, int]] = [
        (small(), AG25, Sensor(), 0),
        (small(), AdditiveGaussian(Between(5, 50)), Sensor(), 0),
        (Shapes(16, seed=1, count=600), AG25, Sensor(), 0),
        (small(), AG25, Sensor(), 1),
        (small(), AG25, Sensor(clip=False), 0),
    ]
    keys = {key_digest(cache_key(*case)) for case in cases}
    assert len(keys) == 5


def test_a_cached_set_can_be_written_to_without_changing_the_file(tmp_path: Path) -> None:
    frozen_noisy_set(small(), AG25, cache=tmp_path)
    cached = frozen_noisy_set(small(), AG25, cache=tmp_path)
    cached[0] = 7
    assert float(frozen_noisy_set(small(), AG25, cache=tmp_path)[0].max()) <= 1


@pytest.mark.parametrize("damage", ["cut", "empty", "other"])
def test_a_damaged_cache_is_made_again(tmp_path: Path, damage: str) -> None:
    good = np.array(frozen_noisy_set(small(), AG25, cache=tmp_path))
    (file,) = (tmp_path / "noisy").glob("*.npy")
    content = file.read_bytes()
    file.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "other": b"not an array at all"}[damage])
    assert np.array_equal(frozen_noisy_set(small(), AG25, cache=tmp_path), good)


def test_every_byte_that_has_changed_in_a_cached_set_is_seen(tmp_path: Path) -> None:
    """Among the images it is said, and the file makes way; in its header or beside it, the set is made again."""
    tiny = Shapes(16, count=3)
    good = np.array(frozen_noisy_set(tiny, AG25, cache=tmp_path))
    (file,), (beside,) = (tmp_path / "noisy").glob("*.npy"), (tmp_path / "noisy").glob("*.json")
    content, document = file.read_bytes(), beside.read_bytes()
    headers = len(content) - good.nbytes
    for place in [*range(headers + 16), *range(headers + 16, len(content), 97), len(content) - 1]:
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        made: list[int] = []
        opened = open_frozen_set(tiny, AG25, cache=tmp_path, advance=made.append)
        if place >= headers:
            with pytest.raises(Damaged, match="images 0 to 2 are damaged; it has been removed"):
                opened.verify(np.array([1]))
            assert not made and not file.exists()
        else:
            assert made == [3]
        assert np.array_equal(frozen_noisy_set(tiny, AG25, cache=tmp_path), good)
    for place in range(len(document)):
        beside.write_bytes(document[:place] + bytes([document[place] ^ 1]) + document[place + 1 :])
        made = []
        try:
            remade = frozen_noisy_set(tiny, AG25, cache=tmp_path, advance=made.append)
        except Damaged:  # a sum that has changed and the images that have not are as two that have not met
            remade = frozen_noisy_set(tiny, AG25, cache=tmp_path, advance=made.append)
        assert np.array_equal(remade, good) and made == [3]


def test_only_blocks_that_are_asked_for_are_verified(tmp_path: Path) -> None:
    good = np.array(frozen_noisy_set(small(), AG25, cache=tmp_path))
    (file,) = (tmp_path / "noisy").glob("*.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1  # of image 599, in the third block
    file.write_bytes(content)
    opened = open_frozen_set(small(), AG25, cache=tmp_path)
    assert np.array_equal(opened[np.array([499, 0])], good[[499, 0]])
    with pytest.raises(Damaged, match="images 500 to 599"):
        opened[np.array([1, 500])]


def test_a_pipe_in_the_place_of_a_cached_set_is_not_waited_for(tmp_path: Path) -> None:
    good = np.array(frozen_noisy_set(small(), AG25, cache=tmp_path))
    (file,) = (tmp_path / "noisy").glob("*.npy")
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(UserError, match="is a device or a pipe"):
        frozen_noisy_set(small(), AG25, cache=tmp_path)
    file.unlink()
    assert np.array_equal(frozen_noisy_set(small(), AG25, cache=tmp_path), good)


@pytest.mark.slow
def test_a_killed_writer_leaves_no_cache(tmp_path: Path) -> None:
    """SIGKILL while the set is being made or written, at several moments; the next start makes the right one."""
    code = (
        "import sys; from pathlib import Path; from nrgan.data import Shapes;"
        "from nrgan.corruptions import AdditiveGaussian; from nrgan.data.frozen import frozen_noisy_set;"
        "print('go', flush=True);"
        "frozen_noisy_set(Shapes(16, count=20000), AdditiveGaussian(25), cache=Path(sys.argv[1]))"
    )
    expected = make_noisy(Shapes(16, count=20000).images(), AG25)
    for delay in (0.0, 0.3, 0.6, 0.9):
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.wait()
        process.stdout.close()
        for file in (tmp_path / "noisy").glob("*.npy"):
            assert np.array_equal(np.load(file), expected), "what has the name is whole"
    assert np.array_equal(frozen_noisy_set(Shapes(16, count=20000), AG25, cache=tmp_path), expected)


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    """A real limit of the operating system on the size of files, smaller than the set."""
    code = (
        "import resource, sys; from pathlib import Path; from nrgan.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20));"
        "out, cache = sys.argv[1] + '/out', sys.argv[1] + '/cache';"
        "main(['train', 'shapes-ag25', 'gan', out, '--image-size', '16', '--cache-dir', cache])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: no space left to write ") and done.stderr.count("\n") == 1
    assert not list((tmp_path / "cache").rglob("*.npy")) and not list((tmp_path / "cache").rglob("*.part"))
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_a_cache_without_permission_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    code = (
        "import os, sys; from pathlib import Path; from nrgan.data import Shapes; from nrgan.errors import UserError;"
        "from nrgan.corruptions import AdditiveGaussian; from nrgan.data.frozen import frozen_noisy_set;"
        "os.setuid(65534)\n"
        "try: frozen_noisy_set(Shapes(16, count=10), AdditiveGaussian(25), cache=Path(sys.argv[1]))\n"
        "except UserError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "cannot write" in done.stdout and "Permission denied" in done.stdout


def test_seeds_must_fit_into_32_bits() -> None:
    check_data_seed(2**32 // 50_000 - 1, 50_000)
    with pytest.raises(UserError, match="data_seed"):
        check_data_seed(2**32 // 50_000, 50_000)
    with pytest.raises(UserError, match="data_seed"):
        frozen_noisy_set(small(), AG25, data_seed=2**31)


def test_a_patch_larger_than_the_image_is_refused() -> None:
    with pytest.raises(UserError, match="does not fit"):
        frozen_noisy_set(Shapes(image_size=8, count=10), LocalGaussian(25, patch=16))
