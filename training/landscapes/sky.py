"""The sky: gradient, glow, sun and moon, stars, and three kinds of clouds lit from the side of the light."""

from __future__ import annotations

import math

import numpy as np

from .canvas import FOCAL, View, angle_between
from .light import Light
from .noise import Array, around, hashed, look, mix, shift_of, smooth

_STOPS = (0.0, 0.10, 0.28, 0.75)  # slopes at which the four colours of a sky lie


def gradient(light: Light, slope: Array, theta: Array) -> Array:
    """Clear sky (rows, width, 3) towards slopes (rows,) and azimuths (width,)."""
    fine = np.linspace(-0.2, 1.4, 161)
    kernel = np.hanning(15)[1:-1] / np.hanning(15).sum()  # no kinks at the stops: the eye sees them as bands
    table = [
        np.convolve(np.pad(np.interp(fine, _STOPS, channel), 6, mode="edge"), kernel, "valid")
        for channel in light.sky.T
    ]
    base = np.stack([np.interp(slope, fine, channel) for channel in table], axis=-1).astype(np.float32)
    away = 0.5 - 0.5 * np.cos(angle_between(theta, light.azimuth))
    low = np.exp(-((np.maximum(slope, 0.0) / 0.22) ** 2)) * 0.9
    middle = 0.25 * np.exp(-(((slope - 0.2) / 0.3) ** 2))
    turned = light.opposite * low[:, None] + light.sky[3] * middle[:, None] - base * (low + middle)[:, None]
    return base[:, None] + turned[:, None] * away[None, :, None].astype(np.float32)


def _to_light(light: Light, slope: Array, theta: Array) -> tuple[Array, Array]:
    """Distances from the disc, in heights of a window: to the right (width,) and upwards (rows,)."""
    return angle_between(theta, light.azimuth) * np.float32(FOCAL), (slope - light.height) * np.float32(FOCAL)


def glow(light: Light, slope: Array, theta: Array) -> Array:
    """(rows, width) in [0, 1]: how much of the light's own colour the air has."""
    right, up = _to_light(light, slope, theta)
    near = np.sqrt(right[None] ** 2 + up[:, None] ** 2)
    wide = np.sqrt((0.45 * right[None]) ** 2 + (1.1 * up[:, None]) ** 2)
    amount = 0.45 * np.exp(near * -14.0) + 0.4 * np.exp(near * -4.5) + 0.35 * np.exp(wide * -3.5)
    return (amount * light.glow_strength).astype(np.float32)


def _disc(image: Array, light: Light, slope: Array, theta: Array, seed: int) -> None:
    """Sun, full moon or crescent, anti-aliased."""
    right, up = _to_light(light, slope, theta)
    radius = {"sun": 0.034, "moon": 0.045, "crescent": 0.036}[light.body] * (0.85 + 0.4 * float(hashed(seed, 1)))
    columns = np.flatnonzero(np.abs(right) < radius * 1.3)
    rows = np.flatnonzero(np.abs(up) < radius * 1.3)
    if columns.size == 0 or rows.size == 0:
        return
    part = np.ix_(rows, columns)
    x, y = right[columns][None], up[rows][:, None]
    sharp = 1.0 / float(abs(slope[0] - slope[1]) * FOCAL)
    cover = np.clip((radius - np.hypot(x, y)) * sharp + 0.5, 0.0, 1.0)
    colour = np.broadcast_to(light.disc, (*cover.shape, 3))
    if light.body == "moon":
        maria = smooth(0.5, 0.72, look("soft", x * 9.0 + shift_of(seed, 97), y * 9.0))
        limb = np.sqrt(np.maximum(1.0 - (x**2 + y**2) / radius**2, 0.0))
        colour = colour * (1.0 - 0.2 * maria)[..., None] * (0.86 + 0.14 * limb)[..., None]
    if light.body == "crescent":
        side = 1.0 if hashed(seed, 2) < 0.5 else -1.0
        shadow = np.hypot(x + side * radius * 0.5, y - radius * 0.25)
        cover = cover * np.clip((shadow - radius * 0.92) * sharp + 0.5, 0.0, 1.0)
    image[part] = mix(image[part], colour, cover[..., None])


def _stars(image: Array, light: Light, view: View, slope: Array, theta: Array, seed: int) -> None:
    """Points of light by cells of the sky, and the Milky Way under them."""
    band = around(theta[None], slope[:, None], (2, 1))
    height = slope[:, None] - 0.45 - 0.28 * np.sin(theta[None] * 2.0 + shift_of(seed, 7))
    milky = np.exp(-((height / 0.16) ** 2)) * (0.3 + 1.1 * smooth(0.35, 0.75, look("fbm", *band)))
    milky *= 1.0 - 0.75 * np.exp(-(((height + 0.02) / 0.05) ** 2)) * smooth(
        0.4, 0.6, look("fbm", band[0], band[1] + 1.7)
    )
    strength = light.stars * (0.13 if light.mood == "night" else 0.05)
    image += (milky * smooth(0.0, 0.25, slope)[:, None] * strength)[..., None] * np.array([0.8, 0.85, 1.1], np.float32)

    across = 300  # cells around the circle
    cell = 2.0 * math.pi / across
    first = int(np.floor((view.left - 2) * view.pixel / cell))
    columns = np.arange(first, first + int(np.ceil((view.width + 4) * view.pixel / cell)) + 1)
    rows = np.arange(0, int(np.ceil(max(float(slope[0]), cell) / cell)) + 1)
    j, i = (a.ravel() for a in np.meshgrid(columns, rows))
    wrapped = j % across
    x = (j + hashed(seed, wrapped, i, 3)) * cell / view.pixel - view.left - 0.5
    y = (slope[0] - (i + hashed(seed, wrapped, i, 4)) * cell) / (slope[0] - slope[1])
    bright = hashed(seed, wrapped, i, 5) ** 9 * 1.3 + 0.10
    shown = hashed(seed, wrapped, i, 6) < 0.15 + 0.6 * light.stars
    bright = bright * shown * light.stars**0.5 * smooth(0.02, 0.3, i * cell)
    warm = hashed(seed, wrapped, i, 7)[:, None]
    colour = mix(np.array([0.75, 0.85, 1.0], np.float32), np.array([1.0, 0.88, 0.72], np.float32), warm)
    spread = view.size / 256.0
    for down in range(-2, 3):
        for side in range(-2, 3):
            r, c = np.rint(y).astype(int) + down, np.rint(x).astype(int) + side
            inside = (r >= 0) & (r < image.shape[0]) & (c >= 0) & (c < image.shape[1]) & (bright > 0.03)
            squared = ((r - y) ** 2 + (c - x) ** 2)[inside] / spread
            amount = bright[inside] * np.exp(-squared / (0.22 + 0.4 * bright[inside]))
            np.add.at(image, (r[inside], c[inside]), amount[:, None] * colour[inside])


def _lit_colour(light: Light, shade: Array, near: Array) -> Array:
    """Cloud colours (..., 3) from how lit they are (0 to 1) and from how near the light's disc (0 to 1)."""
    colour = mix(light.cloud_dark, light.cloud_lit, shade[..., None])
    return mix(colour, light.glow, (near * (0.35 + 0.5 * shade))[..., None])


def _layer(image: Array, light: Light, slope: Array, theta: Array, near: Array, seed: int, crisp: float) -> None:
    """A level layer of broken clouds overhead, seen in perspective (or, thin and drawn out, cirrus)."""
    wispy = bool(hashed(seed, 8) < 0.45)
    far = np.float32(1.0) / (np.maximum(slope, 0.0) + np.float32(0.14 if wispy else 0.11))
    grain, along = (0.22, 0.55) if wispy else (0.34, 0.34)
    east, north = (
        np.sin(theta)[None] * far[:, None] * np.float32(grain),
        np.cos(theta)[None] * far[:, None] * np.float32(along),
    )
    shift = float(hashed(seed, 9)) * 4.0
    density = look("fbm", east + shift, north + shift * 0.7)
    fine = look("billow", east * 2.7 + shift, north * 2.7)
    density = density + (fine - 0.5) * 0.45
    # Towards the light the same noise again: where it is thinner there, the cloud is lit.
    toward = math.sin(light.azimuth) * 0.06, math.cos(light.azimuth) * 0.06
    behind = look("fbm", east + (shift + toward[0]), north + (shift * 0.7 + toward[1]))
    cut = 0.78 - 0.5 * max(light.cover, 0.42 if slope[-1] > 0.1 else 0.0)
    soft = mix(0.26, 0.06, crisp) * (1.6 if wispy else 1.0)
    cover = smooth(cut, cut + soft, density) * (0.55 if wispy else 0.95)
    shade = np.clip(0.72 + 2.2 * (density - behind) - 0.75 * (density - cut), 0.0, 1.0)
    if crisp:
        shade = mix(shade, smooth(0.42, 0.52, shade), 0.7 * crisp)
    cover *= smooth(0.0, 0.10, slope)[:, None]
    image += (_lit_colour(light, shade, near) - image) * cover[..., None]


def _banks(image: Array, light: Light, slope: Array, theta: Array, near: Array, seed: int, crisp: float) -> None:
    """Heaped clouds above the horizon, with flat bases and lit heads: two rows of them."""
    sunward = -np.sign(angle_between(theta, light.azimuth)) * np.minimum(
        np.abs(angle_between(theta, light.azimuth)) * 2, 1
    )
    for row, (base, tall, turns) in enumerate(((0.04, 0.09, (4, 1)), (0.10, 0.22, (2, 1)))):
        base, tall = base + 0.06 * float(hashed(seed, 10, row)), tall * (0.75 + 0.5 * float(hashed(seed, 11, row)))
        span = np.flatnonzero((slope > base - 0.4 * tall) & (slope < base + tall * 1.5))
        if span.size == 0:
            continue
        part = slice(span[0], span[-1] + 1)
        shift = float(hashed(seed, 12, row)) * 4.0
        heap = look("soft", *(a + shift for a in around(theta, 0.0, turns)))
        dome = np.sqrt(np.clip((heap - 0.66 + 0.34 * light.cover) * 3.6, 0.0, 1.0))
        y = ((slope[part, None] - base) / tall).astype(np.float32)
        zoom = 0.8 if row else 0.9
        u, v = around(theta[None], slope[part, None], turns, 1.3)
        puff = look("billow", u * zoom + shift, v * zoom)
        fine = look("billow", u * 3.1 * zoom - shift, v * 3.1 * zoom)
        depth = dome[None] * (1.0 + 0.9 * (puff - 0.5)) - np.maximum(y, 0.0) + 0.40 * (puff - 0.5) + 0.16 * (fine - 0.5)
        soft = mix(0.13, 0.05, crisp)
        flat = smooth(-0.22, 0.04, y + 0.45 * (fine - 0.5) + 0.3 * (puff - 0.5))
        cover = smooth(0.05, 0.05 + soft, depth) * flat * smooth(0.05, 0.3, dome)[None]
        behind = look("billow", u * zoom + shift + 0.05 * sunward[None], v * zoom + 0.03)
        shade = 0.42 + 0.42 * np.clip(y, 0.0, 1.0) + 0.9 * (puff - 0.5) + 0.45 * (fine - 0.5) + 1.5 * (puff - behind)
        shade = np.clip(shade + 0.35 * np.exp(depth * -6.0) - 0.30 * smooth(0.25, -0.1, y), 0.0, 1.0)
        if crisp:
            steps = 0.55 * smooth(0.30, 0.38, shade) + 0.45 * smooth(0.62, 0.70, shade)
            shade = mix(shade, steps, crisp)
        colour = mix(_lit_colour(light, shade, near[part]), image[part], 0.08 if row else 0.35)
        image[part] += (colour - image[part]) * (cover * 0.97)[..., None]


def _overcast(image: Array, light: Light, slope: Array, theta: Array, seed: int) -> None:
    """Thunder clouds: heavy folds from above down to a pale gap over the horizon."""
    far = np.float32(1.0) / (np.maximum(slope, 0.0) + np.float32(0.16))
    east, north = (
        np.sin(theta)[None] * far[:, None] * np.float32(0.26),
        np.cos(theta)[None] * far[:, None] * np.float32(0.26),
    )
    shift = float(hashed(seed, 13)) * 4.0
    big = look("fbm", east + shift, north)
    folds = look("billow", east * 1.9 + 0.35 * big, north * 1.9 + shift)
    shade = np.clip(0.42 + 1.5 * (folds - 0.5) + 0.9 * (big - 0.5), 0.0, 1.0)
    colour = mix(light.cloud_dark, light.cloud_lit, (shade**1.4)[..., None])
    hem = 0.07 + 0.09 * (big - 0.5) * 2.0 + 0.05 * (folds - 0.5)
    cover = smooth(0.0, 0.16, slope[:, None] - hem)
    image += (colour - image) * (cover * 0.93)[..., None]


def _mist(image: Array, light: Light, slope: Array, theta: Array, seed: int) -> None:
    """Wisps of fog before the sky."""
    u, v = around(theta[None], slope[:, None] * 3.0, (3, 2))
    wisp = look("fbm", u + shift_of(seed, 4), v)
    image += (light.cloud_lit - image) * (smooth(0.35, 0.95, wisp) * 0.45)[..., None]


def paint_sky(light: Light, view: View, slope: Array, theta: Array, seed: int, crisp: float) -> Array:
    """The sky (rows, width, 3) towards falling slopes (rows,) and azimuths (width,)."""
    image = gradient(light, slope, theta)
    near = glow(light, slope, theta)
    image += (light.glow - image) * near[..., None]
    if light.stars > 0.0:
        _stars(image, light, view, slope, theta, seed)
    if light.body != "none":
        _disc(image, light, slope, theta, seed)
    near = np.clip(near * 1.3, 0.0, 1.0)
    if light.mood == "storm":
        _overcast(image, light, slope, theta, seed)
    elif light.mood == "fog":
        _mist(image, light, slope, theta, seed)
    elif light.mood != "aurora" and (light.cover > 0.08 or slope[-1] > 0.1):
        kind = float(hashed(seed, 14))
        if kind < 0.65 or slope[-1] > 0.1:  # only sky: then there is something in it
            _layer(image, light, slope, theta, near, seed, crisp)
        if kind > 0.35:
            _banks(image, light, slope, theta, near, seed, crisp)
    return image
