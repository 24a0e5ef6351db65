"""Windows over a canvas of latents: where they lie, how they are cropped (T_z→i) and averaged (Eq. 12).

Pure functions of shapes. A canvas is (1, C, height, width); a batch of windows is (B, C, window, window).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


# Multiples of these, modulo 1, stay as far from each other as any sequence does: the golden ratio and the square root
# of two, less 1. So no seam of a step lies near one of the steps before.
SPREAD_X, SPREAD_Y = (math.sqrt(5) - 1) / 2, math.sqrt(2) - 1


def window_starts(length: int, window: int, stride: int, wrap: bool, shift: int = 0) -> tuple[int, ...]:
    """Starts of the windows along one axis of ``length`` latents.

    Open axis: multiples of ``stride``, as the authors lay them, and one last window pulled in to the end where the
    stride leaves a rest. Wrapped axis: ``ceil(length / stride)`` windows spread round the loop, window k at
    ``floor(k * length / count)``, so that spacings differ by at most one.

    ``shift`` (0 to ``stride`` - 1) moves them all to the right: round the loop, or, on an open axis, as far as the end,
    with one more window at the beginning, where they leave a gap.
    """
    if not 1 <= stride <= window <= length:
        raise ValueError(f"1 <= stride {stride} <= window {window} <= length {length} does not hold")
    if wrap:
        count = math.ceil(length / stride)
        return tuple((k * length // count + shift) % length for k in range(count))
    last = length - window
    # A window that begins where another does, both held at an end, is one.
    return tuple(dict.fromkeys([0, *range(shift, last, stride), last]))


def shared_spans(starts: Sequence[int], window: int, length: int, wrap: bool) -> tuple[tuple[int, int], ...]:
    """(start, size) of what each window of an axis shares with the next one, where the two overlap."""
    following = [*starts[1:], starts[0] + length] if wrap else starts[1:]
    pairs = zip(starts, following, strict=wrap)
    return tuple((after % length, start + window - after) for start, after in pairs if start + window > after)


def pixels_of(
    place: tuple[int, int], size: tuple[int, int], canvas: tuple[int, int], like: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Row indices (height, 1) and column indices (width,) of a rectangle on a canvas, wrapped round the loop."""
    import torch

    rows, columns = (
        (start + torch.arange(span, device=like.device)) % length
        for start, span, length in zip(place, size, canvas, strict=True)
    )
    return rows[:, None], columns


@dataclass(frozen=True)
class Windows:
    """Square windows over a canvas, in raster order (row by row). All sizes in latents.

    With a ``shift_seed`` they lie elsewhere at every step (``at_step``), by less than a stride, so that their edges are
    hardly twice in the same place. That is what lets windows be joined that do not overlap (SpotDiffusion, Frolov et
    al., WACV 2025), and keeps the two ends of a loop from always meeting at an edge. Where they do overlap, they fade
    into each other: ``feather`` latents from its edge inwards a window counts less the nearer the edge.
    """

    height: int
    width: int
    window: int
    stride: int
    wrap_y: bool = False
    wrap_x: bool = False
    shift_seed: int | None = None
    shift_y: int = 0
    shift_x: int = 0
    feather: int = 0

    def at_step(self, step: int) -> Windows:
        """The windows of a denoising step: these, or, with a ``shift_seed``, these shifted as it says."""
        if self.shift_seed is None:
            return self
        shift_y, shift_x = (int((self.shift_seed + step) * spread % 1 * self.stride) for spread in (SPREAD_Y, SPREAD_X))
        feather = self.window - self.stride
        return replace(self, shift_seed=None, shift_y=shift_y, shift_x=shift_x, feather=feather)

    @cached_property
    def tops(self) -> tuple[int, ...]:
        """First row of each row of windows."""
        return window_starts(self.height, self.window, self.stride, self.wrap_y, self.shift_y)

    @cached_property
    def lefts(self) -> tuple[int, ...]:
        """First column of each column of windows."""
        return window_starts(self.width, self.window, self.stride, self.wrap_x, self.shift_x)

    @cached_property
    def positions(self) -> tuple[tuple[int, int], ...]:
        """(top, left) of every window."""
        return tuple((top, left) for top in self.tops for left in self.lefts)

    def __len__(self) -> int:
        return len(self.tops) * len(self.lefts)

    @property
    def center(self) -> int:
        """Index of the anchor the paper takes: the centre window, ``count // 2`` in raster order."""
        return len(self) // 2

    def nearest(self, position: tuple[int, int]) -> int:
        """Index of the window that begins nearest to ``position`` (top, left), the first of several."""
        return min(range(len(self)), key=lambda index: self.squared_distance(index, position))

    def squared_distance(self, index: int, position: tuple[int, int]) -> int:
        """From where a window begins to ``position`` (top, left); on an axis that wraps, the shorter way round."""

        def apart(start: int, to: int, length: int, wrap: bool) -> int:
            way = abs(start - to)
            return min(way, length - way) if wrap else way

        top, left = self.positions[index]
        down = apart(top, position[0], self.height, self.wrap_y)
        return down**2 + apart(left, position[1], self.width, self.wrap_x) ** 2

    def pixels(self, index: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Row indices (window, 1) and column indices (window,) of a window on the canvas, wrapped round the loop."""
        return pixels_of(self.positions[index], (self.window, self.window), (self.height, self.width), like)

    def columns(self, indices: Sequence[int], like: torch.Tensor) -> torch.Tensor:
        """The columns of the canvas that windows show, (B, window), on the device of ``like``."""
        import torch

        return torch.stack([self.pixels(index, like)[1] for index in indices])

    def crop(self, canvas: torch.Tensor, indices: Sequence[int]) -> torch.Tensor:
        """T_z→i: the windows ``indices`` of a canvas (1, C, H, W), as one batch (B, C, window, window)."""
        import torch

        views = []
        for index in indices:
            rows, columns = self.pixels(index, canvas)
            views.append(canvas[:, :, rows, columns])
        return torch.cat(views)

    def shares(self, like: torch.Tensor) -> torch.Tensor:
        """How much each latent of a window counts in the average, (window, window), in (0, 1]: 1 but near the edges."""
        import torch

        inwards = torch.arange(1, self.window + 1, device=like.device, dtype=like.dtype)
        fade = (torch.minimum(inwards, inwards.flip(0)) / (self.feather + 1)).clamp(max=1)
        return fade[:, None] * fade


@dataclass(frozen=True)
class Panels(Windows):
    """``count`` square canvases side by side, each with its own windows: none lies across two of them."""

    count: int = 1

    @cached_property
    def lefts(self) -> tuple[int, ...]:
        """First column of each column of windows."""
        side = self.width // self.count
        starts = window_starts(side, self.window, self.stride, False)
        return tuple(panel * side + start for panel in range(self.count) for start in starts)


class Average:
    """The mean over the windows that cover each latent (Eq. 12), each by its share, one batch of windows at a time.

    Sums are taken window by window and in float32 at least, so that the result does not depend on how the windows
    were batched.
    """

    def __init__(self, windows: Windows, like: torch.Tensor) -> None:
        import torch

        shape = (1, like.shape[1], windows.height, windows.width)
        dtype = torch.promote_types(like.dtype, torch.float32)
        self._windows = windows
        self._sum = torch.zeros(shape, dtype=dtype, device=like.device)
        self._total = torch.zeros((1, 1, *shape[2:]), dtype=dtype, device=like.device)
        self._shares = windows.shares(self._total)

    def add(self, indices: Sequence[int], views: torch.Tensor) -> None:
        """Add the windows ``indices``, given as a batch (B, C, window, window)."""
        for index, view in zip(indices, views, strict=True):
            rows, columns = self._windows.pixels(index, view)
            self._sum[:, :, rows, columns] += self._shares * view.to(self._sum.dtype)
            self._total[:, :, rows, columns] += self._shares

    def mean(self) -> torch.Tensor:
        """The canvas z (1, C, H, W). Raises ValueError when a latent has been covered by no window."""
        if not bool((self._total > 0).all()):
            raise ValueError("the windows added so far do not cover the canvas")
        return self._sum / self._total
