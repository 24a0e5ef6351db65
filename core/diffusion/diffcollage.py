"""DiffCollage (Zhang et al., 2023, arXiv:2303.17076): the score of a canvas, composed of those of its parts.

Windows along an axis are taken for a chain: two neighbours depend on each other through what they share alone. The
score of the whole is then the sum of the windows' scores less those of the overlaps. On a grid the rule holds for
both axes: an overlap of an overlap, at a corner of four windows, counts positive again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..runtime.memory import Batches
from .samplers import Sampler
from .step import Step
from .windows import Windows, pixels_of, shared_spans


@dataclass(frozen=True)
class Part:
    """A rectangle of the canvas whose score is added (sign 1) or taken away (sign -1). In latents."""

    place: tuple[int, int]
    size: tuple[int, int]
    sign: int


def parts_of(windows: Windows) -> tuple[Part, ...]:
    """The windows and their overlaps. Over every latent the signs add up to one."""
    rows = _spans(windows.tops, windows.window, windows.height, windows.wrap_y)
    columns = _spans(windows.lefts, windows.window, windows.width, windows.wrap_x)
    return tuple(
        Part((top, left), (height, width), row_sign * column_sign)
        for top, height, row_sign in rows
        for left, width, column_sign in columns
    )


def _spans(starts: Sequence[int], window: int, length: int, wrap: bool) -> list[tuple[int, int, int]]:
    """(start, size, sign) of the windows along an axis and of what neighbours share."""
    shared = shared_spans(starts, window, length, wrap)
    return [(start, window, 1) for start in starts] + [(start, size, -1) for start, size in shared]


class DiffCollage:
    """One step on the whole canvas at a time, from model outputs that are composed as scores are.

    That is exact for a model that predicts ε, which is the score times -s, and for one that predicts v, which is
    (ε - s x) / a: the signs over a latent add up to one, so x counts once. ``denoise`` gives the guided model output
    for a batch of windows or of overlaps, which are smaller, at a timestep.
    """

    def __init__(
        self, windows: Windows, denoise: Callable[[Tensor, Tensor], Tensor], sampler: Sampler, batches: Batches
    ) -> None:
        self._denoise = denoise
        self._sampler = sampler
        self._batches = batches
        self._canvas = (windows.height, windows.width)
        self._parts = parts_of(windows)

    def __len__(self) -> int:
        return len(self._sampler.timesteps)

    def run(self, z: Tensor) -> Iterator[Step]:
        """From the initial noise z_T (1, C, H, W) down to clean latents.

        Raises CancelledError, NotEnoughMemoryError, NotFiniteError.
        """
        for i in range(len(self)):
            output = self._compose(z, i)
            x0 = self._sampler.x0(z, output, i)
            z = self._sampler.step(z, output, i)
            yield Step(i, z, x0, math.nan)

    def _compose(self, z: Tensor, i: int) -> Tensor:
        """The model's output for the canvas: parts of one size at a time, since only those make a batch."""
        total = torch.zeros_like(z, dtype=torch.promote_types(z.dtype, torch.float32))
        for height, width in dict.fromkeys(part.size for part in self._parts):
            same = [n for n, part in enumerate(self._parts) if part.size == (height, width)]
            for batch, outputs in self._batches.run(f"{height}x{width}", same, partial(self._crop_and_denoise, z, i)):
                for number, output in zip(batch, outputs, strict=True):
                    rows, columns = self._pixels(number, z)
                    total[:, :, rows, columns] += self._parts[number].sign * output.to(total.dtype)
        return total

    @torch.no_grad()
    def _crop_and_denoise(self, z: Tensor, i: int, numbers: Sequence[int]) -> Tensor:
        views = []
        for number in numbers:
            rows, columns = self._pixels(number, z)
            views.append(z[:, :, rows, columns])
        return self._denoise(torch.cat(views), self._sampler.timesteps[i])

    def _pixels(self, number: int, like: Tensor) -> tuple[Tensor, Tensor]:
        part = self._parts[number]
        return pixels_of(part.place, part.size, self._canvas, like)
