"""Perspective views from the middle of the sphere: where they lie over a pole, and what each sees.

A direction is (x, y, z), z up. The azimuth φ = atan2(y, x) grows to the right for who looks out, as the columns of an
equirectangular picture do: column u of W is seen at φ = 2π (u + 0.5) / W.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

VIEW_ANGLE = math.radians(70.0)
OVERLAP = math.radians(15.0)  # of a ring of views with the next
ACROSS = 0.85  # share of a view's width in which its neighbour in the ring takes over
# How soon a view gives way to the one that sees a place nearer to its middle. A mean of several is a picture without
# texture, so it is soon.
SHARPNESS = 4


@dataclass(frozen=True)
class View:
    """A square perspective view. Angles in radians; ``angle`` is what it sees from side to side."""

    azimuth: float
    elevation: float
    angle: float = VIEW_ANGLE

    @property
    def reach(self) -> float:
        """Half the side of the picture at distance 1."""
        return math.tan(self.angle / 2)

    @cached_property
    def basis(self) -> np.ndarray:
        """Rows: to the right, down, ahead; each a unit vector (3,), float64."""
        a, e = self.azimuth, self.elevation
        right = (-math.sin(a), math.cos(a), 0.0)
        down = (math.sin(e) * math.cos(a), math.sin(e) * math.sin(a), -math.cos(e))
        ahead = (math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e))
        return np.array((right, down, ahead))

    def directions(self, size: int) -> np.ndarray:
        """The unit vector (size, size, 3), float32, of every pixel."""
        at = self.reach * ((np.arange(size) + 0.5) * 2 / size - 1)
        x, y = np.meshgrid(at, at)
        rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ self.basis
        return (rays / np.linalg.norm(rays, axis=-1, keepdims=True)).astype(np.float32)

    def places(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where directions (..., 3) are seen: x and y from -1 to 1 across the picture, and whether they are in it."""
        right, down, ahead = np.moveaxis(directions @ self.basis.T.astype(directions.dtype), -1, 0)
        seen = ahead > 1e-6
        scale = 1 / (self.reach * np.where(seen, ahead, 1.0))
        x, y = right * scale, down * scale
        return x, y, seen & (np.abs(x) < 1) & (np.abs(y) < 1)


def views_over_pole(radius: float, up: bool) -> tuple[View, ...]:
    """Views that together see all within ``radius`` (radians, up to π) of the zenith, or, not ``up``, of the nadir.

    The first looks straight at the pole, the others in rings round it.
    """
    sign = 1 if up else -1
    if radius <= math.radians(45.0):
        return (View(0.0, sign * math.pi / 2, 2 * radius),)
    views = [View(0.0, sign * math.pi / 2)]
    covered = VIEW_ANGLE / 2
    while covered < radius:
        # As much of the ring's height beyond what is covered as it takes, and no less overlap than it needs.
        tilt = min(
            covered + VIEW_ANGLE / 2 - OVERLAP, max((covered + radius) / 2, radius - VIEW_ANGLE / 2 + OVERLAP / 3)
        )
        elevation = math.pi / 2 - tilt
        outer = min(tilt + VIEW_ANGLE / 2, radius, math.pi)
        half = min(_half_width(elevation, tilt - polar) for polar in (max(covered - OVERLAP / 2, 0.0), outer))
        count = math.ceil(math.pi / (ACROSS * half))
        views += [View(2 * math.pi * k / count, sign * elevation) for k in range(count)]
        covered = tilt + VIEW_ANGLE / 2 if tilt + VIEW_ANGLE / 2 < math.pi else math.pi
    return tuple(views)


def _half_width(elevation: float, above: float) -> float:
    """How far in azimuth a view at an elevation reaches to each side, ``above`` its middle (radians)."""
    across = math.cos(elevation) - math.sin(elevation) * math.tan(above)
    return math.atan2(math.tan(VIEW_ANGLE / 2), across)


def weight(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How much a view counts at a place in it (-1 to 1): 1 in the middle, smoothly 0 at the edge."""
    return ((1 - x**2) * (1 - y**2)).clip(0) ** SHARPNESS


def sphere_directions(width: int, rows: slice) -> np.ndarray:
    """Unit vectors (rows, width, 3), float32, of rows of an equirectangular picture (width / 2, width)."""
    azimuth = 2 * math.pi * (np.arange(width, dtype=np.float32) + 0.5) / width
    numbers = np.arange(width // 2, dtype=np.float32)[rows]
    elevation = math.pi * (0.5 - (numbers[:, None] + 0.5) / (width // 2))
    level = np.cos(elevation)
    parts = (
        level * np.cos(azimuth),
        level * np.sin(azimuth),
        np.broadcast_to(np.sin(elevation), (len(numbers), width)),
    )
    return np.stack(parts, axis=-1).astype(np.float32)


def bilinear(picture: np.ndarray, x: np.ndarray, y: np.ndarray, wrap_x: bool = False) -> np.ndarray:
    """Colours (..., C) of a picture (H, W, C) at fractional pixels; edges go on, or wrap round in x."""
    height, width = picture.shape[:2]
    if not wrap_x:
        x = x.clip(0, width - 1)
    y = y.clip(0, height - 1)
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    across, along = (x - left)[..., None].astype(np.float32), (y - top)[..., None].astype(np.float32)
    left, right = (left % width, (left + 1) % width) if wrap_x else (left, np.minimum(left + 1, width - 1))
    bottom = np.minimum(top + 1, height - 1)
    upper = picture[top, left] * (1 - across) + picture[top, right] * across
    lower = picture[bottom, left] * (1 - across) + picture[bottom, right] * across
    return upper * (1 - along) + lower * along


def look(sphere: np.ndarray, view: View, size: int) -> np.ndarray:
    """What a view sees of an equirectangular picture (H, 2 H, C): (size, size, C), float32."""
    height, width = sphere.shape[:2]
    directions = view.directions(size)
    azimuth = np.arctan2(directions[..., 1], directions[..., 0])
    elevation = np.arcsin(directions[..., 2].clip(-1, 1))
    return bilinear(
        sphere, azimuth / (2 * math.pi) % 1.0 * width - 0.5, (0.5 - elevation / math.pi) * height - 0.5, wrap_x=True
    )


# The faces as one walks round from the picture's middle, then up and down with the middle's face below and above them.
FACES = {
    "left": (math.pi / 2, 0.0),
    "front": (math.pi, 0.0),
    "right": (3 * math.pi / 2, 0.0),
    "back": (0.0, 0.0),
    "up": (math.pi, math.pi / 2),
    "down": (math.pi, -math.pi / 2),
}


def cube_faces(sphere: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """The six faces of the cube round an equirectangular picture, each (size, size, C), float32."""
    return {name: look(sphere, View(a, e, math.pi / 2), size) for name, (a, e) in FACES.items()}


def faces_sheet(sphere: np.ndarray, size: int) -> np.ndarray:
    """The cube unfolded: left, front, right, back in a row, up and down above and below the front; the rest black."""
    faces = cube_faces(sphere, size)
    sheet = np.zeros((3 * size, 4 * size, sphere.shape[2]), np.float32)
    for name, (row, column) in zip(faces, ((1, 0), (1, 1), (1, 2), (1, 3), (0, 1), (2, 1)), strict=True):
        sheet[row * size : (row + 1) * size, column * size : (column + 1) * size] = faces[name]
    return sheet
