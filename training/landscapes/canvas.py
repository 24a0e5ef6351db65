"""Where a picture is painted: the rays of its pixels, the colours and the depths so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .light import Light
from .noise import Array, smooth

WINDOW_ANGLE = math.pi / 3.0  # one window sees 60 degrees; six of them close the circle
FOCAL = 1.0 / WINDOW_ANGLE  # heights of a window per unit of slope
ROWS_PER_PIXEL = 2  # the rows are finer than the pixels: ridges are level lines, mostly
FAR = 1e9


@dataclass(frozen=True)
class View:
    """A part of the panorama: ``width`` columns from ``left`` on, in pixels of a window of ``size`` pixels.

    The projection is a cylinder about the viewer: columns are azimuths, rows are slopes (tangents of the elevation).
    """

    size: int
    left: int
    width: int
    horizon: float  # from the top, in heights of the window; outside 0 to 1 when looking up or down

    @property
    def rows(self) -> int:
        """Rows painted, ``ROWS_PER_PIXEL`` to a pixel."""
        return self.size * ROWS_PER_PIXEL

    @property
    def theta(self) -> Array:
        """(width,) azimuths of the columns' centres, radians in [0, 2 pi)."""
        turn = 6 * self.size
        return (((np.arange(self.width) + self.left) % turn + 0.5) * (WINDOW_ANGLE / self.size)).astype(np.float32)

    @property
    def slope(self) -> Array:
        """(rows,) slopes of the rows' centres, falling from the top."""
        return ((self.horizon - (np.arange(self.rows) + 0.5) / self.rows) / FOCAL).astype(np.float32)

    @property
    def pixel(self) -> float:
        """Width of a pixel in radians (and in slope, near enough)."""
        return WINDOW_ANGLE / self.size

    def row_of(self, slope: Array | float) -> Array:
        """Rows, as fractions, where a slope lies (the inverse of ``slope``)."""
        return (self.horizon - np.asarray(slope) * FOCAL) * self.rows - 0.5


def cells_in_view(view: View, count: int, beside: int) -> list[int]:
    """Numbers of those of ``count`` equal sectors of the circle that lie in a view or up to ``beside`` sectors off it.

    They rise, and may be negative or beyond ``count``; none is there twice, however wide the view.
    """
    start, sector = view.left * view.pixel, 2.0 * math.pi / count
    first = math.floor(start / sector) - beside
    last = math.ceil((start + view.width * view.pixel) / sector) + beside
    return list(range(first, min(last, first + count)))


def angle_between(theta: Array, azimuth: Array | float) -> Array:
    """Shortest way from ``azimuth`` to ``theta``, radians in [-pi, pi)."""
    return (theta - azimuth + math.pi) % (2.0 * math.pi) - math.pi


@dataclass
class Canvas:
    """Colours ``image`` (rows, width, 3) and distances ``depth`` (rows, width) in metres; painted from far to near."""

    view: View
    light: Light
    detail: float  # 1 for photographs; less flattens textures for drawn styles
    crisp: float  # 0 for soft light, towards 1 for light in flat steps
    image: Array
    depth: Array
    haze_colour: Array  # (rows, width, 3): what far things fade into, from the sky behind them
    theta: Array = field(init=False)
    slope: Array = field(init=False)

    def __post_init__(self) -> None:
        self.theta, self.slope = self.view.theta, self.view.slope

    def toned(self, lambert: Array) -> Array:
        """Light in [0, 1], in steps as far as the style is crisp."""
        lambert = np.clip(lambert, 0.0, 1.0)
        if self.crisp == 0.0:
            return lambert
        steps = 0.12 + 0.42 * smooth(0.28, 0.34, lambert) + 0.28 * smooth(0.66, 0.72, lambert)
        return lambert + (steps - lambert) * self.crisp

    def hazed(self, colour: Array, distance: Array | float, rows: slice, columns: slice | Array = slice(None)) -> Array:
        """Colours (rows, width, 3) of a part as they look from ``distance`` (metres, broadcast to (rows, width))."""
        share = 1.0 - np.exp(np.asarray(distance, np.float32) * np.float32(-1.0 / self.light.haze))
        return colour + (self.haze_colour[rows, columns] - colour) * np.asarray(share)[..., None]

    def blend(self, rows: slice, columns: slice, cover: Array, colour: Array, distance: float | None = None) -> None:
        """Paint ``colour`` over a part where ``cover`` is, behind what is nearer than ``distance``."""
        if distance is not None:
            depth = self.depth[rows, columns]
            cover = cover * (depth >= distance)
            depth[cover > 0.5] = distance
        part = self.image[rows, columns]
        part += (colour - part) * cover[..., None]
