"""Every corruption that the laws are tested on: the rows, and noise told by numbers, each part of it by itself."""

from __future__ import annotations

from scipy.special import ndtri

from nrgan.corruptions import Corruption, Fitted
from nrgan.corruptions.curves import probabilities
from nrgan.settings import CORRUPTIONS

P = probabilities(201)
HEAVY = tuple(float(q) for q in ndtri(P) ** 3 + ndtri(P))
LIGHT = tuple(float(q) for q in P)
ACROSS = ((1.0, 0.45, 0.1), (0.3, 0.12, 0.0), (0.05, 0.0, 0.0))
"""Longer across than down."""

FITTED: dict[str, Fitted] = {
    "fitted": Fitted(),
    "fitted over the signal": Fitted(signal=(0.1, 0.5, 0.85), level=(5.0, 30.0, 12.0)),
    "fitted correlated": Fitted(correlation=ACROSS),
    "fitted heavy tails": Fitted(quantiles=HEAVY),
    "fitted light tails, partly shared": Fitted(quantiles=LIGHT, shared=0.4),
    "fitted few events": Fitted(signal=(0.0,), level=(4.0,), events=6.0),
    "fitted many events": Fitted(signal=(0.2, 0.8), level=(25.0, 40.0), events=100.0, dark=0.1),
    "fitted events, blurred": Fitted(signal=(0.5,), level=(60.0,), events=12.0, correlation=ACROSS, images=(0.5, 1.2)),
    "fitted images": Fitted(images=(5.0, 50.0)),
    "fitted stripes": Fitted(rows=8.0, columns=5.0),
    "fitted stripes of each channel": Fitted(level=(4.0,), rows=8.0, columns=3.0, stripes_shared=False),
    "fitted shared": Fitted(shared=0.6, correlation=ACROSS),
    "fitted in grey": Fitted(signal=(0.0,), level=(10.0,), events=20.0, shared=1.0),
    "fitted impulses": Fitted(impulses=0.1, salt=0.3),
    "fitted impulses of each channel": Fitted(level=(5.0,), impulses=0.05, impulses_per_channel=True),
    "fitted all": Fitted(
        signal=(0.2, 0.7), level=(25.0, 40.0), correlation=ACROSS, events=60.0, images=(0.4, 0.9, 1.5),
        rows=4.0, columns=2.0, shared=0.3, impulses=0.02,
    ),
}  # fmt: skip

LAWS: dict[str, Corruption] = {name: row.corruption for name, row in CORRUPTIONS.items()} | FITTED
