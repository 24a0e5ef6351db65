"""From a strip that closes to an equirectangular picture of the whole sphere, and back.

The canvas is a cylinder round the viewer: a strip W pixels round has the radius f = W / 2π, and a row y pixels above
the horizon is seen at the elevation atan(y / f). So a strip of 6:1 covers 55 degrees, one of 4:1 76.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..request.settings import MAX_HORIZON

# How fast the fill forgets its edge: the Gaussian's width, in turns, is this times the way to the pole, squared. It is
# never sharper than the second: what is fine at the edge would go on as streaks.
SPREAD = 0.6
SHARPEST = 0.01
# The fill's colour is that of the strip's outermost rows, this share of its height, in which it takes over.
EDGE = 0.08
ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Cylinder:
    """The strip as it stands round the viewer. Sizes in pixels, elevations in radians.

    ``horizon``: at how many degrees above the horizon the strip's middle is seen.
    """

    width: int
    height: int
    horizon: float = 0.0

    @property
    def radius(self) -> float:
        """The viewer's distance to it."""
        return self.width / (2.0 * math.pi)

    @property
    def level(self) -> float:
        """How far below the strip's top the horizon lies."""
        return self.height / 2.0 + self.radius * math.tan(math.radians(self.horizon))

    @property
    def top(self) -> float:
        """Elevation of its upper edge."""
        return math.atan(self.level / self.radius)

    @property
    def bottom(self) -> float:
        """Elevation of its lower edge."""
        return math.atan((self.level - self.height) / self.radius)

    def rows(self, elevation: np.ndarray) -> np.ndarray:
        """The fractional row that is seen at an elevation: 0 in the middle of the first."""
        return self.level - self.radius * np.tan(elevation) - 0.5


def equirectangular(strip: np.ndarray, width: int, horizon: float = 0.0) -> np.ndarray:
    """A closed strip (H, W, C) as an equirectangular picture (width / 2, width, C), float32 in the strip's values.

    ``width``: even. ``horizon``: at how many degrees above the horizon the strip's middle is seen. Above and below the
    strip the colours of its edges go on, ever smoother towards the pole, where they are their mean: no pinch, no ring.
    Raises ValueError for an odd width, a horizon at a pole, or a strip of no size.
    """
    if width < 2 or width % 2:
        raise ValueError(f"width: {width} is not an even number of pixels; use {max(width // 2 * 2, 2)}")
    if not -MAX_HORIZON <= horizon <= MAX_HORIZON:
        raise ValueError(f"horizon: {horizon:g} is out of range; use {-MAX_HORIZON:g} to {MAX_HORIZON:g} degrees")
    if strip.ndim != 3 or not strip.size:
        raise ValueError(f"strip: its shape is {strip.shape}; give rows, columns and channels")
    cylinder = Cylinder(strip.shape[1], strip.shape[0], horizon)
    turned = _resized(strip.astype(np.float32), width)
    elevation = elevations(width)
    row = cylinder.rows(elevation)
    sphere = _rows(turned, row)
    margin = max(EDGE * cylinder.height, 1.0)
    for pole, beyond_edge in ((math.pi / 2, -0.5 - row), (-math.pi / 2, row - (cylinder.height - 0.5))):
        filled = np.flatnonzero(beyond_edge > -margin)
        edge = cylinder.top if pole > 0 else cylinder.bottom
        outermost = turned[: math.ceil(margin)] if pole > 0 else turned[-math.ceil(margin) :]
        way = ((elevation[filled] - edge) / (pole - edge)).clip(0, 1)
        fill = _smoothed(outermost.mean(0), SHARPEST + SPREAD * way**2)
        share = smoothstep(1 + beyond_edge[filled] / margin)[:, None, None]
        sphere[filled] += share * (fill - sphere[filled])
    return sphere


def strip_of(sphere: np.ndarray, width: int, height: int, horizon: float = 0.0) -> np.ndarray:
    """The strip (height, width, C), float32, that an equirectangular picture (H, 2 H, C) holds: its inverse.

    ``horizon`` as in ``equirectangular``. Raises ValueError where the picture is not twice as wide as high.
    """
    if sphere.ndim != 3 or sphere.shape[1] != 2 * sphere.shape[0]:
        raise ValueError(f"sphere: its shape is {sphere.shape}; it is to be twice as wide as high")
    turned = _resized(sphere.astype(np.float32), width)
    cylinder = Cylinder(width, height, horizon)
    elevation = np.arctan((cylinder.level - np.arange(height) - 0.5) / cylinder.radius)
    return _rows(turned, (0.5 - elevation / math.pi) * len(sphere) - 0.5)


def elevations(width: int) -> np.ndarray:
    """The elevation of every row of an equirectangular picture (width / 2, width), from π / 2 down to -π / 2."""
    return math.pi * (0.5 - (np.arange(width // 2) + 0.5) / (width // 2))


def smoothstep(share: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth between."""
    share = share.clip(0, 1).astype(np.float32)
    return share * share * (3 - 2 * share)


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
