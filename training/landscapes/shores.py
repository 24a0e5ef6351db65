"""Scenes by the water: lake, sea, beach and the city on its bank."""

from __future__ import annotations

import numpy as np

from .city import city_glow, paint_skyline
from .light import rgb
from .noise import Array, hashed, look, ring, smooth
from .plants import paint_flowers, paint_grass, paint_palms
from .stage import Stage, meadow_colours, paint_groves, peaks_of, rock_and_snow
from .terrain import cover_with, grain, paint_land, trace
from .water import foam, paint_water
from .weather import paint_fog_banks


def lake(stage: Stage) -> None:
    """Still water before wooded shores and mountains."""
    high, start = stage.rng.uniform(1500, 2600), stage.rng.uniform(2000, 3200)
    snowline, shore = stage.rng.uniform(350, 1000), stage.rng.uniform(350, 900)
    season = str(stage.rng.choice(["conifer", "conifer", "autumn", "summer"]))
    wave, near_shore, eye = stage.rng.uniform(0.05, 0.35), stage.chance(0.5), stage.rng.uniform(4, 9)

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        s = stage.shift
        edge = shore * (0.65 + 1.0 * ring("fbm", theta, 0.9, s + 1.0))
        banks = np.minimum((far - edge) * 0.05, 12.0) + 220.0 * smooth(shore * 1.2, shore * 4.0, far) * look(
            "fbm", east / 1500.0 + s, north / 1500.0
        )
        if near_shore:
            close = 14.0 + 22.0 * (ring("fbm", theta, 2.2, s + 2.0) - 0.42)
            banks = np.maximum(
                banks, np.minimum((close - far) * 0.10, 0.9) + 0.5 * (look("fbm", east / 4.0, north / 4.0) - 0.5)
            )
        return np.maximum(banks, -8.0) + peaks_of(stage, east, north, far, theta, high, start)

    canvas = stage.canvas
    land = trace(canvas, heights, eye, 7.0, 20e3, level=0.0, count=190, ranges=start)
    low, rough = meadow_colours(stage, land, ("48683a", "748c4c", "8c8858"))
    wood = smooth(0.40, 0.55, look("fbm", land.east / 420.0, land.north / 420.0 + stage.shift)) * smooth(
        shore * 0.5, shore, land.distance
    )
    leaf = {"autumn": "9c6428", "summer": "44702f"}.get(season, "2c4c34")
    low = (
        cover_with(low, rgb(leaf), wood * 0.9) * (1.0 + 0.9 * grain(canvas, land, "fine", 60.0, 1.5) * wood)[..., None]
    )
    gravel = smooth(1.2, 0.3, land.height)
    low = (
        cover_with(low, rgb("8c8478"), gravel * 0.8) * (1.0 + gravel * grain(canvas, land, "fine", 2.0, 1.6))[..., None]
    )
    colour, edges = rock_and_snow(stage, land, low, snowline)
    paint_land(canvas, land, colour, rough + edges)
    paint_groves(stage, land, season, np.geomspace(shore * 2.2, shore * 0.75, 6), 19.0, 0.42)
    wet = smooth(0.12, -0.12, land.height) * land.seen
    paint_water(canvas, land, wet * (canvas.depth[land.rows] >= land.distance * 0.999), wave, rgb("28586c"), stage.seed)
    if near_shore:
        paint_grass(canvas, land, stage.seed, ("2f4a24", "8ca050"), 0.5, 13.0)
    if not stage.foggy:
        paint_fog_banks(canvas, stage.seed, shore * 1.4, float(0.7 * hashed(stage.seed, 120) ** 2))


def sea(stage: Stage) -> None:
    """Open sea, with islands or a rocky coast in some directions."""
    wave, eye = stage.rng.uniform(0.5, 1.0), stage.rng.uniform(5, 14)
    islands, rocks = stage.rng.uniform(0.0, 1.0), stage.chance(0.5)
    storm = stage.canvas.light.mood == "storm"

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        s = stage.shift
        far_land = smooth(2500.0, 5000.0, far) * smooth(0.62 - 0.22 * islands, 0.75, ring("fbm", theta, 1.0, s))
        high = far_land * 900.0 * np.maximum(look("ridge", east / 3600.0 + s, north / 3600.0) - 0.15, 0.0)
        if rocks:
            reef = (
                look("ridge", east / 90.0 + s, north / 90.0) - 0.62 + 0.30 * (ring("soft", theta, 1.3, s + 1.0) - 0.5)
            )
            high = np.maximum(high, 42.0 * reef * smooth(30.0, 80.0, far) * smooth(420.0, 200.0, far))
        return high - 2.0

    canvas = stage.canvas
    land = trace(canvas, heights, eye, 7.0, 16e3, level=0.0, count=170)
    rough = (
        grain(canvas, land, "ridge", 26.0, 1.6)
        + grain(canvas, land, "fine", 6.0, 1.4)
        + grain(canvas, land, "ridge", 500.0, 1.2)
    )
    green = smooth(10.0, 120.0, land.height) * smooth(0.9, 0.4, land.steep)
    colour = (
        cover_with(np.broadcast_to(rgb("6a6058"), (*land.height.shape, 3)), rgb("4c6c3c"), green)
        * (1.0 + rough)[..., None]
    )
    paint_land(canvas, land, colour, rough * 0.6)
    tint = rgb("3a5054") if storm else rgb(str(stage.rng.choice(["1c5a80", "1a6a84", "20506c", "187078"])))
    wet = smooth(0.15, -0.15, land.height) * land.seen
    paint_water(canvas, land, wet, 1.0 if storm else wave, tint, stage.seed)
    part, caps = canvas.image[land.rows], grain(canvas, land, "billow", 14.0, 1.0)
    share = (
        smooth(0.20 - 0.06 * storm, 0.30, caps + 0.3 * grain(canvas, land, "fine", 4.0, 1.0))
        * wet
        * (0.85 if storm else 0.5 * wave)
    )
    surf = np.exp(-((land.height / 0.5) ** 2)) * smooth(500.0, 60.0, land.distance) * (0.8 if rocks else 0.0)
    foam_colour = canvas.hazed(
        canvas.light.lit(rgb("f4f8fa"), np.full(land.height.shape, 0.7, np.float32)), land.distance, land.rows
    )
    part += (foam_colour - part) * np.clip(share + surf * land.seen, 0.0, 0.95)[..., None]


def beach(stage: Stage) -> None:
    """Sand, surf and palms."""
    eye, reach = stage.rng.uniform(2.6, 4.2), stage.rng.uniform(26, 44)
    islands = stage.rng.uniform(0.0, 1.0)
    white = stage.chance(0.5)

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        s = stage.shift
        edge = reach * (0.45 + 1.1 * ring("soft", theta, 0.6, s))
        dune = 0.10 * (look("fbm", east / 9.0 + s, north / 9.0) - 0.5)
        shore = np.clip((edge - far) * 0.07, -3.0, 0.9) + dune * smooth(0.1, 0.5, (edge - far) * 0.07)
        island = smooth(1500.0, 3000.0, far) * smooth(0.66 - 0.25 * islands, 0.75, ring("fbm", theta, 1.1, s + 1.0))
        return np.maximum(shore, island * 420.0 * look("fbm", east / 1500.0, north / 1500.0 + s) - 3.0)

    canvas = stage.canvas
    land = trace(canvas, heights, eye, 4.0, 12e3, level=0.0, count=170)
    rough = grain(canvas, land, "fbm", 5.0, 0.5) + grain(canvas, land, "fine", 0.9, 0.4)
    sand = rgb("efe0c2") if white else rgb("e0c490")
    colour = np.broadcast_to(sand, (*land.height.shape, 3)) * (1.0 + 0.35 * rough)[..., None]
    froth, wet_sand = foam(canvas, land, stage.seed)
    colour = colour * (1.0 - 0.38 * wet_sand)[..., None]
    colour = cover_with(colour, rgb("44683c"), smooth(4.0, 12.0, land.height) * (land.distance > 1000.0))
    paint_land(canvas, land, colour, 0.5 * rough)
    wet = smooth(0.10, -0.30, land.height) * land.seen
    tint = rgb(str(stage.rng.choice(["1884a0", "1c9cac", "2078a8"])))
    paint_water(canvas, land, wet, float(hashed(stage.seed, 121)) * 0.4 + 0.3, tint, stage.seed, clear=0.8)
    white_water = canvas.hazed(
        canvas.light.lit(rgb("fbfdfd"), np.full(land.height.shape, 0.85, np.float32)), land.distance, land.rows
    )
    part = canvas.image[land.rows]
    part += (white_water - part) * (froth * land.seen * (land.distance < 400.0))[..., None]
    paint_flowers(canvas, land, stage.seed, ("fdf4e8", "e8b8a0", "b89878"), 12.0, 0.10, lying=True)
    paint_palms(canvas, land, stage.seed, 13)


def city(stage: Stage) -> None:
    """A skyline over water."""
    lamps = {
        "night": 0.55,
        "twilight": 0.5,
        "aurora": 0.45,
        "sunset": 0.22,
        "storm": 0.30,
        "sunrise": 0.12,
        "fog": 0.2,
    }.get(stage.canvas.light.mood, 0.0)
    tall, wave = stage.rng.uniform(110, 190), stage.rng.uniform(0.15, 0.4)
    eye = 6.0

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        hills = 260.0 * smooth(1500.0, 5000.0, far) * look("fbm", east / 3000.0 + stage.shift, north / 3000.0)
        return np.where(far < 260.0, -2.0, 1.5) + hills

    canvas = stage.canvas
    city_glow(canvas, lamps)
    land = trace(canvas, heights, eye, 9.0, 12e3, level=0.0, count=120)
    colour = (
        np.broadcast_to(rgb("5c605c"), (*land.height.shape, 3))
        * (1.0 + grain(canvas, land, "fine", 80.0, 1.2))[..., None]
    )
    paint_land(canvas, land, colour)
    for number, (distance, width, share) in enumerate(
        ((760.0, 34.0, 1.6), (520.0, 30.0, 1.25), (390.0, 26.0, 0.85), (300.0, 22.0, 0.36))
    ):
        paint_skyline(canvas, stage.seed + number, distance, width, (10.0, tall * share), lamps)
    wet = smooth(0.2, -0.2, land.height) * land.seen
    paint_water(canvas, land, wet, wave, rgb("28465c"), stage.seed)
