"""Pictures of the sphere that are known in every direction."""

import math

import numpy as np

from syncdiffusion.core.panorama.sphere import Cylinder


def colours(directions: np.ndarray) -> np.ndarray:
    """Smooth colours (..., 3) in [0, 1] of unit vectors (..., 3)."""
    x, y, z = np.moveaxis(directions, -1, 0)
    return np.stack([0.5 + 0.3 * np.sin(3 * x + 1) * y, 0.5 + 0.4 * z, 0.5 + 0.2 * np.cos(4 * y)], -1).astype("f4")


def strip_directions(width: int, height: int, horizon: float = 0.0) -> np.ndarray:
    """Unit vectors (height, width, 3) of a strip's pixels."""
    cylinder = Cylinder(width, height, horizon)
    elevation = np.arctan((cylinder.level - np.arange(height) - 0.5) / cylinder.radius)[:, None]
    azimuth = 2 * math.pi * (np.arange(width) + 0.5) / width
    level = np.cos(elevation)
    up = np.broadcast_to(np.sin(elevation), (height, width))
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), up], -1)
