"""Worlds by seed, and their pictures: single windows with captions, batches, whole panoramas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .canvas import FAR, ROWS_PER_PIXEL, WINDOW_ANGLE, Canvas, View, angle_between
from .captions import landscape_caption, material_caption
from .light import MOODS, Light, make_light
from .materials import MATERIALS, paint_material
from .noise import Array, hashed, mix
from .scenes import SCENES
from .sky import gradient, paint_sky
from .stage import Stage
from .styles import MARGIN, STYLES, drawn
from .weather import paint_aurora, paint_lightning, paint_shafts, paint_streaks

WINDOWS_AROUND = 6  # windows that close the circle
SCENE_SHARES = {
    "mountains": 0.12,
    "lake": 0.09,
    "sea": 0.09,
    "beach": 0.07,
    "desert": 0.08,
    "meadow": 0.09,
    "forest": 0.09,
    "autumn": 0.07,
    "snow": 0.08,
    "fields": 0.06,
    "city": 0.07,
    "sky": 0.03,
    "ground": 0.02,
    "material": 0.04,
}
STYLE_SHARES = {"photo": 0.56, "anime": 0.15, "cartoon": 0.13, "watercolour": 0.08, "oil": 0.08}
_MOODS_OF = {  # relative shares where moods are not equally likely
    "city": {"night": 3.0, "twilight": 1.6, "aurora": 0.3, "storm": 0.6},
    "ground": {"night": 0.3, "aurora": 0.0, "storm": 0.4, "fog": 0.4},
    "desert": {"fog": 0.5, "aurora": 0.5},
    "fields": {"day": 2.0},
    "forest": {"fog": 2.0},
}


_FOG_THINNER = {
    "mountains": 12.0,
    "lake": 4.0,
    "city": 3.5,
    "sea": 2.0,
    "snow": 2.0,
    "desert": 3.0,
    "fields": 2.0,
}  # far subjects


@dataclass(frozen=True)
class Sample:
    """A picture and what it shows. ``image`` is (size, size, 3) uint8; ``left`` its column in its world's panorama.

    ``mood`` is one of MOODS, or "none" for a material. ``material`` and ``extra`` (a part of the picture worth naming)
    are empty where there is none; with them ``words_for`` draws further captions of the same picture.
    """

    image: Array
    caption: str
    mood: str
    scene: str
    style: str
    material: str
    extra: str
    left: int


@dataclass(frozen=True)
class World:
    """An endless landscape (it closes after six windows): all that its pictures have in common."""

    seed: int
    mood: str
    scene: str
    style: str
    light: Light
    horizon: float
    material: str = ""


def _drawn_from(rng: np.random.Generator, shares: dict[str, float]) -> str:
    weights = np.array(list(shares.values()))
    return str(rng.choice(list(shares), p=weights / weights.sum()))


def make_world(seed: int, *, mood: str | None = None, scene: str | None = None, style: str | None = None) -> World:
    """The world of a seed; any of mood, scene and style can be given instead of drawn, the rest stays as it was."""
    rng = np.random.default_rng([seed, 0])
    drawn_scene, drawn_style = _drawn_from(rng, SCENE_SHARES), _drawn_from(rng, STYLE_SHARES)
    scene = scene or drawn_scene
    drawn_mood = _drawn_from(rng, {name: _MOODS_OF.get(scene, {}).get(name, 1.0) for name in MOODS})
    mood = mood or drawn_mood
    place = np.random.default_rng([seed, 1])
    horizon = float(place.uniform(0.42, 0.68))
    if scene == "city":
        horizon = float(place.uniform(0.58, 0.74))
    elif scene == "sky":
        horizon = float(place.uniform(1.15, 1.9))
    elif scene == "ground":
        horizon = float(place.uniform(-0.9, -0.15))
    material = str(np.random.default_rng([seed, 2]).choice(list(MATERIALS))) if scene == "material" else ""
    light = make_light("day" if material else mood, np.random.default_rng([seed, 3]))
    if mood == "fog":
        light = replace(light, haze=light.haze * _FOG_THINNER.get(scene, 1.0))
    return World(
        seed,
        "none" if material else mood,
        scene,
        "photo" if material else (style or drawn_style),
        light,
        horizon,
        material,
    )


def _has_rain(world: World) -> bool:
    return world.mood == "storm" and float(hashed(world.seed, 131)) < 0.6


def _has_skiers(world: World) -> bool:
    return world.scene == "snow" and float(hashed(world.seed, 134)) < 0.8


def _bolts(world: World) -> list[float]:
    """Azimuths of the flashes."""
    if world.mood != "storm" or float(hashed(world.seed, 130)) > 0.75:
        return []
    apart = math.pi * (0.7 + 0.6 * float(hashed(world.seed, 132)))
    return [(world.light.azimuth + number * apart) % (2.0 * math.pi) for number in range(2)]


def _paint_air(world: World, view: View, slope: Array, theta: Array) -> tuple[Array, Array]:
    """The sky with its weather, and what far things fade into: both (rows, width, 3)."""
    seed, light = world.seed, world.light
    above = slope[: max(int((slope > -0.06).sum()), 2)]
    sky = paint_sky(light, view, above, theta, seed, STYLES[world.style].crisp)
    if world.mood == "aurora":
        paint_aurora(sky, light, above, theta, seed)
    if world.mood == "storm":
        if _has_rain(world):
            paint_shafts(sky, light, above, theta, seed)
        for number, azimuth in enumerate(_bolts(world)):
            paint_lightning(sky, view, above, theta, seed + number, azimuth)
    clear = gradient(light, slope, theta)
    image = clear.copy()
    image[: above.size] = sky
    # Ridges fade into the sky low over the horizon; in fog nothing is seen before the sky at all.
    low = gradient(light, np.array([0.035], np.float32), theta)
    behind, share = (image, 0.97) if world.mood == "fog" else (clear, 0.25)
    return image, mix(low, behind, np.float32(share))


def _paint(world: World, view: View) -> tuple[Array, Array]:
    """Colours (rows, width, 3) and distances (rows, width) before the style's filter."""
    seed, light, style = world.seed, world.light, STYLES[world.style]
    slope, theta = view.slope, view.theta
    # The sky is smooth: one row per pixel does, and none below the horizon, where land or water covers it.
    coarse = slope.reshape(-1, ROWS_PER_PIXEL).mean(axis=1)
    image, haze = (np.repeat(part, ROWS_PER_PIXEL, axis=0) for part in _paint_air(world, view, coarse, theta))
    canvas = Canvas(view, light, style.detail, style.crisp, image, np.full(image.shape[:2], FAR, np.float32), haze)
    SCENES[world.scene](Stage(canvas, seed, np.random.default_rng([seed, 4]), _has_skiers(world)))
    if world.mood in ("night", "aurora", "twilight") and world.scene != "city":
        # Little light has little colour; lamps and skies keep theirs.
        image, land = canvas.image, (canvas.depth < FAR)[..., None]
        grey = (image @ np.array([0.3, 0.5, 0.2], np.float32))[..., None]
        tint = light.ambient / light.ambient.mean()
        np.copyto(image, mix(grey * tint, image, np.float32(0.75)), where=land)
    if _has_rain(world):
        paint_streaks(canvas.image, canvas, seed, "snow" if world.scene == "snow" else "rain")
    return canvas.image, canvas.depth


def render(world: World, left: int, width: int, size: int) -> Array:
    """Columns ``left`` to ``left + width`` of a world's panorama, (size, width, 3) uint8.

    The same columns are the same picture whatever else is rendered with them, to a rounding error of the last digit.
    """
    margin = math.ceil(MARGIN * max(size / 256, 1.0))
    view = View(size, left - margin, width + 2 * margin, world.horizon)
    if world.material:
        u = (np.arange(view.width) + view.left) / size
        v = (np.arange(view.rows) + 0.5) / view.rows
        image, depth = paint_material(world.material, u, v, world.seed), np.ones((view.rows, view.width), np.float32)
    else:
        image, depth = _paint(world, view)
    image = image.reshape(size, ROWS_PER_PIXEL, view.width, 3).mean(axis=1)
    depth = depth.reshape(size, ROWS_PER_PIXEL, view.width).min(axis=1)
    image = drawn(image, depth, world.style, size, view.left, world.seed)[:, margin : margin + width]
    # Half a step of hashed noise instead of plain rounding: no bands in smooth skies.
    column = (np.arange(width) + left) % (WINDOWS_AROUND * size)
    dither = hashed(world.seed, column[None], np.arange(size)[:, None], 133)
    return np.clip(image * 255.0 + dither[..., None], 0, 255).astype(np.uint8)


def _place(world: World, size: int) -> int:
    """The column where the sample of a world begins: in half of them what shines is in the picture."""
    rng = np.random.default_rng([world.seed, 5])
    anywhere = int(rng.integers(WINDOWS_AROUND * 256)) * size // 256
    centre = world.light.azimuth / WINDOW_ANGLE + float(rng.uniform(-0.36, 0.36)) - 0.5
    shines = world.light.body != "none" or _bolts(world)
    if shines and rng.uniform() < 0.5:
        return int(centre * 256) % (WINDOWS_AROUND * 256) * size // 256
    return anywhere


def _extra(world: World, left: int, width: int, size: int) -> str:
    """A part of the picture of these columns that is worth a word: skiers, or lightning."""
    if _has_skiers(world):
        return " with skiers"
    middle, half = (left + width / 2) * WINDOW_ANGLE / size, width / 2 * WINDOW_ANGLE / size
    if any(abs(angle_between(np.float64(middle), azimuth)) < half - 0.06 for azimuth in _bolts(world)):
        return " with lightning and rain" if _has_rain(world) and world.scene != "snow" else " with lightning"
    return ""


def caption_of(world: World, extra: str = "") -> str:
    """A caption of a picture of a world, the same for the same seed; ``extra`` is something to be named if it fits."""
    rng = np.random.default_rng([world.seed, 6])
    return words_for(rng, world.mood, world.scene, world.style, world.material, extra)


def words_for(rng: np.random.Generator, mood: str, scene: str, style: str, material: str, extra: str) -> str:
    """One of the captions that a picture can have; the arguments are the fields of its ``Sample``."""
    return material_caption(rng, material) if material else landscape_caption(rng, mood, scene, style, extra)


def _sampled(world: World, left: int, width: int, size: int) -> Sample:
    extra = _extra(world, left, width, size)
    return Sample(
        render(world, left, width, size),
        caption_of(world, extra),
        world.mood,
        world.scene,
        world.style,
        world.material,
        extra,
        left,
    )


def sample(
    seed: int, size: int = 256, *, mood: str | None = None, scene: str | None = None, style: str | None = None
) -> Sample:
    """The picture of a seed: a window of its world's panorama.

    ``panorama(seed, size=size)[:, left : left + size]`` is the same picture, where it does not run over the end.
    """
    world = make_world(seed, mood=mood, scene=scene, style=style)
    left = _place(world, size)
    return _sampled(world, left, size, size)


def panorama(
    seed: int,
    width_windows: float = 6,
    size: int = 256,
    *,
    mood: str | None = None,
    scene: str | None = None,
    style: str | None = None,
) -> Sample:
    """One coherent landscape (size, width_windows * size, 3); six windows are the full circle, and it closes."""
    world = make_world(seed, mood=mood, scene=scene, style=style)
    return _sampled(world, 0, round(width_windows * size), size)


def batch(seeds: Sequence[int], size: int = 256) -> tuple[Array, list[Sample]]:
    """Pictures of these seeds as one array (count, size, size, 3) uint8, and the samples they are of.

    Everything is numpy on one core. For training, run one process per core over ranges of seeds: pictures depend on
    nothing but their seed. The steps are elementwise arithmetic, gathers from textures, and one histogram per picture
    (``terrain.trace``), so a port to tensors on a GPU is a matter of the array module; as scenes branch, a
    batch there should be of one scene.
    """
    samples = [sample(seed, size) for seed in seeds]
    return np.stack([one.image for one in samples]), samples


def stream(first_seed: int, size: int = 256, step: int = 1) -> Iterator[Sample]:
    """Samples without end: of every ``step``-th seed from ``first_seed`` on (one worker of ``step``)."""
    seed = first_seed
    while True:
        yield sample(seed, size)
        seed += step
