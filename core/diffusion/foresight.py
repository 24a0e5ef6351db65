"""Looking ahead: the clean latents a noisy window is on its way to, and how they change with it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .samplers import Sampler


class Foresight:
    """φ_θ(x_t, t) of Eq. 10 at one step, to be differentiated in x_t (B, C, h, w).

    The exact Jacobian of φ runs through the denoiser. With ``drop_jacobian`` the denoiser is held constant and a·I
    stands in for it, a = √α_t. For a model that predicts v, φ = a x - s v, this is what a constant v leaves. A constant
    ε, φ = (x - s ε) / a, would leave I / a, which is 15 times the step at t = 1000; the exact one is a Cov[x0 | x] / s²
    by Tweedie's formula, and for latents of unit variance, as models scale theirs, Cov[x0 | x] = s² I: a·I again. So
    for ε the gradient with ε constant is rescaled by a² = α_t, and a step keeps about the size of the exact one.
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
            clean = clean + self._sampler.scales(self._i)[0] * (x - x.detach())  # adds 0, with the gradient a
        return clean
