"""A noise as plain numbers: counts, read noise, correlated stripes, hot pixels; drawn from, written, read again."""

import numpy as np
from numpy.random import RandomState
from scenes import draw_cells, show

from nrgan.corruptions import Fitted
from nrgan.frames import ValueRange
from nrgan.noise_file import load_noise, save_noise

scene = draw_cells(side=128, count=1)[0][..., None]
laws = {
    "white": Fitted(level=(20.0,)),
    "correlated": Fitted(level=(20.0,), correlation=((1.0, 0.6), (0.6, 0.36))),
    "counts": Fitted(signal=(0.0, 1.0), level=(6.0, 47.0), events=30.0),
    "stripes": Fitted(level=(8.0,), rows=12.0),
    "impulses": Fitted(level=(8.0,), impulses=0.03),
}
images = {name: law.corrupt(scene, RandomState(0))[..., 0] for name, law in laws.items()}

save_noise("noise.json", laws["counts"], ValueRange.of([0.0], [4095.0], "uint16"))
again = load_noise("noise.json").law
print("level in shadow and light, of 255:", np.round(again.level_at(np.array([0.1, 0.9])), 1))
show("noise_law.png", clean=scene[..., 0], **images)
