"""The coherence term: Eq. 14, one gradient step that brings windows closer to the anchor's look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import NotFiniteError
from ..perceptual.distance import PerceptualDistance
from ..runtime.precision import Network, is_finite

# Backward passes in float16 lose small gradients; a loss scaled by this keeps their direction.
FLOAT16_LOSS_SCALE = 2.0**14
LOSS_SCALE_STEP = 2.0**-7


class WindowDecoder(Protocol):
    """D of Eq. 14: from windows of clean latents (B, C, h, w) to images (B, 3, H, W) in [0, 1], differentiable."""

    def images(self, latents: Tensor) -> Tensor:
        """The images."""


class Coherence:
    """Moves windows down the gradient of the perceptual distance L to the anchor (line 4 of Algorithm 1).

    ``networks`` are those the gradient runs through; they move to float32 should half precision lose it. With
    ``half_scale`` pictures are compared at half their size: latents are averaged two by two before they are decoded,
    which costs a quarter of the decoder too (halving the decoded picture would spare the distance alone).
    """

    def __init__(
        self,
        distance: PerceptualDistance,
        decoder: WindowDecoder,
        networks: Sequence[Network],
        half_scale: bool = False,
    ) -> None:
        self._distance = distance
        self._decoder = decoder
        self._networks = networks
        self._half_scale = half_scale
        float16 = any(network.module.dtype == torch.float16 for network in networks)
        self._loss_scale = FLOAT16_LOSS_SCALE if float16 else 1.0

    @torch.no_grad()
    def look(self, clean: Tensor) -> list[Tensor]:
        """Features of the anchor, from its foreseen clean latents (1, C, h, w)."""
        return self._features(clean)

    @torch.no_grad()
    def look_at_image(self, image: Tensor) -> list[Tensor]:
        """Features of an anchor that is a picture (1, 3, H, W) in [0, 1]."""
        return self._distance.features(self._scaled(image))

    def move(
        self, x: Tensor, foresee: Callable[[Tensor], Tensor], anchor: list[Tensor], weight: float
    ) -> tuple[Tensor, Tensor]:
        """x̂ = x - w ∇ L(D(foresee(x)), anchor) for a batch of windows (B, C, h, w), and L before the move (B,).

        ``foresee`` gives the latents that are decoded and compared: the x0 prediction (Eq. 14) or x itself (Eq. 13).
        Windows do not see each other, so the gradient of the sum is that of each. Raises NotFiniteError.
        """
        while True:
            gradient, losses = self._gradient(x, foresee, anchor)
            if is_finite(gradient):
                return x.detach() - weight * gradient, losses
            if self._loss_scale > 1:
                self._loss_scale = max(1.0, self._loss_scale * LOSS_SCALE_STEP)
            elif not self._to_float32():
                raise NotFiniteError(
                    "the gradient of the perceptual distance is NaN or infinite in float32 too; lower --sync-weight or "
                    "--guidance-scale"
                )

    @torch.enable_grad()
    def _gradient(self, x: Tensor, foresee: Callable[[Tensor], Tensor], anchor: list[Tensor]) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        losses = self._distance.distance(self._features(foresee(x)), anchor)
        (gradient,) = torch.autograd.grad(losses.sum() * self._loss_scale, x)
        return gradient / self._loss_scale, losses.detach()

    def _features(self, clean: Tensor) -> list[Tensor]:
        return self._distance.features(self._decoder.images(self._scaled(clean)))

    def _scaled(self, picture: Tensor) -> Tensor:
        """Latents or pixels, at half their size if so wanted (an odd size is rounded up)."""
        return F.avg_pool2d(picture, 2, ceil_mode=True) if self._half_scale else picture

    def _to_float32(self) -> bool:
        """Whether there was a network left to move to float32."""
        half = [network for network in self._networks if network.is_half]
        for network in half:
            network.to_float32("the gradient is not finite")
        return bool(half)
