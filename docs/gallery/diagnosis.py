"""What noise is in my images? Counts with read noise, told from the noisy images alone."""

import numpy as np
from matplotlib.figure import Figure
from scenes import draw_cells

from nrgan.diagnosis import estimate_noise, recommend

clean = draw_cells(side=64, count=200)[..., None]
rng = np.random.default_rng(0)
noisy = rng.poisson(clean * 60) / 60 + rng.normal(0, 0.02, clean.shape)

found = estimate_noise(noisy.clip(0, 1))
advice = recommend(found)
print(f"level {found.level:.1f} of 255, {found.dependence}; {advice.model}: {advice.reason}")

figure = Figure(figsize=(5, 3), layout="constrained")
axes = figure.subplots()
told = [(s, level) for s, level in zip(found.signal, found.level_at_signal, strict=True) if level is not None]
signal = np.linspace(0, 255, 100)
axes.plot(signal, 255 * np.sqrt(signal / 255 / 60 + 0.02**2), label="true")
axes.plot(*zip(*told, strict=True), "o", label="told from noisy images")
axes.set(xlabel="signal, of 255", ylabel="noise level, of 255", ylim=(0, None))
axes.legend()
figure.savefig("diagnosis.png", dpi=100)
