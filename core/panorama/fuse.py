"""From a strip and perspective views above and below it to one equirectangular picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .sphere import Cylinder, elevations, equirectangular, smoothstep
from .views import View, bilinear, sphere_directions, weight

# Within this much of the strip's edge (radians; never more than an eighth of what the strip covers) it gives way to the
# views, which hold the same picture there.
FEATHER = math.radians(5.0)
RIM = 0.04  # of half a view's side: within it a view gives way to the fill where no other sees anything
ROWS_AT_ONCE = 128


def feather(cylinder: Cylinder) -> float:
    """How far inside the strip's edges, in radians, the views take over."""
    return min(FEATHER, (cylinder.top - cylinder.bottom) / 8)


def fuse(strip: np.ndarray, width: int, horizon: float, painted: Sequence[tuple[View, np.ndarray]]) -> np.ndarray:
    """An equirectangular picture (width / 2, width, C), float32, of a strip (H, W, C) and of views (S, S, C).

    Where views overlap each counts by ``weight``; where none sees anything, the strip's edges go on as in
    ``equirectangular``.
    """
    sphere = equirectangular(strip, width, horizon)
    cylinder = Cylinder(strip.shape[1], strip.shape[0], horizon)
    elevation, band = elevations(width), feather(cylinder)
    strip_share = np.minimum(cylinder.top - elevation, elevation - cylinder.bottom) / band
    strip_share = smoothstep(strip_share)
    for start in range(0, width // 2, ROWS_AT_ONCE):
        rows = slice(start, min(start + ROWS_AT_ONCE, width // 2))
        if (strip_share[rows] >= 1).all():
            continue
        directions = sphere_directions(width, rows)
        total = np.zeros(directions.shape[:2], np.float32)
        covered = np.zeros_like(total)
        colour = np.zeros((*directions.shape[:2], strip.shape[2]), np.float32)
        for view, picture in painted:
            x, y, seen = view.places(directions)
            if not seen.any():
                continue
            x, y = x[seen], y[seen]
            half = picture.shape[0] / 2
            share = weight(x, y)
            covered[seen] = np.maximum(covered[seen], (1 - np.maximum(np.abs(x), np.abs(y))) / RIM)
            total[seen] += share
            colour[seen] += share[:, None] * bilinear(picture, (x + 1) * half - 0.5, (y + 1) * half - 0.5)
        share = (1 - strip_share[rows])[:, None] * smoothstep(covered)
        sphere[rows] += share[..., None] * (colour / np.maximum(total, 1e-30)[..., None] - sphere[rows])
    return sphere
