"""Blended Latent Diffusion (Avrahami et al., 2022, arXiv:2206.02779) as image extrapolation.

A panorama grows from its centre window. Every further window overlaps what is known and is inpainted: at each step the
known part of its noisy latents gives way to the known latents, noised to that step's level. That is the baseline BLD of
the SyncDiffusion paper; the picture is decoded by ``background.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..runtime.memory import Batches
from .samplers import Sampler
from .step import Step
from .windows import Windows

NOISE_SEED = 2**31  # added to the seed of a run: seeds end below, so no run's initial noise is another's blending noise


@dataclass(frozen=True)
class Growth:
    """One window that is grown: its index, and where it was known before, a mask (window, window)."""

    index: int
    known: Tensor


def growth(windows: Windows) -> list[Growth]:
    """The windows in the order in which a canvas grows: the centre first, then the nearest to it.

    Windows that hold nothing new are left out.
    """
    covered = torch.zeros((windows.height, windows.width), dtype=torch.bool)
    order = []
    centre = windows.positions[windows.center]
    for index in sorted(range(len(windows)), key=lambda index: windows.squared_distance(index, centre)):
        pixels = windows.pixels(index, covered)
        known = covered[pixels].clone()
        if not known.all():
            order.append(Growth(index, known))
            covered[pixels] = True
    return order


class BlendedExtrapolation:
    """Grows a canvas window by window; each takes all the steps, with a sampler of its own.

    ``denoise`` gives the guided model output for a batch of windows at a timestep. ``make_sampler`` gives one at its
    first step; where samplers add noise, all draw from one generator. ``seed`` is of the noise that known latents are
    given.
    """

    def __init__(
        self,
        windows: Windows,
        denoise: Callable[[Tensor, Tensor], Tensor],
        make_sampler: Callable[[], Sampler],
        batches: Batches,
        seed: int,
    ) -> None:
        self._windows = windows
        self._denoise = denoise
        self._make_sampler = make_sampler
        self._batches = batches
        self._noise = torch.Generator("cpu").manual_seed(NOISE_SEED + seed)
        self._growth = growth(windows)

    def __len__(self) -> int:
        return len(self._growth) * len(self._make_sampler().timesteps)

    def run(self, z: Tensor) -> Iterator[Step]:
        """From the initial noise z_T (1, C, H, W) down to clean latents, all steps of one window after another's.

        A step's latents are clean where the canvas has grown, noisy in the window at work, and the initial noise
        elsewhere. Raises CancelledError, NotEnoughMemoryError, NotFiniteError.
        """
        canvas, foreseen, index = z, torch.zeros_like(z), 0
        for grown in self._growth:
            sampler = self._make_sampler()
            known = grown.known.to(z.device)
            source = self._windows.crop(canvas, [grown.index])
            x = self._windows.crop(z, [grown.index])
            for i in range(len(sampler.timesteps)):
                x = torch.where(known, self._noised(source, *sampler.scales(i)), x)
                output = self._evaluate(grown.index, x, sampler.timesteps[i])
                x0 = torch.where(known, source, sampler.x0(x, output, i))
                x = sampler.step(x, output, i)
                latents = self._put(canvas, grown.index, torch.where(known, source, x))
                yield Step(index, latents, self._put(foreseen, grown.index, x0), math.nan)
                index += 1
            canvas = latents
            foreseen = self._put(foreseen, grown.index, torch.where(known, source, x))

    def _noised(self, clean: Tensor, scale: float, sigma: float) -> Tensor:
        """Eq. 5: latents that are known, at a step's level of noise."""
        noise = torch.randn(clean.shape, generator=self._noise).to(clean)
        return scale * clean + sigma * noise

    @torch.no_grad()
    def _evaluate(self, index: int, x: Tensor, timestep: Tensor) -> Tensor:
        ((_, output),) = self._batches.run("window", [index], lambda _: self._denoise(x, timestep))
        return output

    def _put(self, canvas: Tensor, index: int, window: Tensor) -> Tensor:
        rows, columns = self._windows.pixels(index, canvas)
        canvas = canvas.clone()
        canvas[:, :, rows, columns] = window
        return canvas
