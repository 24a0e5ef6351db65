"""What stands in for the denoiser's Jacobian."""

import math

import pytest
import torch

from syncdiffusion.core.diffusion.foresight import POWER, Foresight, stand_in_jacobian


class Gaussian:
    """The best denoiser of latents of one variance, with the sampler's scales at one step."""

    def __init__(self, variance, alpha):
        self.variance, self.a, self.s = variance, math.sqrt(alpha), math.sqrt(1 - alpha)
        self.timesteps = torch.tensor([500])

    def scales(self, _):
        return self.a, self.s

    def x0(self, x, output, _):
        return (x - self.s * output) / self.a

    def denoise(self, x, _):
        mean = self.a * self.variance / (self.a**2 * self.variance + self.s**2) * x
        return (x - self.a * mean) / self.s


@pytest.mark.parametrize("alpha", [0.005, 0.3, 0.99])
def test_it_is_exact_for_latents_of_that_variance(alpha):
    world = Gaussian(POWER, alpha)
    x = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    seen = {}
    for drop in (False, True):
        foresight = Foresight(world.denoise, world, 0, drop)
        clean = foresight(x)
        assert not foresight.output.requires_grad
        seen[drop] = (clean.detach(), torch.autograd.grad(clean.square().sum(), x)[0])
    torch.testing.assert_close(seen[True], seen[False])


def test_it_lies_between_what_detail_and_what_a_constant_noise_leave():
    for alpha in (0.01, 0.5, 0.99):
        a, s = math.sqrt(alpha), math.sqrt(1 - alpha)
        assert a < stand_in_jacobian(a, s) < 1 / a
