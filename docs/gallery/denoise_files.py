"""Clean files from noisy files: a folder of 16-bit TIFF in, a folder of 16-bit TIFF out."""

from pathlib import Path

import numpy as np
import tifffile
from scenes import draw_cells, psnr, show

from nrgan import denoise

scenes = draw_cells(side=256, count=8)
rng = np.random.default_rng(0)
Path("scans").mkdir()
for number, scene in enumerate(scenes):
    counts = rng.poisson(scene * 40) * 10 + rng.normal(100, 15, scene.shape)
    tifffile.imwrite(f"scans/{number}.tif", counts.clip(0, 65535).astype(np.uint16))

denoise("scans", "clean", iterations=400, width=16, threads=1)

truth = scenes[0] * 400 + 100
noisy, clean = tifffile.imread("scans/0.tif"), tifffile.imread("clean/0.tif")
print(f"{clean.dtype}; PSNR {psnr(noisy, truth):.1f} dB noisy, {psnr(clean, truth):.1f} dB clean")
show("denoise_files.png", noisy=noisy, clean=clean, truth=truth)
