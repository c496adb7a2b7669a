"""A generator that draws nothing of its own: no squares, and no border."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nrgan.errors import UserError
from nrgan.networks import FAMILIES, Generator, NetworkSizes
from nrgan.networks.bilinear import BilinearGenerator, upsample
from nrgan.pretrained import load_weights, save_weights

SIZES = NetworkSizes(latent_size=4, image_size=32, image_channels=1, channels=6, residual_scale=1.0)


def of_a_flat_map(name: str) -> Tensor:
    """The images of a generator whose first map is as good as flat: each of its channels is of one value."""
    generator = FAMILIES[name].generator(SIZES).double()
    FAMILIES[name].initialise(generator, torch.Generator().manual_seed(1))
    with torch.no_grad():
        generator.start.weight.copy_(
            generator.start.weight.view(SIZES.channels, -1, SIZES.latent_size)
            .mean(1, keepdim=True)
            .expand(-1, generator.start_size**2, -1)
            .reshape_as(generator.start.weight)
            * 10
        )
        return generator(torch.randn(8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2)))


def test_what_is_flat_stays_flat() -> None:
    """To the border and the corners, where the published networks leave a frame."""
    images = of_a_flat_map("resnet-bilinear")
    assert images.std() > 0.1, "the images are not all one"
    torch.testing.assert_close(images, images[..., :1, :1].expand_as(images))
    framed = of_a_flat_map("resnet")
    assert (framed - framed[..., 16:17, 16:17]).abs().max() > 0.01


def test_a_slope_stays_a_slope() -> None:
    """Between the middles of the outermost pixels, which go on as they end."""
    slope = torch.arange(6.0).expand(1, 1, 5, 6)
    for found in (upsample(slope), upsample(slope.mT).mT):
        inside = (torch.arange(12) - 0.5) / 2
        torch.testing.assert_close(found, inside.clamp(0, 5).expand(1, 1, 10, 12))


def test_noise_is_made_as_it_was() -> None:
    assert isinstance(FAMILIES["resnet-bilinear"].noise_generator(SIZES), Generator)


def test_weights_of_the_published_networks_are_not_taken_for_its_own(tmp_path: Path) -> None:
    """They have the same shapes, and would make other images."""
    save_weights(FAMILIES["resnet"].generator(SIZES), tmp_path)
    with pytest.raises(UserError, match="is of another network"):
        load_weights(FAMILIES["resnet-bilinear"].generator(SIZES), tmp_path)


@pytest.mark.parametrize(("name", "kind"), [("resnet", Generator), ("resnet-bilinear", BilinearGenerator)])
def test_the_generator_alone_is_of_the_kind_that_was_kept(name: str, kind: type, tmp_path: Path) -> None:
    kept = FAMILIES[name].generator(SIZES)
    FAMILIES[name].initialise(kept, torch.Generator().manual_seed(1))
    kept.save_pretrained(tmp_path)
    again = Generator.from_pretrained(tmp_path)
    assert type(again) is kind
    assert np.array_equal(again.sample(2), kept.sample(2)) and again.sample(2).std() > 0
