"""Pictures from weights in training, by plain DDIM, to be looked at on the way."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .view import save, sheet
from .words import tokens

if TYPE_CHECKING:
    from .latents import Latents
    from .loop import Worker

# Stable Diffusion's noise schedule, stretched so that it ends in pure noise (Lin et al. 2023, "Common diffusion noise
# schedules and sample steps are flawed", Algorithm 1): else the last timestep keeps a trace of the picture's mean, and
# sampling, which starts from pure noise, takes that for a grey one.
SCHEDULER: Mapping[str, Any] = {
    "_class_name": "DDIMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
}
PROMPTS = (
    "a photo of a mountain range at twilight",
    "natural landscape in anime style illustration",
    "cartoon panorama of spring summer beautiful nature",
    "a photo of a forest with a misty fog",
    "a photo of a snowy mountain peak with skiers",
    "a photo of a city skyline at night",
    "a photo of the ocean at sunset",
    "a photo of a lake under the northern lights",
    "a watercolour painting of autumn trees",
    "a photo of sand dunes on a sunny day",
    "a photo of a beach with palm trees",
    "a photo of waves on the sea in a thunderstorm with lightning",
    "a photo of a brick wall",
    "the sky at sunrise",
    "a landscape",
    "a photo of nature",
)


def alphas_cumprod() -> Tensor:
    """The alphas of the paper, (1000,) float32; the last is 0."""
    start, end = SCHEDULER["beta_start"] ** 0.5, SCHEDULER["beta_end"] ** 0.5
    betas = torch.linspace(start, end, SCHEDULER["num_train_timesteps"], dtype=torch.float64) ** 2
    roots = (1 - betas).cumprod(0).sqrt()
    first, last = roots[0], roots[-1]
    return ((roots - last) * first / (first - last)).square().float()


@torch.no_grad()
def sample(unet: Any, embeddings: Tensor, empty: Tensor, noise: Tensor, steps: int, guidance: float) -> Tensor:
    """Clean latents by DDIM with guidance. ``embeddings``, ``noise``: batch first; ``empty``: (1, tokens, width)."""
    alphas = alphas_cumprod().to(noise.device)
    timesteps = torch.linspace(len(alphas) - 1, 0, steps + 1).long()
    condition = torch.cat([embeddings, empty.expand_as(embeddings)])
    x = noise
    for now, after in itertools.pairwise(timesteps):
        prompted, plain = unet(torch.cat([x, x]), now, condition).sample.float().chunk(2)
        v = plain + guidance * (prompted - plain)
        a, s = alphas[now].sqrt(), (1 - alphas[now]).sqrt()
        x0, epsilon = a * x - s * v, s * x + a * v
        x = alphas[after].sqrt() * x0 + (1 - alphas[after]).sqrt() * epsilon
    return x


@torch.no_grad()
def sample_sheet(
    worker: Worker,
    path: Path,
    networks: Mapping[str, Any],
    averages: Mapping[str, Mapping[str, Tensor]],
    tokenizer: Any,
    vae: Any,
    latents: Latents,
    steps: int = 20,
    guidance: float = 5.0,
) -> None:
    """A contact sheet of PROMPTS from the averaged weights."""
    made = {name: copy.deepcopy(network).eval() for name, network in networks.items()}
    for name, network in made.items():
        network.load_state_dict(averages[name])
    noise = torch.randn((len(PROMPTS), *latents.values.shape[1:]), generator=torch.Generator().manual_seed(0)).to(
        worker.device
    )
    with worker.autocast():
        embeddings = made["text_encoder"](tokens(tokenizer, PROMPTS).to(worker.device))[0]
        empty = made["text_encoder"](tokens(tokenizer, [""]).to(worker.device))[0]
        z = sample(made["unet"], embeddings, empty, noise, steps, guidance)
        decoded = vae.decode(latents.unscaled(z)).sample.float()
    save(sheet(to_images(decoded), list(PROMPTS), columns=8), path, scale=0.5, colours=0)


def to_images(decoded: Tensor) -> list[np.ndarray]:
    """A tensor (B, 3, H, W) in [-1, 1] to pictures (H, W, 3) uint8."""
    pixels = ((decoded.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
    return list(pixels.cpu().numpy())
