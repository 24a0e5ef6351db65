"""Makes a small Stable Diffusion model with random weights: what the demo runs on until there is a built-in model.

    python demo/small_model.py FOLDER

It goes every way that a real model goes, but it has learned nothing: its panoramas are clouds of colour, whatever the
prompt says. Beside it goes ``lpips-squeeze.pt``: weights for the perceptual loss, whose true trunk is a download.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from huggingface_hub.utils import disable_progress_bars

from syncdiffusion.tests.support.models import make_lpips_weights, make_model, smooth_latents

SEED = 2
WINDOW = 16  # latents
CONTRAST = 0.35  # standard deviation of colours, which go from -1 to 1


def soften(decoder: torch.nn.Module) -> None:
    """Turns the glaring noise of a random decoder into clouds: every kernel blurs, the last sets the contrast."""
    hat = torch.tensor([1.0, 2.0, 1.0]) / 4
    for layer in decoder.modules():
        if isinstance(layer, torch.nn.Conv2d) and layer.kernel_size == (3, 3):
            layer.weight.copy_(layer.weight.sum((2, 3), keepdim=True) * torch.outer(hat, hat))
    last = decoder.conv_out
    deviation, mean = torch.std_mean(decoder(smooth_latents(16, decoder.conv_in.in_channels, WINDOW)), dim=(0, 2, 3))
    last.weight.mul_((CONTRAST / deviation).view(-1, 1, 1, 1))
    last.bias.sub_(mean).mul_(CONTRAST / deviation)


def main(folder: Path) -> None:
    """Writes the model and the weights of the loss."""
    disable_progress_bars()
    make_lpips_weights(folder / "lpips-squeeze.pt", net="squeeze", seed=SEED)
    make_model(folder, window_latents=WINDOW, seed=SEED)
    from diffusers import AutoencoderKL  # not before make_model has prepared what it imports

    torch.manual_seed(SEED)
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    with torch.no_grad():
        soften(vae.decoder)
    vae.save_pretrained(folder / "vae")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
