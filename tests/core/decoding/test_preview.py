import torch
import torch.nn.functional as F

from syncdiffusion.core.decoding.decoder import Decoder
from syncdiffusion.core.decoding.preview import LatentPreview, fit_preview
from syncdiffusion.core.models.folder import FolderModel


def test_map_is_linear_and_clipped():
    preview = LatentPreview(torch.eye(4)[:, :3] * 0.5, torch.tensor([0.0, 0.25, 0.5]))
    latents = torch.tensor([1.0, 1.0, -3.0, 9.0]).view(1, 4, 1, 1).expand(1, 4, 2, 3)
    picture = preview(latents)
    assert picture.shape == (2, 3, 3)
    assert picture.dtype == torch.uint8
    assert picture[0, 0].tolist() == [128, 191, 0]


def test_fit_comes_near_the_decoder(model_folder):
    """Nearer than the best single colour: what a preview must at least show is where it is dark and where bright."""
    model = FolderModel(model_folder, "small")
    vae = model.load(torch.float32).to(torch.device("cpu")).vae
    decoder = Decoder(vae, model.facts, print)
    preview = fit_preview(decoder, vae, model.facts, torch.device("cpu"))
    coarse = torch.rand((1, 3, 3, 3), generator=torch.Generator().manual_seed(7))
    picture = F.interpolate(coarse, size=(128, 128), mode="bicubic").clamp(0, 1)
    with torch.no_grad():
        latents = vae.encode(picture * 2 - 1).latent_dist.mean * model.facts.scaling_factor
        decoded = F.avg_pool2d(decoder.images(latents), 8)[0].permute(1, 2, 0)
    error = (preview(latents) / 255 - decoded).square().mean()
    assert error < 0.5 * (decoded - decoded.mean((0, 1))).square().mean()


def test_fit_is_repeatable(model_folder):
    model = FolderModel(model_folder, "small")
    vae = model.load(torch.float32).vae
    latents = torch.randn(1, 4, 4, 4)
    previews = [
        fit_preview(Decoder(vae, model.facts, print), vae, model.facts, torch.device("cpu"))(latents) for _ in range(2)
    ]
    assert torch.equal(*previews)
