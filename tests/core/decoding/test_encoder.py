import dataclasses

import pytest
import torch
import torch.nn.functional as F

from syncdiffusion.core.decoding import encoder as module
from syncdiffusion.core.decoding.encoder import Encoder
from syncdiffusion.core.errors import CancelledError
from syncdiffusion.core.models.folder import FolderModel


class Setup:
    def __init__(self, folder, dtype=torch.float32, **changed):
        model = FolderModel(folder, "small")
        self.vae = model.load(dtype).to(torch.device("cpu")).vae
        self.notes = []
        self.encoder = Encoder(self.vae, dataclasses.replace(model.facts, **changed), self.notes.append)


@pytest.fixture(scope="module")
def setup(model_folder):
    return Setup(model_folder)


def picture(height, width, seed=0):
    """Smooth colours, brighter to the right, so that no two tiles have the same statistics."""
    coarse = torch.rand((1, 3, height // 16, width // 16), generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1) * torch.linspace(0.3, 1, width)


def test_it_is_the_mean_of_the_posterior_with_the_scaling(setup, model_folder):
    image = picture(64, 64)
    mean = setup.vae.encode(image * 2 - 1).latent_dist.mean
    torch.testing.assert_close(setup.encoder.images(image), mean * setup.vae.config.scaling_factor)
    shifted = Setup(model_folder, shift_factor=0.5, scaling_factor=2.0).encoder
    torch.testing.assert_close(shifted.images(image), (mean - 0.5) * 2.0)


def test_tiles_equal_the_whole(setup):
    image = picture(64, 256)
    torch.testing.assert_close(
        setup.encoder.canvas(image, False, False), setup.encoder.images(image), atol=2e-3, rtol=0
    )


@pytest.mark.parametrize("shift", [24, 64])
def test_encoding_a_loop_commutes_with_rolling_it(setup, shift):
    image = picture(64, 192)
    latents = setup.encoder.canvas(image, False, True)
    rolled = setup.encoder.canvas(image.roll(shift, 3), False, True)
    torch.testing.assert_close(latents.roll(shift // 8, 3), rolled, atol=2e-3, rtol=0)
    open_ended = setup.encoder.canvas(image, False, False)
    assert (latents - open_ended)[..., 0].abs().max() > 0.01, "the edges see each other"


def test_a_tile_that_overflows_is_encoded_again_in_float32(model_folder):
    setup = Setup(model_folder, torch.float16)
    setup.vae.encoder.conv_norm_out.weight.data.fill_(6e4)
    assert torch.isfinite(setup.encoder.canvas(picture(64, 128), False, True)).all()
    assert setup.notes == ["VAE encoder: a tile is not finite in float16; run again in float32"]


def test_it_can_be_cancelled_between_tiles(model_folder):
    model = FolderModel(model_folder, "small")
    asked = []

    def cancelled():
        asked.append(1)
        if len(asked) == 2:
            raise CancelledError("cancelled")

    encoder = Encoder(model.load(torch.float32).vae, model.facts, print, cancelled)
    with pytest.raises(CancelledError):
        encoder.canvas(picture(64, 192), False, False)


def test_the_margin_covers_what_a_latent_sees(setup):
    """A pixel farther away than the radius does not change a latent (statistics held still)."""
    radius = module._receptive_radius(setup.vae.encoder)
    assert 4 <= radius <= 12
    width = 8 * (2 * radius + 4)
    image = picture(64, width)
    changed = image.clone()
    changed[..., 8 * (radius + 1) :] = 0.5
    encoder = setup.vae.encoder
    with torch.no_grad():
        norms = module.SharedGroupNorms(encoder.down_blocks)
        tiles = module.tiles_over((8, width // 8), width, 0, (False, False))

        def down(pixels):
            x = encoder.conv_in(pixels)
            for block in encoder.down_blocks:
                x = block(x)
            return x

        norms.measure(tiles, lambda _: down(image))
        with norms.shared():
            torch.testing.assert_close(down(image)[..., 0], down(changed)[..., 0])
