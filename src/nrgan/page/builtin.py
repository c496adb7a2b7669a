"""The small generator and denoiser of drawn images that come with the package, for a first look.

benchmarks/builtin.py makes them, of noisy images alone.
"""

from __future__ import annotations

from pathlib import Path

TITLE = "built-in, for drawn shapes"
_FOLDER = Path(__file__).with_name("shapes")
GENERATOR, DENOISER = _FOLDER / "generator", _FOLDER / "denoiser"
MOST_BYTES = 2_000_000
"""Of both together, in the wheel."""
