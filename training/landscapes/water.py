"""Water: a mirror of what is painted above it, broken by waves, with the light's glitter and foam."""

from __future__ import annotations

import numpy as np

from .canvas import FOCAL, Canvas, angle_between
from .light import rgb
from .noise import Array, around, hashed, look, mix, shift_of, smooth
from .terrain import Land


def paint_water(
    canvas: Canvas, land: Land, wet: Array, wave: float, tint: Array, seed: int, clear: float = 0.0
) -> None:
    """Paint water where ``wet`` (land rows, width) is.

    ``wave`` is how rough it is (0.1 a pond, 1 the sea), ``tint`` (3,) its own colour in white light, ``clear`` (0 to 1)
    lets it lighten towards the near shore, as in the tropics.
    """
    view, light = canvas.view, canvas.light
    if not wet.any():
        return
    start = max(land.rows.start, int(np.floor(view.row_of(0.004))))
    skip = start - land.rows.start
    rows = slice(start, view.rows)
    wet, distance = wet[skip:], land.distance[skip:]
    east, north = land.east[skip:], land.north[skip:]
    footprint = distance * np.float32(view.pixel)
    length = distance * footprint / max(land.eye, 0.5)  # of a pixel, along the line of sight
    shift = float(hashed(seed, 40)) * 4.0

    ripples = np.zeros_like(distance)
    scale = max(land.eye, 1.0) * 0.35
    for metres, share in ((scale * 5.0, 0.5), (scale * 1.2, 0.45)):
        fade = smooth(metres * 3.5, metres * 0.25, length)
        ripples += (look("fbm", east * (1.0 / metres) + shift, north * (1.0 / metres)) - 0.5) * (share * fade)
    # Waves run towards the viewer: long across, and closer and closer up to the horizon.
    run = np.log(np.maximum(distance, 1.0)) + 0.06 * ripples
    for turns, along, share in (((3, 2), 4.5, 1.0), ((8, 3), 14.0, 0.8)):
        u, v = around(canvas.theta, 0.0, turns)
        fade = smooth(0.030, 0.004, view.pixel / np.maximum(-canvas.slope[rows, None], 1e-4) * along * 0.12)
        ripples += (look("fbm", u[None] + shift, v[None] + run * along) - 0.5) * (share * (0.35 + 0.65 * fade))

    # The mirror: rows above the water line, drawn together where they would leave the picture.
    line = float(view.row_of(0.0))
    below = np.arange(start, view.rows, dtype=np.float32) - np.float32(line)
    squeeze = min(1.0, max(line, 1.0) * 0.98 / max(float(below[-1]), 1.0))
    spread = (0.15 + 0.85 * wave) * (3.0 + 0.30 * below) * view.size / 256
    source = line - below[:, None] * squeeze - ripples * spread[:, None] * 1.9 - wave * 0.12 * below[:, None]
    # Not above the land's own silhouette where it dips: only what lies over the water line is mirrored.
    source = np.clip(np.rint(source), 0, max(line - 1, 0)).astype(np.int64)
    mirror = canvas.image[source, np.arange(view.width)[None]]

    graze = np.clip(-canvas.slope[rows], 0.0, 1.0)[:, None]
    fresnel = np.clip(0.25 + 0.72 * np.exp(graze * (-2.0 - 2.6 * wave)) + 0.75 * wave * ripples, 0.10, 0.96)
    body = light.lit(tint, np.float32(0.5 + 0.5 * light.direction[1]))
    deep = np.broadcast_to(body, mirror.shape) * (1.0 + 0.9 * wave * ripples[..., None])
    if clear > 0.0:
        shallow = light.lit(rgb("7fe0d0"), np.float32(0.85))
        deep = mix(deep, shallow, (clear * smooth(-3.2, -0.15, land.height[skip:]))[..., None])
    colour = mix(deep, mirror * 0.97, fresnel[..., None])

    if light.body != "none":
        aside = np.abs(angle_between(canvas.theta, light.azimuth)) * np.float32(FOCAL)
        width = 0.025 + 0.10 * wave * (0.35 + graze)
        path = np.exp(-((aside[None] / width) ** 2)) * np.exp(-light.height * 0.8)
        sparks = smooth(0.10 - 0.16 * path, 0.30 - 0.12 * path, ripples + 0.12 * path)
        hidden = smooth(light.height - 0.03, light.height + 0.03, land.slopes.max(axis=0))  # behind mountains
        path = path * (1.0 - hidden)[None]
        amount = path * (0.22 + 1.1 * sparks) * min(1.0, light.glow_strength * 1.5)
        colour = mix(colour, mix(light.glow, light.disc, 0.6), np.clip(amount, 0.0, 0.95)[..., None])
    colour = canvas.hazed(colour, distance * 0.8, rows)
    part = canvas.image[rows]
    part += (colour - part) * wet[..., None]


def foam(canvas: Canvas, land: Land, seed: int) -> tuple[Array, Array]:
    """Share of foam and of wet sand, both (land rows, width), along the height 0 of a gently sloping shore."""
    lace = look("billow", land.east * 0.10 + shift_of(seed, 9), land.north * 0.10)
    run = land.height + (lace - 0.5) * 0.5
    edge = np.exp(-(((run + 0.05) / 0.10) ** 2))
    second = np.exp(-(((run + 0.75 + 0.3 * (lace - 0.5)) / 0.10) ** 2)) * smooth(0.42, 0.6, lace)
    third = np.exp(-(((run + 1.6) / 0.14) ** 2)) * smooth(0.5, 0.7, lace)
    froth = look("billow", land.east * 0.7, land.north * 0.7 + shift_of(seed, 5))
    share = np.clip((edge + 0.8 * second + 0.6 * third) * (0.55 + 1.1 * (froth - 0.3)), 0.0, 1.0)
    return share, smooth(0.40, 0.02, run)
