"""Pictures of any kind as the engine and the commands take them: sRGB in [0, 1]."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .files.exr import is_exr, read_exr
from .files.images import ImageError, read_picture, read_request
from .panorama.light import flattened, to_srgb
from .request.world import PEAK


def read_srgb(path: Path) -> np.ndarray:
    """A picture (H, W, 3) in [0, 1], float32; of light the picture that was expanded to it. Raises ImageError."""
    try:
        if not is_exr(path):
            return read_picture(path)
        return to_srgb(flattened(read_exr(path), _peak(path)))
    except OSError as error:
        raise ImageError(f"{str(path)!r} cannot be read: {error}") from error


def displayed(pixels: np.ndarray) -> np.ndarray:
    """What a result's pixels (H, W, 3) look like, 8-bit; light is cut off at white."""
    if pixels.dtype == np.uint8:
        return pixels
    return (to_srgb(pixels) * 255).round().astype(np.uint8)


def _peak(path: Path) -> float:
    try:
        return read_request(path).get("peak") or PEAK
    except ImageError:
        return PEAK  # light from elsewhere
