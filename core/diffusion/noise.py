"""The initial noise: the same for a seed on every device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch


def initial_noise(seed: int, shape: Sequence[int]) -> torch.Tensor:
    """x_T ~ N(0, I) of shape (1, C, H, W), float32, from a CPU generator."""
    return torch.randn(tuple(shape), generator=torch.Generator("cpu").manual_seed(seed))


def read_latents(path: Path) -> torch.Tensor:
    """The array ``latents`` of an .npz, as float32.

    Raises ValueError with a sentence when the file is not an .npz, holds no such array, or holds NaN.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            latents = arrays["latents"]
    except FileNotFoundError:
        raise ValueError(f"there is no file {str(path)!r}") from None
    except KeyError:
        raise ValueError(f"{path.name!r} holds no array named 'latents'") from None
    except Exception as error:  # whatever numpy and zipfile raise on a file that is not theirs
        raise ValueError(f"{path.name!r} is not an .npz file that can be read") from error
    if latents.dtype.kind != "f":
        raise ValueError(f"'latents' in {path.name!r} is {latents.dtype}, not floating point")
    if not np.isfinite(latents).all():
        raise ValueError(f"'latents' in {path.name!r} holds NaN or infinity")
    return torch.from_numpy(latents.astype(np.float32))
