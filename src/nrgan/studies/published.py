"""The published figures, to stand beside ours."""

from __future__ import annotations

PUBLISHED: dict[str, dict[str, float]] = {
    "gan": {"A": 145.8, "G": 165.3, "I": 82.7},
    "ambientgan": {"A": 26.7, "G": 30.3, "I": 21.4},
    "sinrgan1": {"A": 26.7, "G": 163.4},
    "sinrgan2": {"A": 29.8, "G": 32.2},
    "sdnrgan2": {"I": 24.4},
}
"""FID on CIFAR-10 by model and the paper's letter of the setting: the best snapshot by FID, median of three runs.

Kaneko & Harada, CVPR 2020, quoted second-hand and in part: the paper has all 16 settings.
"""
CAPTION = (
    "published: FID in Inception's features (Kaneko & Harada, CVPR 2020; quoted second-hand): best snapshot by FID, "
    "median of three runs"
)
