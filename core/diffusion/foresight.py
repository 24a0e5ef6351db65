"""Looking ahead: the clean latents a noisy window is on its way to, and how they change with it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .samplers import Sampler

# Variance of latents along the gradients of a perceptual distance, for which c is their exact Jacobian's size. Measured
# on the built-in model, guidance included (docs/performance.md).
POWER = 128.0


class Foresight:
    """φ_θ(x_t, t) of Eq. 10 at one step, to be differentiated in x_t (B, C, h, w).

    The exact Jacobian of φ runs through the denoiser. With ``drop_jacobian`` the denoiser is left out and a number c
    stands in for it, so that a step keeps about the size of the exact one. By Tweedie's formula the exact Jacobian is
    a Cov[x0 | x] / s² (a² = α_t, s² = 1 - α_t). In a direction in which latents have the variance λ this is

        c = a λ / (a² λ + s²):

    a where λ = 1, as for fine detail, and 1 / a where λ is large, which is also what a constant ε leaves of
    φ = (x - s ε) / a. Where a perceptual distance wants to go, which is to other colours and tones over wide areas, λ
    is large: ``POWER``.
    """

    def __init__(
        self, denoise: Callable[[Tensor, Tensor], Tensor], sampler: Sampler, i: int, drop_jacobian: bool = False
    ) -> None:
        self._denoise = denoise
        self._sampler = sampler
        self._i = i
        self._drop_jacobian = drop_jacobian
        self.output: Tensor
        """What the model gave at the last call, without its graph."""

    def __call__(self, x: Tensor) -> Tensor:
        """The foreseen clean latents."""
        with torch.set_grad_enabled(not self._drop_jacobian):
            output = self._denoise(x, self._sampler.timesteps[self._i])
            clean = self._sampler.x0(x, output, self._i)
        self.output = output.detach()
        if self._drop_jacobian:
            clean = clean + stand_in_jacobian(*self._sampler.scales(self._i)) * (x - x.detach())  # adds 0
        return clean


def stand_in_jacobian(a: float, s: float) -> float:
    """c of ``Foresight`` at a step's scales."""
    return a * POWER / (a * a * POWER + s * s)
