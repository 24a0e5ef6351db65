"""Latents to pixels by a tiny decoder, for windows inside the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..runtime.precision import Network
from .decoder import to_unit_range


class TinyDecoder:
    """D of Eq. 14 by an ``AutoencoderTiny``, which takes latents as the denoiser has them, without a scale."""

    def __init__(self, network: Any, warn: Callable[[str], None]) -> None:
        self.network = Network("tiny decoder", network, _decode, warn)

    def images(self, latents: Tensor) -> Tensor:
        """Windows (B, C, h, w) to images (B, 3, H, W) in [0, 1]. Differentiable."""
        return to_unit_range(self.network(latents).to(latents.dtype))


def _decode(network: Any, latents: Tensor) -> Tensor:
    return network.decode(latents.to(network.dtype), return_dict=False)[0]
