import dataclasses
from types import SimpleNamespace

import torch
import torch.nn.functional as F

from syncdiffusion.core.decoding.decoder import Decoder
from syncdiffusion.core.decoding.encoder import Encoder
from syncdiffusion.core.decoding.preview import LatentPreview, fit_preview
from syncdiffusion.core.models.folder import FolderModel


def test_map_is_linear_and_clipped():
    preview = LatentPreview(torch.eye(4)[:, :3] * 0.5, torch.tensor([0.0, 0.25, 0.5]))
    latents = torch.tensor([1.0, 1.0, -3.0, 9.0]).view(1, 4, 1, 1).expand(1, 4, 2, 3)
    picture = preview(latents)
    assert picture.shape == (2, 3, 3)
    assert picture.dtype == torch.uint8
    assert picture[0, 0].tolist() == [128, 191, 0]


class LinearVAE:
    """A VAE whose decoder is a linear map, so that the fit has to find it."""

    dtype = torch.float32

    def __init__(self):
        generator = torch.Generator().manual_seed(2)
        self.matrix = torch.randn((4, 3), generator=generator) * 0.05
        self.mixing = torch.randn((3, 4), generator=generator)

    def encode(self, picture):
        mean = torch.einsum("bchw,cd->bdhw", F.avg_pool2d(picture, 8), self.mixing)
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=mean))

    def images(self, latents):
        rgb = torch.einsum("bchw,cd->bdhw", latents, self.matrix) + torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)
        return F.interpolate(rgb, scale_factor=8)


def test_fit_finds_a_linear_decoder(model_folder):
    facts = dataclasses.replace(FolderModel(model_folder, "small").facts, scaling_factor=1.0)
    vae = LinearVAE()
    preview = fit_preview(vae, lambda picture: vae.encode(picture * 2 - 1).latent_dist.mean, facts, torch.device("cpu"))
    # Latents of pictures, which is where the map was fitted: three colours reach a plane of the four channels only.
    coarse = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(7))
    latents = vae.encode(coarse * 2 - 1).latent_dist.mean
    expected = F.avg_pool2d(vae.images(latents), 8)[0].permute(1, 2, 0)
    assert expected.std() > 0.01
    assert (preview(latents) / 255 - expected).abs().max() < 0.01


def test_fit_is_repeatable(model_folder):
    model = FolderModel(model_folder, "small")
    vae = model.load(torch.float32).vae
    latents = torch.randn(1, 4, 4, 4)
    decoder, encode = Decoder(vae, model.facts, print), Encoder(vae, model.facts, print).images
    previews = [fit_preview(decoder, encode, model.facts, torch.device("cpu"))(latents) for _ in range(2)]
    assert torch.equal(*previews)
