"""What the methods have in common: from the initial noise to clean latents, one step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Step:
    """The state after one denoising step. Latents are canvases (1, C, H, W)."""

    index: int
    latents: Tensor
    x0: Tensor
    loss: float
    """Mean over the windows that were compared with the anchor; NaN where the step did not synchronize."""


class Diffusion(Protocol):
    """A method. Its length is the number of steps that a run takes."""

    def __len__(self) -> int: ...

    def run(self, z: Tensor) -> Iterator[Step]:
        """From the initial noise z_T (1, C, H, W) down to clean latents."""
