"""One electron micrograph, no frames, no second take: its own noise is told, and more of it teaches the denoiser."""

import mrcfile
import numpy as np
from scenes import draw_cells, psnr, show

from nrgan import denoise, diagnose

truth = 100 - 60 * draw_cells(side=768, count=1)[0]
noisy = truth + np.random.default_rng(0).normal(0, 30, truth.shape)
mrcfile.write("micrograph.mrc", noisy.astype(np.float32), voxel_size=1.2)

found = diagnose("micrograph.mrc")
print(f"{len(found.images)} squares; level {found.diagnosis.level:.1f} of 255; certain: {found.diagnosis.certain}")
denoise("micrograph.mrc", "clean", iterations=400, width=16, threads=1)

with mrcfile.open("clean/micrograph.mrc") as file:
    clean = np.array(file.data)
    print(f"pixel size {file.voxel_size.x:.1f} Å, as it was")
print(f"PSNR {psnr(noisy, truth):.1f} dB noisy, {psnr(clean, truth):.1f} dB clean")
part = np.s_[:200, :200]
show("single_micrograph.png", noisy=noisy[part], clean=clean[part], truth=truth[part])
