"""Latents to pixels by a tiny decoder: windows inside the loss, and previews."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..runtime.precision import Network
from .decoder import to_unit_range

# Of a preview's longest side, in latents to decode and in pixels to show.
MAX_PREVIEW_LATENTS, MAX_PREVIEW_PIXELS = 512, 512


class TinyDecoder:
    """D of Eq. 14 by an ``AutoencoderTiny``, which takes latents as the denoiser has them, without a scale."""

    def __init__(self, network: Any, warn: Callable[[str], None]) -> None:
        self.network = Network("tiny decoder", network, _decode, warn)

    def images(self, latents: Tensor) -> Tensor:
        """Windows (B, C, h, w) to images (B, 3, H, W) in [0, 1]. Differentiable."""
        return to_unit_range(self.network(latents).to(latents.dtype))


class TinyPreview:
    """Previews with detail, in place of ``LatentPreview``'s map of colours."""

    def __init__(self, decoder: TinyDecoder) -> None:
        self._decoder = decoder

    @torch.no_grad()
    def __call__(self, latents: Tensor) -> Tensor:
        """Clean latents (1, C, h, w) to an 8-bit picture (H, W, 3) on the CPU, at most 512 pixels a side."""
        image = self._decoder.images(_at_most(latents, MAX_PREVIEW_LATENTS))
        picture = _at_most(image, MAX_PREVIEW_PIXELS)[0].permute(1, 2, 0)
        return (picture.float() * 255).round().byte().cpu()


def _at_most(canvas: Tensor, longest: int) -> Tensor:
    """A canvas (1, C, h, w) averaged over areas, so that neither side is longer."""
    factor = math.ceil(max(canvas.shape[-2:]) / longest)
    return F.interpolate(canvas, [max(side // factor, 1) for side in canvas.shape[-2:]], mode="area")


def _decode(network: Any, latents: Tensor) -> Tensor:
    return network.decode(latents.to(network.dtype), return_dict=False)[0]
