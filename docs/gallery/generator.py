"""A generator of clean images from noisy ones alone: correlated noise, and a model that learns it."""

import numpy as np
from scenes import show

from nrgan import TrainConfig, TrainedModel, train
from nrgan.pictures import grid

config = TrainConfig(
    setting="shapes-bg25k5",
    model="sinrgan2",
    out="outputs",
    image_size=16,
    channels=24,
    batch_size=16,
    iterations=1500,
    generator_learning_rate=5e-4,
    discriminator_learning_rate=5e-4,
    ema_decay=0.99,
    snapshot_interval=1500,
    threads=1,
)
for progress in train(config):
    if progress.logged:
        print(progress.iteration, progress.losses)

parts = TrainedModel.load("outputs").observe(seed=0, chunk=range(36)).parts
pictures = {
    name: grid((127.5 * (p.permute(0, 2, 3, 1).numpy() + 1)).astype(np.uint8), gap=1) for name, p in parts.items()
}
show("generator.png", **pictures)
