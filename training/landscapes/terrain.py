"""Land as a field of heights: seen along rays with true occlusion, lit by its slopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .canvas import FAR, Canvas
from .noise import TURN, Array, look, mix, smooth

Heights = Callable[[Array, Array, Array, Array], Array]
"""(east, north, distance, azimuth) in metres and radians, broadcasting to (depths, width) -> heights in metres."""


@dataclass
class Land:
    """What the rays meet. ``rows`` of the canvas see land at all; fields are (rows, width).

    ``lambert`` is the share of direct light, ``steep`` the tangent of the slope, ``hollow`` above 0 in valleys;
    ``height`` is that of the land also under water. ``base``, ``height_at`` and ``foot`` tell where things stand.
    """

    rows: slice
    seen: Array
    distance: Array
    height: Array
    lambert: Array
    steep: Array
    hollow: Array
    east: Array
    north: Array
    depths: Array  # (depths,)
    slopes: Array  # (depths, width): of the land at each depth, hidden or not
    eye: float
    heights: Heights
    level: float | None

    def base(self, distance: float) -> Array:
        """(width,) slopes at which the land lies at a distance."""
        position = float(np.interp(distance, self.depths, np.arange(self.depths.size)))
        below = min(int(position), self.depths.size - 2)
        return mix(self.slopes[below], self.slopes[below + 1], np.float32(position - below))

    def height_at(self, azimuth: float, distance: float) -> float:
        """Height of the land (not of water over it) at one spot, in the picture or beside it, in metres."""
        theta, far = np.full((1, 1), azimuth % TURN, np.float32), np.full((1, 1), distance, np.float32)
        return float(self.heights(far * np.sin(theta), far * np.cos(theta), far, theta)[0, 0])

    def foot(self, azimuth: float, distance: float) -> float:
        """Slope at which something stands at one spot."""
        height = self.height_at(azimuth, distance)
        return (max(height, self.level) if self.level is not None else height) / distance - self.eye / distance


def trace(
    canvas: Canvas,
    heights: Heights,
    eye: float,
    nearest: float,
    farthest: float,
    level: float | None = None,
    count: int = 150,
    ranges: float = 0.0,
) -> Land:
    """Follow the rays of a canvas over a field of heights from a viewer ``eye`` metres above 0.

    ``level`` is that of water, which lies flat over what is deeper. Beyond ``ranges`` (if given) half of the ``count``
    depths lie, for mountains.
    """
    view, light = canvas.view, canvas.light
    nearest = min(nearest, 0.6 * eye / max(-float(canvas.slope[-1]), 0.1))  # nearer than the lowest row sees
    if ranges:
        near, far = (
            np.geomspace(nearest, ranges, count // 2, endpoint=False),
            np.geomspace(ranges, farthest, count - count // 2),
        )
        depths = np.concatenate([near, far]).astype(np.float32)
    else:
        depths = np.geomspace(nearest, farthest, count).astype(np.float32)
    east, north = depths[:, None] * np.sin(canvas.theta)[None], depths[:, None] * np.cos(canvas.theta)[None]
    raw = heights(east, north, depths[:, None], canvas.theta[None]).astype(np.float32)
    flat = raw if level is None else np.maximum(raw, np.float32(level))
    slopes = (flat - np.float32(eye)) / depths[:, None]

    # Normals from differences along the ray and along the arc.
    outward = np.gradient(flat, axis=0) / np.gradient(depths)[:, None]
    sideways = np.gradient(flat, axis=1) / (depths[:, None] * np.float32(view.pixel))
    right, up, ahead = light.direction
    sine, cosine = np.sin(canvas.theta)[None], np.cos(canvas.theta)[None]
    toward, across = right * sine + ahead * cosine, right * cosine - ahead * sine
    norm = 1.0 / np.sqrt(1.0 + outward**2 + sideways**2)
    lambert = np.maximum((up - outward * toward - sideways * across) * norm, 0.0)
    # Valleys: lower than the land some way before and behind.
    reach = 6
    padded = np.pad(flat, ((reach, reach), (0, 0)), mode="edge")
    hollow = (0.5 * (padded[2 * reach :] + padded[: -2 * reach]) - flat) / (depths[:, None] * 0.05)

    # A row r is met by depth d when the horizon of all before lies below it: count those, row by row.
    horizon = np.maximum.accumulate(slopes, axis=0)
    first_clear = np.clip(np.ceil(view.row_of(horizon)), 0, view.rows).astype(np.int64)
    flat_index = first_clear * view.width + np.arange(view.width)
    histogram = np.bincount(flat_index.ravel(), minlength=(view.rows + 1) * view.width).reshape(
        view.rows + 1, view.width
    )
    passed = np.cumsum(histogram[::-1], axis=0)[::-1][1:]  # (rows, width): depths whose horizon is below the row
    land_rows = np.flatnonzero((passed < count).any(axis=1))
    top = int(land_rows[0]) if land_rows.size else view.rows - 1
    rows = slice(top, view.rows)
    passed = passed[rows]
    seen = passed < count
    index = np.clip(passed, 1, count - 1)
    flat_index = index * view.width + np.arange(view.width)[None]

    def take(grid: Array) -> tuple[Array, Array]:
        return grid.ravel()[flat_index - view.width], grid.ravel()[flat_index]

    before, behind = take(slopes)
    share = np.clip((canvas.slope[rows, None] - before) / np.where(behind > before, behind - before, 1.0), 0.0, 1.0)
    share = np.where(behind > before, share, 1.0).astype(np.float32)

    def between(grid: Array) -> Array:
        a, b = take(grid)
        return a + (b - a) * share

    distance = mix(depths[index - 1], depths[index], share)
    canvas.depth[rows] = np.where(seen, distance, FAR)
    return Land(
        rows=rows,
        seen=seen,
        distance=distance,
        height=between(raw),
        lambert=between(lambert),
        steep=between(np.hypot(outward, sideways)),
        hollow=between(hollow),
        east=distance * np.sin(canvas.theta)[None],
        north=distance * np.cos(canvas.theta)[None],
        depths=depths,
        slopes=slopes,
        eye=eye,
        heights=heights,
        level=level,
    )


def grain(canvas: Canvas, land: Land, kind: str, metres: float, amount: float) -> Array:
    """Texture of the ground about 0, (rows, width), of wavelength ``metres``: too fine ones fade."""
    footprint = land.distance * np.float32(canvas.view.pixel)
    length = np.minimum(land.distance * footprint / max(land.eye, 1.0), footprint * 6.0)  # of a pixel on level ground
    total = np.zeros_like(land.distance)
    for wave, share in ((metres, 0.55), (metres / 5.3, 0.45)):
        seen = np.flatnonzero((np.maximum(length, footprint) < wave * 0.6).any(axis=1))
        if seen.size == 0:
            continue
        rows = slice(seen[0], seen[-1] + 1)  # those where anything of it is left
        fade = smooth(wave * 0.6, wave * 0.08, np.maximum(length, footprint)[rows])
        noise = look(kind, land.east[rows] * (1.0 / wave) + wave, land.north[rows] * (1.0 / wave))
        total[rows] += (noise - 0.5) * (share * fade)
    return total * np.float32(amount * canvas.detail)


def paint_land(canvas: Canvas, land: Land, albedo: Array, roughness: Array | float = 0.0) -> None:
    """Paint lit and hazed land of the given colours (rows, width, 3); ``roughness`` is added to the light."""
    light = canvas.light
    shade = canvas.toned(np.clip(land.lambert * 1.15 + roughness, 0.0, 1.0))
    # Hollows see less sky; steep faces too.
    open_sky = np.clip(1.0 - 0.35 * np.clip(land.hollow, -0.6, 1.0), 0.55, 1.15)
    colour = albedo * (light.ambient * open_sky[..., None] + light.direct * shade[..., None])
    colour = canvas.hazed(colour, land.distance, land.rows)
    part = canvas.image[land.rows]
    np.copyto(part, colour, where=land.seen[..., None])


def cover_with(base: Array, colour: Array, share: Array) -> Array:
    """``colour`` (3,) or (..., 3) laid over ``base`` where ``share`` (...) is."""
    return base + (colour - base) * share[..., None]
