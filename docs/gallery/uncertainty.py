"""Where is a clean image wrong? The expected error of every pixel, learned without a clean image."""

from pathlib import Path

import numpy as np
import tifffile
from scenes import draw_cells, show

from nrgan import denoise

scenes = draw_cells(side=256, count=8, seed=2)
rng = np.random.default_rng(0)
Path("scans").mkdir()
for number, scene in enumerate(scenes):
    tifffile.imwrite(f"scans/{number}.tif", (rng.poisson(scene * 50) / 50).astype(np.float32))

denoise("scans", "clean", iterations=400, width=16, uncertainty=True, threads=1)

noisy, clean = tifffile.imread("scans/0.tif"), tifffile.imread("clean/0.tif")
expected, true = tifffile.imread("clean/0-error.tif"), np.abs(clean - scenes[0])
print(f"root mean square: expected {np.sqrt((expected**2).mean()):.4f}, true {np.sqrt((true**2).mean()):.4f}")
show("uncertainty.png", noisy=noisy, clean=clean, expected_error=5 * expected, true_error=5 * true)
