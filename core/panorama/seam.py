"""Whether a picture that closes shows where it does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seam:
    """The step at the join, from a picture's last column (or row) to its first, among those inside the picture.

    ``rank`` is the share of the inner steps that are smaller: about 0.5 where the join is like any other place, near 1
    where it shows. ``step`` and ``usual`` (the median) are means over the join, in the picture's values.
    """

    rank: float
    step: float
    usual: float


def seam(picture: np.ndarray, cell: int = 8, axis: int = 1) -> Seam:
    """The join of a picture (H, W, C) along ``axis`` (1: left and right), beside the steps at borders of latents.

    ``cell``: pixels to a latent, so that it is compared with steps that the decoder treats alike. Raises
    ValueError where the picture is too small to have any.
    """
    columns = np.moveaxis(np.asarray(picture, dtype=np.float32), axis, 0)
    borders = np.arange(cell, len(columns), cell)
    if len(borders) == 0:
        raise ValueError(f"its {len(columns)} pixels hold no border of cells of {cell}; take a larger picture")
    steps = np.abs(columns[borders] - columns[borders - 1]).mean(axis=(1, 2))
    join = float(np.abs(columns[0] - columns[-1]).mean())
    rank = (steps < join).mean() + 0.5 * (steps == join).mean()
    return Seam(float(rank), join, float(np.median(steps)))


def rolled(picture: np.ndarray, axis: int = 1) -> np.ndarray:
    """The picture rolled by half, so that the join lies in its middle."""
    return np.roll(picture, picture.shape[axis] // 2, axis)
