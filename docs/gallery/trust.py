"""How good is a denoiser? Any denoiser, judged without a clean image, beside the truth that nobody else has."""

import torch
from scenes import draw_cells, show

from nrgan import judge
from nrgan.corruptions import Fitted
from nrgan.denoising.classical import classical
from nrgan.draws import FreshDraws

law = Fitted(level=(25.0,), correlation=((1.0, 0.5), (0.5, 0.25)))
x = torch.from_numpy(draw_cells(side=96, count=24)[:, None]).float()
y = law.simulate(x, FreshDraws(torch.Generator().manual_seed(5)))  # the judge draws with others

f = classical("nlm", law)
found = judge(f, y, law, certain=True)
assert found.risk is not None and found.null_test is not None
true = -10 * torch.log10(((f(y) - x) ** 2).mean())
print(f"PSNR: true {true:.2f} dB, estimated without clean images {found.risk.psnr:.2f} dB")
show("trust.png", noisy=y[0, 0].numpy(), denoised=f(y)[0, 0].numpy(), taken_away=(y - f(y))[0, 0].numpy() + 0.3)
