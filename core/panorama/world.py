"""From an equirectangular picture to a finished world: a picture, or light with a sun in it."""

from __future__ import annotations

import numpy as np

from .light import Sun, expanded


def finished(sphere: np.ndarray, peak: float | None) -> tuple[np.ndarray, Sun | None]:
    """The pixels of a world (H, 2 H, 3) in [0, 1], and the sun in it.

    ``peak`` None: 8-bit sRGB, without a sun; else scene-linear half-float, see ``light``.
    """
    sphere = sphere.clip(0, 1)
    if peak is None:
        return (sphere * 255).round().astype(np.uint8), None
    light, sun = expanded(sphere, peak)
    return light.astype(np.float16), sun
