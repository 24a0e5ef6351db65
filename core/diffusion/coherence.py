"""The coherence term: Eq. 14, one gradient step that brings windows closer to the anchor's look."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..decoding.decoder import Decoder
from ..errors import NotFiniteError
from ..perceptual.distance import PerceptualDistance
from ..runtime.precision import Network, is_finite

# Backward passes in float16 lose small gradients; a loss scaled by this keeps their direction.
FLOAT16_LOSS_SCALE = 2.0**14
LOSS_SCALE_STEP = 2.0**-7


class Coherence:
    """Moves windows down the gradient of the perceptual distance L to the anchor (line 4 of Algorithm 1).

    ``networks`` are those the gradient runs through; they move to float32 should half precision lose it.
    """

    def __init__(self, distance: PerceptualDistance, decoder: Decoder, networks: Sequence[Network]) -> None:
        self._distance = distance
        self._decoder = decoder
        self._networks = networks
        float16 = any(network.module.dtype == torch.float16 for network in networks)
        self._loss_scale = FLOAT16_LOSS_SCALE if float16 else 1.0

    @torch.no_grad()
    def look(self, clean: Tensor) -> list[Tensor]:
        """Features of the anchor, from its foreseen clean latents (1, C, h, w)."""
        return self.look_at_image(self._decoder.images(clean))

    @torch.no_grad()
    def look_at_image(self, image: Tensor) -> list[Tensor]:
        """Features of an anchor that is a picture (1, 3, H, W) in [0, 1]."""
        return self._distance.features(image)

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
        images = self._decoder.images(foresee(x))
        losses = self._distance.distance(self._distance.features(images), anchor)
        (gradient,) = torch.autograd.grad(losses.sum() * self._loss_scale, x)
        return gradient / self._loss_scale, losses.detach()

    def _to_float32(self) -> bool:
        """Whether there was a network left to move to float32."""
        half = [network for network in self._networks if network.is_half]
        for network in half:
            network.to_float32("the gradient is not finite")
        return bool(half)
