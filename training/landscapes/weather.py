"""What moves in the sky: curtains of aurora, rain and lightning, banks of fog, falling snow."""

from __future__ import annotations

import math

import numpy as np

from .canvas import FOCAL, Canvas, View, angle_between
from .light import Light, rgb
from .noise import Array, around, hashed, look, mix, ring, shift_of, smooth


def paint_aurora(image: Array, light: Light, slope: Array, theta: Array, seed: int) -> None:
    """Add curtains to a sky (rows, width, 3): a bright folded hem, rays that fade upwards from green to violet."""
    kind = float(hashed(seed, 20))
    hem_colour = rgb("60ffa0") if kind < 0.7 else rgb("50f0d0")
    high_colour = rgb("9050e0") if kind < 0.6 else rgb("e04890") if kind < 0.85 else rgb("3070f0")
    for curtain in range(3):
        shift = 4.0 * float(hashed(seed, 21, curtain))
        base = (
            0.13
            + 0.14 * curtain
            + 0.30 * (ring("soft", theta, 0.55, shift) - 0.5)
            + 0.08 * (ring("fbm", theta, 1.6, shift) - 0.5)
        )
        tall = (0.16 + 0.10 * curtain) * (0.5 + 1.1 * ring("soft", theta, 0.9, shift + 1.0))
        present = smooth(0.36, 0.62, ring("soft", theta, 0.6, shift + 2.0)) * (1.0 if curtain else 0.75)
        y = (slope[:, None] - base[None]) / tall[None]
        u = around(theta[None] + 0.10 * y * tall[None], 0.0, (11, 4))
        rays = look("fbm", u[0] + shift, u[1]) * 0.6 + look("fbm", u[0] * 3.0, u[1] * 3.0 + shift) * 0.4
        body = np.where(y > 0.0, np.exp(np.minimum(-y * (2.3 - 1.2 * rays), 0.0)), np.exp(np.minimum(y * 16.0, 0.0)))
        strength = body * present[None] * (0.22 + 1.5 * smooth(0.3, 0.75, rays))
        colour = mix(hem_colour, high_colour, smooth(0.15, 1.1, y)[..., None])
        image += (1.0 - np.clip(image, 0.0, 1.0)) * colour * np.minimum(strength * 0.8, 0.95)[..., None]
    veil = np.exp(-(((slope - 0.3) / 0.3) ** 2)) * 0.10
    image += veil[:, None, None] * hem_colour * ring("soft", theta, 0.5, 3.0)[None, :, None]


def _bolt(seed: int, azimuth: float, top: float) -> list[tuple[Array, Array, float]]:
    """A flash as polylines (azimuths, slopes, strength): a trunk from ``top`` to the horizon and some branches."""
    rng = np.random.default_rng([seed, 22])
    heights = np.linspace(top, 0.0, 26)
    wander = np.cumsum(rng.normal(0.0, 0.011, 26)) + np.linspace(0.0, rng.normal(0.0, 0.06), 26)
    lines = [(azimuth + wander, heights, 1.0)]
    for start in rng.integers(4, 18, 4):
        count = int(rng.integers(5, 10))
        side = rng.choice([-1.0, 1.0])
        x = azimuth + wander[start] + np.cumsum(rng.normal(side * 0.013, 0.010, count))
        y = heights[start] - np.cumsum(np.abs(rng.normal(0.014, 0.006, count)))
        lines.append((np.concatenate([[azimuth + wander[start]], x]), np.concatenate([[heights[start]], y]), 0.5))
    return lines


def _strokes(distance: Array, x: Array, y: Array, line: tuple[Array, Array, float]) -> Array:
    """The least distance of points (rows, width) to a polyline and ``distance``, in radians."""
    azimuths, heights, _ = line
    for a, b, c, d in zip(azimuths[:-1], heights[:-1], azimuths[1:], heights[1:], strict=True):
        along = np.clip(((x - a) * (c - a) + (y - b) * (d - b)) / ((c - a) ** 2 + (d - b) ** 2 + 1e-9), 0.0, 1.0)
        distance = np.minimum(distance, np.hypot(x - a - along * (c - a), y - b - along * (d - b)))
    return distance


def paint_lightning(image: Array, view: View, slope: Array, theta: Array, seed: int, azimuth: float) -> None:
    """Add one flash to a sky (rows, width, 3), with the light it throws on the clouds around."""
    top = 0.34 + 0.25 * float(hashed(seed, 23))
    offset = angle_between(theta, azimuth)
    around_it = np.hypot(offset[None], (slope[:, None] - top * 0.75) * 0.8)
    flash = np.exp(-around_it / 0.16)
    image += flash[..., None] * np.array([0.30, 0.28, 0.42], np.float32) * (0.4 + image)
    columns = np.flatnonzero(np.abs(offset) < 0.32)
    rows = np.flatnonzero((slope < top + 0.16) & (slope > -0.06))
    if columns.size == 0 or rows.size == 0:
        return
    x, y = offset[columns][None], slope[rows][:, None]
    part = np.ix_(rows, columns)
    for line in _bolt(seed, 0.0, top):
        near = _strokes(np.full((rows.size, columns.size), 9.0, np.float32), x, y, line) / view.pixel
        thick = 1.05 * view.size / 256 * line[2]
        core = np.clip(thick + 0.3 - near, 0.0, 1.0)
        halo = np.exp(near * (-0.16 * 256 / view.size)) * 0.5 * line[2]
        image[part] += (
            (1.0 - image[part]) * (np.maximum(core, halo))[..., None] * np.array([0.97, 0.95, 1.0], np.float32)
        )


def paint_shafts(image: Array, light: Light, slope: Array, theta: Array, seed: int) -> None:
    """Grey curtains of rain under the clouds of a sky (rows, width, 3)."""
    lean = 0.18 * (1.0 if hashed(seed, 24) < 0.5 else -1.0)
    u = around(theta[None] + lean * slope[:, None], 0.0, (4, 1))
    shafts = look("fbm", u[0] + shift_of(seed, 5), u[1])
    cover = smooth(0.48, 0.8, shafts) * np.exp(-((slope / 0.2) ** 2))[:, None] * 0.75
    image += (mix(light.cloud_dark, light.sky[1], 0.35) - image) * cover[..., None]


def paint_streaks(image: Array, canvas: Canvas, seed: int, kind: str) -> None:
    """Rain or snow near the viewer, over the finished picture (rows, width, 3), by cells of the screen."""
    view = canvas.view
    rain = kind == "rain"
    for layer in range(3 if rain else 4):
        cell = (0.022 + 0.008 * layer if rain else 0.034) * (0.7 + 0.35 * layer)
        across = round(2.0 * math.pi * FOCAL / cell)
        x = canvas.theta[None] * (across / (2.0 * math.pi))
        y = (view.horizon - canvas.slope[:, None] * FOCAL) / (cell * (5.0 if rain else 1.0))
        if rain:
            x = x + y * (0.9 if hashed(seed, 24) < 0.5 else -0.9)
        column = np.floor(x).astype(np.int64)
        y = y + hashed(seed, column % across, layer, 25)
        row = np.floor(y).astype(np.int64)
        chance = hashed(seed, column % across, row, layer, 26)
        px = view.pixel * FOCAL / cell
        if rain:
            side = np.abs(x - column - 0.5)
            length = np.clip(1.0 - np.abs(y - row - 0.5) * 2.4, 0.0, 1.0)
            cover = np.clip(0.5 - (side / px - 0.35), 0.0, 1.0) * length * (chance < 0.45) * (0.10 + 0.05 * layer)
        else:
            away = np.hypot(
                x - column - 0.3 - 0.4 * hashed(seed, column % across, row, layer, 27),
                y - row - 0.3 - 0.4 * hashed(seed, column % across, row, layer, 28),
            )
            cover = np.clip((0.05 + 0.09 * chance - away) / px + 0.5, 0.0, 1.0) * (chance < 0.5) * 0.75
        colour = np.minimum(canvas.light.cloud_lit * 1.15 + 0.08, 1.0)
        image += (colour - image) * cover[..., None].astype(np.float32)


def paint_fog_banks(canvas: Canvas, seed: int, distance: float, thick: float) -> None:
    """A veil of fog over all that lies beyond ``distance`` and low: fog has layers."""
    u, v = around(canvas.theta[None], canvas.slope[:, None] * 3.0, (4, 3))
    shape = look("fbm", u + shift_of(seed, 4) + distance * 0.001, v)
    low = np.exp(-((np.maximum(canvas.slope[:, None] - 0.02, 0.0) / 0.14) ** 2))
    cover = (
        smooth(0.25, 0.75, shape) * low * thick * smooth(distance * 0.5, distance * 1.2, np.minimum(canvas.depth, 1e6))
    )
    canvas.image += (canvas.haze_colour - canvas.image) * cover[..., None]
