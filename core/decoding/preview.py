"""Cheap previews: a linear map from latents to RGB, fitted to the model's own decoder."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.facts import ModelFacts
from .decoder import Decoder

SAMPLES = 8
SAMPLE_LATENTS = 8


class LatentPreview:
    """RGB ≈ latents @ matrix + offset, one pixel for each latent.

    ``matrix`` is (C, 3), ``offset`` (3,); fitted once per model by ``fit_preview``.
    """

    def __init__(self, matrix: Tensor, offset: Tensor) -> None:
        self._matrix = matrix
        self._offset = offset

    def __call__(self, latents: Tensor) -> Tensor:
        """Clean latents (1, C, h, w) to an 8-bit picture (h, w, 3) on the CPU."""
        rgb = latents[0].permute(1, 2, 0).float() @ self._matrix + self._offset
        return (rgb.clamp(0, 1) * 255).round().byte().cpu()


@torch.no_grad()
def fit_preview(
    decoder: Decoder, encode: Callable[[Tensor], Tensor], facts: ModelFacts, device: torch.device
) -> LatentPreview:
    """Fit the map by least squares on smooth coloured pictures that the model's VAE encodes and decodes.

    ``encode`` takes pictures (B, 3, H, W) in [0, 1] to clean latents. Pictures and not noise, since the decoder shows
    noise in colours that no clean latent has.
    """
    generator = torch.Generator().manual_seed(0)
    size = SAMPLE_LATENTS * facts.latent_factor
    coarse = torch.rand((SAMPLES, 3, 4, 4), generator=generator)
    pictures = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False).clamp(0, 1)
    rows, columns = [], []
    for picture in pictures.to(device):
        latents = encode(picture[None])
        # Three strengths: x0 predictions of early steps are paler than finished latents.
        for strength in (0.5, 1.0, 1.5):
            image = decoder.images(latents * strength)
            rows.append((latents * strength)[0].flatten(1).T)
            columns.append(F.avg_pool2d(image, facts.latent_factor)[0].flatten(1).T)
    inputs = torch.cat(rows).cpu().double()
    inputs = torch.cat([inputs, torch.ones_like(inputs[:, :1])], dim=1)
    solution = torch.linalg.lstsq(inputs, torch.cat(columns).cpu().double()).solution.float().to(device)
    return LatentPreview(solution[:-1], solution[-1])
