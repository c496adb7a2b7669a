"""A generator of clean images from noisy ones alone: correlated noise, and a model that learns it."""

from scenes import show

from nrgan import TrainConfig, TrainedModel, train
from nrgan.pictures import grid
from nrgan.ranges import stored_from_signed

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
show("generator.png", **{name: grid(stored_from_signed(part), gap=1) for name, part in parts.items()})
