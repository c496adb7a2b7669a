"""The metrics by their short names, and what they compare with: free of torch, for which help should not wait."""

from __future__ import annotations

from typing import Literal

METRIC_NAMES = {
    "fid": "Fréchet distance",
    "kid": "kernel distance",
    "is": "Inception Score",
    "pr": "precision and recall",
}
"""What each is, in words."""

Against = Literal["clean", "observed"]
"""Which real images: the setting's clean ones, or the noisy ones that training saw."""
