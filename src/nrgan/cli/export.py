"""The verb that gives networks to other programs: export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass
class Export:
    """Write a denoiser, or a run's generator, for other programs: nrgan export denoiser denoiser.onnx"""

    path: Annotated[Path, tyro.conf.arg(metavar="DENOISER_OR_RUN")]
    """A denoiser or a run (its best snapshot where one is known, else the newest), or one snapshot folder."""
    file: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """What to write: a model, .onnx; or of a denoiser a bioimage.io package, .zip."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace FILE, also where nrgan did not make it."""

    def run(self) -> int:
        from nrgan.exporting.export import export

        made = export(self.path, self.file, self.overwrite)
        print(
            f"wrote {made.file}: {made.input} → {made.output}, float32, images in the data's own values; onnxruntime "
            f"differs from torch by {made.difference:.1g} of the range at most"
        )
        return 0
