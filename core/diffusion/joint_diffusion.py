"""Algorithm 1 of the paper, and nothing else."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..runtime.memory import Batches
from .coherence import Coherence
from .foresight import Foresight
from .samplers import Sampler
from .step import Step
from .windows import Average, Windows

Denoise = Callable[..., Tensor]  # windows (B, C, h, w), a timestep, columns=their columns (B, w) to the model's output


@dataclass(frozen=True)
class Anchor:
    """What all windows are synchronized to: the window ``index``, or, where that is None, features from elsewhere.

    ``features`` gives those for a step: of a picture always the same.
    """

    index: int | None
    features: Callable[[int], Sequence[Tensor]] | None = None


@dataclass(frozen=True)
class Shortcuts:
    """What the gradient step leaves out to be fast. The paper leaves nothing out."""

    drop_jacobian: bool = False
    """The gradient does not flow through the denoiser; see ``Foresight``."""
    reuse_output: bool = False
    """The model's output in the gradient pass, at x, is also taken for x̂: windows are not evaluated anew (line 14)."""


EXACT = Shortcuts()


class JointDiffusion:
    """SyncDiffusion over one canvas.

    ``denoise`` gives the guided model output for a batch of windows at a timestep; it is told which columns of the
    canvas they show. ``weights`` is w of Eq. 14 for every
    step; where it is 0 no gradient work is done, and the step is MultiDiffusion's. ``foresee_noisy`` compares decoded
    noisy latents (Eq. 13) instead of decoded x0 predictions (Eq. 14). ``coherence`` and ``anchor`` may be left out when
    no step synchronizes. Where windows shift from step to step, the anchor is the one nearest to where it lies in
    ``windows``. ``correct`` takes the canvas's x0 prediction at a step to one that keeps what is known of it, and the
    step is taken as if the model had foreseen that: known latents stay as they are under the noise they have.
    """

    def __init__(
        self,
        windows: Windows,
        denoise: Denoise,
        sampler: Sampler,
        batches: Batches,
        weights: Sequence[float],
        coherence: Coherence | None = None,
        anchor: Anchor | None = None,
        foresee_noisy: bool = False,
        shortcuts: Shortcuts = EXACT,
        correct: Callable[[Tensor, int], Tensor] | None = None,
    ) -> None:
        self._windows = windows
        self._denoise = denoise
        self._sampler = sampler
        self._batches = batches
        self._weights = weights
        self._coherence = coherence
        self._anchor = anchor
        self._foresee_noisy = foresee_noisy
        self._shortcuts = shortcuts
        self._correct = correct

    def __len__(self) -> int:
        return len(self._sampler.timesteps) - self._sampler.first

    def run(self, z: Tensor) -> Iterator[Step]:
        """From the noisy latents of the sampler's first step (1, C, H, W) down to clean ones, one ``Step`` at a time.

        Raises CancelledError, NotEnoughMemoryError, NotFiniteError.
        """
        for i in range(self._sampler.first, len(self._sampler.timesteps)):
            step = self._denoise_one_step(z, i)
            yield step
            z = step.latents

    def _denoise_one_step(self, z: Tensor, i: int) -> Step:
        """Lines 11 to 16, one batch of windows at a time, merged in their order."""
        windows = self._windows.at_step(i)
        views = _Views(windows, z)
        merge = _Merge(windows, self._sampler, z, i, self._correct)
        waiting = list(range(len(windows)))
        losses: list[Tensor] = []
        kind, work = "plain", partial(self._crop_and_denoise, views, i)
        if self._weights[i] > 0:
            if self._anchor.index is None:
                features = self._anchor.features(i)
            else:
                index = windows.nearest(self._windows.positions[self._anchor.index])
                # Line 2: the anchor is not changed, so its first evaluation is also the one it is denoised with.
                see = partial(self._see_anchor, views, i)
                ((_, (x, output, features)),) = self._batches.run("anchor", [index], see)
                merge.add_in_its_place(index, x, output)
                waiting.remove(index)
            kind, work = "gradient", partial(self._synchronize_and_denoise, views, i, features)
        for batch, (x, output, loss) in self._batches.run(kind, waiting, work):
            merge.add(batch, x, output)
            losses.append(loss)
        return Step(i, *merge.result(), loss=float(torch.cat(losses).mean()) if losses else math.nan)

    @torch.no_grad()
    def _see_anchor(self, views: _Views, i: int, indices: Sequence[int]) -> tuple[Tensor, Tensor, list[Tensor]]:
        x = views.crop(indices)
        output = views.denoiser(self._denoise, indices)(x, self._sampler.timesteps[i])
        clean = x if self._foresee_noisy else self._sampler.x0(x, output, i)
        return x, output, self._coherence.look(clean)

    def _synchronize_and_denoise(
        self, views: _Views, i: int, features: Sequence[Tensor], indices: Sequence[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Lines 3 to 5 (Eq. 14) for some windows, and the model evaluated anew where they were moved to (line 14)."""
        denoise = views.denoiser(self._denoise, indices)
        foresee = self._foresight(denoise, i)
        x_hat, loss = self._coherence.move(views.crop(indices), foresee, features, self._weights[i])
        if self._shortcuts.reuse_output:
            return x_hat, foresee.output, loss
        with torch.no_grad():
            return x_hat, denoise(x_hat, self._sampler.timesteps[i]), loss

    @torch.no_grad()
    def _crop_and_denoise(self, views: _Views, i: int, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        x = views.crop(indices)
        output = views.denoiser(self._denoise, indices)(x, self._sampler.timesteps[i])
        return x, output, x.new_full((len(indices),), math.nan)

    def _foresight(self, denoise: Denoise, i: int) -> Callable[[Tensor], Tensor]:
        """x_t to the latents whose pictures are compared: φ_θ(x_t, t) (Eq. 10), or x_t itself for Eq. 13."""
        if self._foresee_noisy:
            return lambda x: x
        return Foresight(denoise, self._sampler, i, self._shortcuts.drop_jacobian)


@dataclass(frozen=True)
class _Views:
    """The windows of one step, over its canvas."""

    windows: Windows
    z: Tensor

    def crop(self, indices: Sequence[int]) -> Tensor:
        """T_z→i: the latents (B, C, h, w) of some windows."""
        return self.windows.crop(self.z, indices)

    def denoiser(self, denoise: Denoise, indices: Sequence[int]) -> Callable[[Tensor, Tensor], Tensor]:
        """The denoiser for these windows."""
        return partial(denoise, columns=self.windows.columns(indices, self.z))


class _Merge:
    """Line 14 and Eq. 12 for one step: from the windows' moved latents and model outputs to the next canvas.

    A sampler without memory steps every window, and the results are averaged, as the paper has it. One with a history
    steps once on the whole canvas, from the averages of what it is given: ``samplers`` says why that is the same but
    for rounding (which is why the former is kept: a large w makes much of the last bit).
    """

    def __init__(
        self,
        windows: Windows,
        sampler: Sampler,
        z: Tensor,
        i: int,
        correct: Callable[[Tensor, int], Tensor] | None = None,
    ) -> None:
        self._sampler = sampler
        self._i = i
        self._correct = correct
        self._moved, self._outputs, self._stepped = (Average(windows, z) for _ in range(3))
        self._early: tuple[int, Tensor, Tensor] | None = None

    def add_in_its_place(self, index: int, x: Tensor, output: Tensor) -> None:
        """Keep a window that is done before its turn, so that sums are taken in the order of the windows."""
        self._early = (index, x, output)

    def add(self, indices: Sequence[int], x: Tensor, output: Tensor) -> None:
        """Add windows in their order: their moved latents x̂ and the model's output there, each (B, C, h, w)."""
        if self._early is not None and indices[-1] > self._early[0]:
            cut = bisect_left(indices, self._early[0])
            self._add(indices[:cut], x[:cut], output[:cut])
            self._add_early()
            indices, x, output = indices[cut:], x[cut:], output[cut:]
        self._add(indices, x, output)

    def result(self) -> tuple[Tensor, Tensor]:
        """The latents at t - 1, and the canvas foreseen at t (Eq. 10)."""
        self._add_early()
        z, output = self._moved.mean(), self._outputs.mean()
        x0 = self._sampler.x0(z, output, self._i)
        if self._correct is not None:
            x0 = self._correct(x0, self._i)
            if self._i + 1 == len(self._sampler.timesteps):
                return x0, x0  # some samplers leave a trace of noise
            return self._sampler.step(z, self._sampler.output_for(z, x0, self._i), self._i), x0
        latents = self._stepped.mean() if self._sampler.memoryless else self._sampler.step(z, output, self._i)
        return latents, x0

    def _add_early(self) -> None:
        if self._early is not None:
            index, x, output = self._early
            self._early = None
            self._add([index], x, output)

    def _add(self, indices: Sequence[int], x: Tensor, output: Tensor) -> None:
        if not indices:
            return
        self._moved.add(indices, x)
        self._outputs.add(indices, output)
        if self._sampler.memoryless:
            self._stepped.add(indices, self._sampler.step(x, output, self._i))
