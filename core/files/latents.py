"""Latents on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def read_latents(path: Path) -> np.ndarray:
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
    with np.errstate(over="ignore"):
        latents = latents.astype(np.float32)
    if not np.isfinite(latents).all():
        raise ValueError(f"'latents' in {path.name!r} holds NaN or infinity")
    return latents
