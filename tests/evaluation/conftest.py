"""Small runs to measure."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import TINY
from nrgan import TrainConfig, train


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of sinrgan2 with snapshots of iterations 2, 4 and 6."""
    out = tmp_path_factory.mktemp("measured") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NRGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        options = TINY | {"snapshot_interval": 2}
        for _ in train(TrainConfig(setting="shapes-ag25", model="sinrgan2", out=out, **options)):
            pass
    return out
