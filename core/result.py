"""What a run gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass
class Result:
    """A finished panorama. ``pixels`` is 8-bit (H, W, 3), of a world the whole sphere; the rest is float32.

    Where the range of a world is expanded, ``pixels`` is scene-linear light, half-float.

    ``latents`` (1, C, h, w) are those before decoding, ``losses`` (steps,) is NaN where a step did not synchronize,
    ``trace`` (steps, C, h, w) is empty unless it was asked for.
    """

    pixels: np.ndarray
    latents: np.ndarray
    trace: np.ndarray
    losses: np.ndarray
    request: dict[str, Any]
    stopped_after: int | None = None
    """After how many steps sampling was ended on request; None where it took them all."""
    report: dict[str, Any] = field(default_factory=dict)
    output: Path | None = None
    """Where the picture was written; None where it was not."""
