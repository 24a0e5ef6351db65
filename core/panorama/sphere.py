"""From a strip that closes to an equirectangular picture of the whole sphere, and back.

The canvas is a cylinder round the viewer: a strip W pixels round has the radius f = W / 2π, and a row y pixels above
the horizon is seen at the elevation atan(y / f). So a strip of 6:1 covers 55 degrees, one of 4:1 76.
"""

from __future__ import annotations

import math

import numpy as np

from ..request.settings import MAX_HORIZON

# How fast the fill forgets its edge: the Gaussian's width, in turns, is this times the way to the pole, squared.
SPREAD = 0.6
ROWS_AT_ONCE = 64


def equirectangular(strip: np.ndarray, width: int, horizon: float = 0.0) -> np.ndarray:
    """A closed strip (H, W, C) as an equirectangular picture (width / 2, width, C), float32 in the strip's values.

    ``width``: even. ``horizon``: at how many degrees above the horizon the strip's middle is seen. Above and below the
    strip its edge goes on in colour, ever smoother towards the pole, where it is the edge's mean: no pinch, no ring.
    Raises ValueError for an odd width, a horizon at a pole, or a strip of no size.
    """
    if width < 2 or width % 2:
        raise ValueError(f"width: {width} is not an even number of pixels; use {max(width // 2 * 2, 2)}")
    if not -MAX_HORIZON <= horizon <= MAX_HORIZON:
        raise ValueError(f"horizon: {horizon:g} is out of range; use {-MAX_HORIZON:g} to {MAX_HORIZON:g} degrees")
    if strip.ndim != 3 or not strip.size:
        raise ValueError(f"strip: its shape is {strip.shape}; give rows, columns and channels")
    height, radius = strip.shape[0], strip.shape[1] / (2.0 * math.pi)
    turned = _resized(strip.astype(np.float32), width)
    elevation = math.pi * (0.5 - (np.arange(width // 2) + 0.5) / (width // 2))
    level = height / 2.0 + radius * math.tan(math.radians(horizon))  # how far below the strip's top the horizon lies
    row = level - radius * np.tan(elevation) - 0.5  # of the strip, fractional
    sphere = _rows(turned, row)
    for pole, edge_row, beyond in ((0, 0.0, row < 0.0), (-1, height - 1.0, row > height - 1.0)):
        edge_elevation = math.atan((level - 0.5 - edge_row) / radius)
        pole_elevation = math.pi / 2 if pole == 0 else -math.pi / 2
        way = (elevation[beyond] - edge_elevation) / (pole_elevation - edge_elevation)
        sphere[beyond] = _smoothed(turned[pole], SPREAD * way**2)
    return sphere


def strip_of(sphere: np.ndarray, width: int, height: int, horizon: float = 0.0) -> np.ndarray:
    """The strip (height, width, C), float32, that an equirectangular picture (H, 2 H, C) holds: its inverse.

    ``horizon`` as in ``equirectangular``. Raises ValueError where the picture is not twice as wide as high.
    """
    if sphere.ndim != 3 or sphere.shape[1] != 2 * sphere.shape[0]:
        raise ValueError(f"sphere: its shape is {sphere.shape}; it is to be twice as wide as high")
    turned = _resized(sphere.astype(np.float32), width)
    radius = width / (2.0 * math.pi)
    level = height / 2.0 + radius * math.tan(math.radians(horizon))
    elevation = np.arctan((level - np.arange(height) - 0.5) / radius)
    return _rows(turned, (0.5 - elevation / math.pi) * len(sphere) - 0.5)


def _resized(strip: np.ndarray, width: int) -> np.ndarray:
    """The strip with another number of columns, linearly, round the loop."""
    columns = strip.shape[1]
    if width < columns:  # blurred first, so that nothing aliases
        strip = _blurred(strip, 0.5 / width)
    at = (np.arange(width) + 0.5) * columns / width - 0.5
    left = np.floor(at).astype(int)
    share = (at - left).astype(np.float32)[None, :, None]
    return strip[:, left % columns] * (1 - share) + strip[:, (left + 1) % columns] * share


def _rows(strip: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Rows at fractional places, linearly; beyond an edge the edge itself."""
    at = np.clip(at, 0, len(strip) - 1)
    above = np.minimum(np.floor(at).astype(int), max(len(strip) - 2, 0))
    share = (at - above).astype(np.float32)[:, None, None]
    return strip[above] * (1 - share) + strip[np.minimum(above + 1, len(strip) - 1)] * share


def _smoothed(edge: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """The row ``edge`` (W, C) blurred round the loop by Gaussians of these widths: (len(turns), W, C)."""
    rows = np.empty((len(turns), *edge.shape), np.float32)
    for start in range(0, len(turns), ROWS_AT_ONCE):  # spectra of all of them would be many times the picture
        part = turns[start : start + ROWS_AT_ONCE, None, None]
        rows[start : start + ROWS_AT_ONCE] = _blurred(np.broadcast_to(edge, (len(part), *edge.shape)), part)
    return rows


def _blurred(rows: np.ndarray, turns: np.ndarray | float) -> np.ndarray:
    """Rows (N, W, C) blurred along the loop by a Gaussian whose standard deviation is ``turns`` of the circle."""
    waves = np.arange(rows.shape[1] // 2 + 1)[None, :, None]
    spectrum = np.fft.rfft(rows, axis=1) * np.exp(-0.5 * (2.0 * math.pi * turns * waves) ** 2)
    return np.fft.irfft(spectrum, n=rows.shape[1], axis=1).astype(np.float32)
