"""The initial noise: the same for a seed on every device."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch


def initial_noise(seed: int, shape: Sequence[int]) -> torch.Tensor:
    """x_T ~ N(0, I) of shape (1, C, H, W), float32, from a CPU generator."""
    return torch.randn(tuple(shape), generator=torch.Generator("cpu").manual_seed(seed))


def generator_after(seed: int, shape: Sequence[int]) -> torch.Generator:
    """The generator of ``initial_noise`` after that draw.

    Noise that a sampler adds later goes on with it, as in diffusers' pipelines.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    torch.randn(tuple(shape), generator=generator)
    return generator


def generator_for(seed: int, part: str) -> torch.Generator:
    """A generator of a run's own for a named part of it, whose noise is to be none of the canvas's.

    Hashed, for of a seed a CPU generator uses the lower 32 bits, and requests may have 31 of them.
    """
    digest = hashlib.sha256(f"{part} {seed}".encode()).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:4], "little"))
