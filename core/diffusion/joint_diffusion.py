"""Algorithm 1 of the paper, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..runtime.memory import Batches
from .coherence import Coherence
from .samplers import Sampler
from .windows import Average, Windows


@dataclass(frozen=True)
class Anchor:
    """What all windows are synchronized to: the window ``index``, or, where that is None, a picture's ``features``."""

    index: int | None
    features: Sequence[Tensor] = ()


@dataclass(frozen=True)
class Step:
    """The state after one denoising step. Latents are canvases (1, C, H, W)."""

    index: int
    latents: Tensor
    x0: Tensor
    loss: float
    """Mean over the windows that were compared with the anchor; NaN where the step did not synchronize."""


class JointDiffusion:
    """SyncDiffusion over one canvas.

    ``denoise`` gives the guided model output for a batch of windows at a timestep. ``weights`` is w of Eq. 14 for every
    step; where it is 0 no gradient work is done, and the step is MultiDiffusion's. ``foresee_noisy`` compares decoded
    noisy latents (Eq. 13) instead of decoded x0 predictions (Eq. 14). ``coherence`` and ``anchor`` may be left out when
    no step synchronizes.
    """

    def __init__(
        self,
        windows: Windows,
        denoise: Callable[[Tensor, Tensor], Tensor],
        sampler: Sampler,
        batches: Batches,
        weights: Sequence[float],
        coherence: Coherence | None = None,
        anchor: Anchor | None = None,
        foresee_noisy: bool = False,
    ) -> None:
        self._windows = windows
        self._denoise = denoise
        self._sampler = sampler
        self._batches = batches
        self._weights = weights
        self._coherence = coherence
        self._anchor = anchor
        self._foresee_noisy = foresee_noisy

    def run(self, z: Tensor) -> Iterator[Step]:
        """From the initial noise z_T (1, C, H, W) down to clean latents, one ``Step`` at a time.

        Raises CancelledError, NotEnoughMemoryError, NotFiniteError.
        """
        for i in range(len(self._sampler.timesteps)):
            step = self._denoise_one_step(z, i)
            yield step
            z = step.latents

    def _denoise_one_step(self, z: Tensor, i: int) -> Step:
        """Lines 11 to 16, one batch of windows at a time.

        The averages of line 7 are taken of the moved latents and of the model's outputs, and the sampler steps on the
        whole canvas: ``samplers`` says why that is the same.
        """
        moved, outputs = Average(self._windows, z), Average(self._windows, z)
        remaining = list(range(len(self._windows)))
        losses: list[Tensor] = []

        if self._weights[i] > 0:
            features, index = self._anchor.features, self._anchor.index
            if index is not None:
                # Line 2: the anchor is not changed, so its first evaluation is also the one it is denoised with.
                for batch, (x, output, seen) in self._batches.run("anchor", [index], partial(self._see_anchor, z, i)):
                    moved.add(batch, x)
                    outputs.add(batch, output)
                    features = seen
                remaining.remove(index)
            kind, work = "gradient", partial(self._synchronize_and_denoise, z, i, features)
        else:
            kind, work = "plain", partial(self._crop_and_denoise, z, i)

        for batch, (x, output, loss) in self._batches.run(kind, remaining, work):
            moved.add(batch, x)
            outputs.add(batch, output)
            losses.append(loss)

        z_hat, output = moved.mean(), outputs.mean()
        return Step(
            i,
            latents=self._sampler.step(z_hat, output, i),
            x0=self._sampler.x0(z_hat, output, i),
            loss=float(torch.cat(losses).mean()) if losses else math.nan,
        )

    @torch.no_grad()
    def _see_anchor(self, z: Tensor, i: int, indices: Sequence[int]) -> tuple[Tensor, Tensor, list[Tensor]]:
        x = self._windows.crop(z, indices)
        output = self._denoise(x, self._sampler.timesteps[i])
        clean = x if self._foresee_noisy else self._sampler.x0(x, output, i)
        return x, output, self._coherence.look(clean)

    def _synchronize_and_denoise(
        self, z: Tensor, i: int, features: Sequence[Tensor], indices: Sequence[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Lines 3 to 5 (Eq. 14) for some windows, and the model evaluated anew where they were moved to (line 14)."""
        x = self._windows.crop(z, indices)
        x_hat, loss = self._coherence.move(x, partial(self._foresee, i), features, self._weights[i])
        with torch.no_grad():
            return x_hat, self._denoise(x_hat, self._sampler.timesteps[i]), loss

    @torch.no_grad()
    def _crop_and_denoise(self, z: Tensor, i: int, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        x = self._windows.crop(z, indices)
        return x, self._denoise(x, self._sampler.timesteps[i]), x.new_full((len(indices),), math.nan)

    def _foresee(self, i: int, x: Tensor) -> Tensor:
        """The latents whose pictures are compared: φ_θ(x_t, t) (Eq. 10), or x_t itself for Eq. 13."""
        if self._foresee_noisy:
            return x
        return self._sampler.x0(x, self._denoise(x, self._sampler.timesteps[i]), i)
