"""What the scenes share: the stage they are painted on, mountains, groves and grassland."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas
from .light import rgb
from .noise import Array, look, mix, ring, shift_of, smooth
from .plants import paint_trees
from .terrain import Land, cover_with, grain


@dataclass
class Stage:
    """A canvas with its sky painted, and what is drawn by chance for the whole panorama: never anything of the view."""

    canvas: Canvas
    seed: int
    rng: np.random.Generator
    skiers: bool

    def chance(self, share: float) -> bool:
        """True for this share of the worlds."""
        return bool(self.rng.uniform() < share)

    @property
    def foggy(self) -> bool:
        """Whether what is far cannot be seen."""
        return self.canvas.light.mood == "fog"

    @property
    def shift(self) -> float:
        """Where in the textures this world lies."""
        return shift_of(self.seed, 0)


def peaks_of(stage: Stage, east: Array, north: Array, far: Array, theta: Array, high: float, start: float) -> Array:
    """Mountains of up to about ``high`` metres that begin ``start`` metres away."""
    s = stage.shift
    warp = look("soft", east * (1 / 9000.0) + s, north * (1 / 9000.0)) - 0.5
    u, v = east * (1 / 8200.0) + 0.6 * warp + s, north * (1 / 8200.0) - 2.3 * s
    crest = np.maximum(look("ridge", u, v) - 0.22, 0.0) * 1.25
    range_ = 0.5 + 0.75 * smooth(0.25, 0.7, ring("soft", theta, 1.1, s))
    rise = smooth(start, start * 2.4, far) * (1.0 + 0.5 * smooth(2.0 * start, 5.0 * start, far))
    return high * rise * range_ * crest * (1.0 + 0.9 * warp)


def rock_and_snow(
    stage: Stage, land: Land, low: Array, snowline: float, season_snow: bool = False
) -> tuple[Array, Array]:
    """Colours of mountain sides above ``low`` (colours of what grows below), and roughness of the light."""
    canvas = stage.canvas
    rough = grain(canvas, land, "ridge", 900.0, 1.5) + grain(canvas, land, "fine", 260.0, 0.9)
    broad = look("fbm", land.east * (1 / 1500.0) + stage.shift, land.north * (1 / 1500.0)) - 0.5
    grey, warm = rgb("76727a"), rgb("94866f")
    rock = mix(grey, warm, smooth(-0.15, 0.2, broad)[..., None]) * (1.0 + 0.7 * rough)[..., None]
    bare = smooth(snowline * 0.28, snowline * 0.62, land.height + 350.0 * broad + 260.0 * (land.steep - 0.6))
    colour = cover_with(low, rock, bare)
    snow = smooth(
        -160.0,
        160.0,
        land.height - snowline + 700.0 * broad + 420.0 * rough - 520.0 * np.maximum(land.steep - 0.75, 0.0),
    )
    if season_snow:
        snow = np.maximum(snow, 0.93 * smooth(1.15, 0.85, land.steep + 0.35 * rough))
    contrast = 0.6 * (smooth(0.15, 0.85, land.lambert) - land.lambert) * smooth(0.15, 0.5, land.steep)
    return cover_with(colour, rgb("e6ebf4"), snow), rough * (0.55 - 0.25 * snow) + contrast


def paint_groves(
    stage: Stage, land: Land, season: str, distances: Array, tall: float, thin: float, salt: int = 0
) -> None:
    """Rows of trees at falling distances, in clumps; ``thin`` from 0 (closed) to 1 (none)."""
    for number, distance in enumerate(distances):
        distance = float(distance)
        clumps = (distance / (tall * 14), stage.shift, thin)
        paint_trees(stage.canvas, land, stage.seed + 31 * number + salt, distance, season, tall, tall * 0.36, clumps)


def meadow_colours(stage: Stage, land: Land, tones: tuple[str, str, str]) -> tuple[Array, Array]:
    """Colours of grassland, and roughness of the light."""
    canvas = stage.canvas
    broad = look("fbm", land.east * (1 / 90.0) + stage.shift, land.north * (1 / 90.0))
    patch = look("fbm", land.east * (1 / 420.0), land.north * (1 / 420.0) + stage.shift)
    rough = 0.7 * grain(canvas, land, "fbm", 9.0, 1.0) + grain(canvas, land, "fine", 3.0, 1.2)
    dark, bright, dry = (rgb(tone) for tone in tones)
    colour = mix(dark, bright, np.clip(0.5 + 1.8 * (broad - 0.5) + 0.6 * rough, 0.0, 1.0)[..., None])
    return cover_with(colour, dry, smooth(0.5, 0.75, patch) * 0.7), rough * 0.5
