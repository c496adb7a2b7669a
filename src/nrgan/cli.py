"""The command line: verbs, each a thin layer over the Python API."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated

import tyro

from nrgan.errors import UserError
from nrgan.training.config import TrainConfig


@dataclass
class Train:
    """Learn a clean image generator from noisy images only."""

    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    resume: bool = False
    """Go on from the run folder's last checkpoint, or begin where there is none."""
    overwrite: bool = False
    """Delete the run that the folder holds."""
    dry_run: bool = False
    """Print the resolved configuration and stop."""
