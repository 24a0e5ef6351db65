"""Scenes on land: mountains, dunes, meadows, forests, snow, fields; and the ground alone."""

from __future__ import annotations

import numpy as np

from .city import paint_cottages, paint_skiers
from .light import rgb
from .noise import Array, hashed, look, mix, smooth
from .plants import paint_flowers, paint_grass, paint_trees
from .stage import Stage, meadow_colours, paint_groves, peaks_of, rock_and_snow
from .terrain import cover_with, grain, paint_land, trace
from .weather import paint_fog_banks


def mountains(stage: Stage) -> None:
    """Ranges behind ranges over meadows and forests."""
    high, start = stage.rng.uniform(1900, 3200), stage.rng.uniform(2400, 4000)
    snowline, wooded = stage.rng.uniform(350, 1100), stage.chance(0.7)
    eye = stage.rng.uniform(20, 60)

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        s = stage.shift
        hills = 260.0 * smooth(500.0, 2400.0, far) * look("fbm", east / 2400.0 + s, north / 2400.0)
        near = 40.0 * (look("fbm", east / 500.0 + s, north / 500.0) - 0.5) * smooth(20.0, 300.0, far)
        return peaks_of(stage, east, north, far, theta, high, start) + hills + near - 10.0 * smooth(400.0, 60.0, far)

    land = trace(stage.canvas, heights, eye, 22.0, 20e3, count=190, ranges=start)
    low, rough = meadow_colours(stage, land, ("4c7436", "7ea04c", "a8a05c"))
    wood = smooth(0.42, 0.56, look("fbm", land.east / 620.0, land.north / 620.0 + stage.shift)) * smooth(
        120.0, 500.0, land.distance
    )
    speckle = grain(stage.canvas, land, "fine", 90.0, 1.6)
    low = cover_with(low, rgb("2f4f30"), wood * 0.9) * (1.0 + (0.9 * speckle * wood))[..., None]
    colour, edges = rock_and_snow(stage, land, low, snowline)
    paint_land(stage.canvas, land, colour, rough + edges)
    if wooded:
        paint_groves(stage, land, "conifer", np.geomspace(900.0, 48.0, 9), 17.0, 0.50)
    if not stage.foggy:
        paint_fog_banks(stage.canvas, stage.seed, 2500.0, float(0.75 * hashed(stage.seed, 120) ** 2))


def desert(stage: Stage) -> None:
    """Dunes with sharp crests, and far table mountains."""
    eye, tall = stage.rng.uniform(6, 16), stage.rng.uniform(0.6, 1.1)
    mesas, red = stage.chance(0.45), stage.rng.uniform(0.0, 1.0)
    turn = stage.rng.uniform(0, 6.28)

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        s = stage.shift
        x, y = east * np.cos(turn) + north * np.sin(turn), north * np.cos(turn) - east * np.sin(turn)
        big = look("swell", x / 1100.0 + s, y / 520.0 + 0.35 * look("swell", x / 1600.0, y / 1600.0))
        bend = look("swell", x / 260.0 + s, y / 120.0)
        dune = 1.0 - np.sqrt((2.0 * big - 1.0) ** 2 + 0.02) * 2.2  # crests a little rounded
        small = 1.0 - np.sqrt((2.0 * bend - 1.0) ** 2 + 0.03) * 1.8
        high = tall * (
            110.0 * np.maximum(dune, -0.2) * smooth(120.0, 900.0, far) * smooth(3500.0, 1000.0, far)
            + 12.0 * small * smooth(15.0, 90.0, far) * smooth(700.0, 200.0, far)
        )
        if mesas:
            mass = look("soft", east / 6400.0 + s, north / 6400.0)
            steps = 0.55 * smooth(0.60, 0.68, mass) + 0.30 * smooth(0.70, 0.76, mass) + 0.25 * smooth(0.5, 0.62, mass)
            high = high + 560.0 * steps * smooth(3000.0, 4500.0, far)
        return high

    canvas = stage.canvas
    land = trace(canvas, heights, eye, 8.0, 16e3, count=300)
    broad = look("fbm", land.east / 300.0, land.north / 300.0 + stage.shift)
    near = smooth(260.0, 25.0, land.distance)
    x, y = land.east * np.cos(turn) + land.north * np.sin(turn), land.north * np.cos(turn) - land.east * np.sin(turn)
    phase = y / 1.9 + 3.2 * look("soft", x / 26.0, y / 26.0) + 0.8 * look("fbm", x / 9.0, y / 9.0)
    ripple = np.sin(phase * 6.2832) * smooth(0.9, 0.25, land.distance**2 * canvas.view.pixel / eye / 1.9) * near
    fine = grain(canvas, land, "fine", 2.0, 0.35)
    sand = mix(rgb("e2b878"), rgb("cc7c48"), np.float32(red * 0.8))
    colour = (
        np.broadcast_to(sand, (*land.height.shape, 3))
        * (0.9 + 0.2 * broad + 0.10 * ripple * canvas.detail + fine)[..., None]
    )
    strata = 0.85 + 0.15 * np.sin(land.height / 26.0)
    colour = cover_with(
        colour, rgb("a8603c") * strata[..., None], smooth(180.0, 260.0, land.height) * (land.distance > 3000.0)
    )
    contrast = smooth(0.12, 0.62, land.lambert) - land.lambert
    paint_land(canvas, land, colour, 0.65 * contrast + 0.10 * ripple * canvas.detail)


def meadow(stage: Stage) -> None:
    """Rolling hills, flowers and single trees."""
    eye = stage.rng.uniform(1.9, 3.4)
    season = "spring" if stage.chance(0.3) else "summer"
    reds = [
        ("e03828", "f05038", "d82830"),
        ("fdfbf0", "f8e060", "f0f0ff"),
        ("b070d8", "9058c8", "d8a0f0"),
        ("f4d030", "f8e468", "f0a020"),
        ("f080a8", "fdfbf4", "e04070", "f8d040"),
    ]
    colours = reds[int(stage.rng.integers(len(reds)))]
    far_peaks = stage.chance(0.35)

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        s = stage.shift
        hills = 150.0 * smooth(90.0, 1500.0, far) * (look("soft", east / 1300.0 + s, north / 1300.0) - 0.30)
        roll = 16.0 * (look("soft", east / 260.0 + s, north / 260.0) - 0.42) * smooth(12.0, 110.0, far)
        peaks = peaks_of(stage, east, north, far, theta, 2200.0, 5000.0) if far_peaks else 0.0
        return hills + roll + 0.5 * (look("fbm", east / 14.0, north / 14.0) - 0.5) * smooth(3.0, 14.0, far) + peaks

    canvas = stage.canvas
    land = trace(canvas, heights, eye, 3.2, 16e3, count=190)
    colour, rough = meadow_colours(stage, land, ("4a7c2c", "86b03e", "b0b458"))
    wood = smooth(0.52, 0.62, look("fbm", land.east / 500.0, land.north / 500.0 + stage.shift)) * smooth(
        300.0, 800.0, land.distance
    )
    colour = (
        cover_with(colour, rgb("36602c"), wood * 0.85)
        * (1.0 + 0.8 * wood * grain(canvas, land, "fine", 60.0, 1.5))[..., None]
    )
    if far_peaks:
        colour, edges = rock_and_snow(stage, land, colour, 1000.0)
        rough = rough + edges * (land.distance > 4000.0)
    paint_land(canvas, land, colour, rough)
    paint_groves(stage, land, season, np.geomspace(700.0, 60.0, 6), 11.0, 0.60)
    paint_flowers(canvas, land, stage.seed, colours, 60.0, 0.95)
    paint_grass(canvas, land, stage.seed, ("3a6420", "9cc04c"), 0.34, 14.0)


def forest(stage: Stage) -> None:
    """Conifers rank behind rank, over moss and ferns."""
    eye, tall, peaks = stage.rng.uniform(2.5, 16), stage.rng.uniform(15, 24), stage.chance(0.45)

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        s = stage.shift
        hills = (
            160.0
            * smooth(60.0, 900.0, far)
            * np.maximum(look("soft", east / 800.0 + s, north / 800.0) - 0.28, 0.0)
            * 2.0
        )
        mountains_behind = peaks_of(stage, east, north, far, theta, 2200.0, 3000.0) if peaks else 0.0
        return hills + 1.6 * (look("fbm", east / 20.0 + s, north / 20.0) - 0.5) + mountains_behind

    canvas = stage.canvas
    land = trace(canvas, heights, eye, 4.0, 16e3, count=170)
    colour, rough = meadow_colours(stage, land, ("3c5e30", "74904a", "8c7c48"))
    woods = smooth(60.0, 200.0, land.distance)
    speckle = grain(canvas, land, "fine", 40.0, 1.5)
    colour = cover_with(colour, rgb("44704a"), woods) * (1.0 + 1.2 * woods * speckle)[..., None]
    if peaks:
        colour, edges = rock_and_snow(stage, land, colour, 700.0)
        rough = rough + edges * (land.distance > 2500.0)
    paint_land(canvas, land, colour, 0.6 * rough)
    for number, distance in enumerate(np.geomspace(1500.0, max(eye * 5.0, 24.0), 10)):
        thin = 0.30 + 0.035 * number
        clumps = (float(distance) / 150.0, stage.shift, thin)
        paint_trees(canvas, land, stage.seed + number, float(distance), "conifer", tall, tall * 0.33, clumps)
        if stage.foggy and number % 3 == 2:
            paint_fog_banks(canvas, stage.seed + number, float(distance) * 0.9, 0.5)
    if eye < 7.0:
        paint_grass(canvas, land, stage.seed, ("233c1e", "64823c"), 0.5, 16.0)


def autumn(stage: Stage) -> None:
    """Trees in red and gold, leaves on the ground."""
    eye, tall = stage.rng.uniform(2.2, 9), stage.rng.uniform(10, 15)
    hilly = stage.rng.uniform(0.3, 1.0)

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        s = stage.shift
        hills = 240.0 * hilly * smooth(100.0, 1300.0, far) * look("soft", east / 1000.0 + s, north / 1000.0)
        return hills + 2.0 * (look("fbm", east / 30.0 + s, north / 30.0) - 0.5) * smooth(4.0, 20.0, far)

    canvas = stage.canvas
    land = trace(canvas, heights, eye, 4.0, 9e3, count=150)
    colour, rough = meadow_colours(stage, land, ("7c7c34", "b49c48", "c08434"))
    leaves = smooth(0.02, 0.16, grain(canvas, land, "fine", 1.8, 1.2)) * smooth(
        0.35, 0.6, look("fbm", land.east / 12.0, land.north / 12.0)
    )
    colour = cover_with(colour, rgb("e0883c"), leaves * 0.85)
    tints = look("fine", land.east / 70.0, land.north / 70.0)[..., None]
    woods = mix(rgb("8c3c1c"), mix(rgb("d88c2c"), rgb("6c7430"), smooth(0.55, 0.7, tints)), smooth(0.35, 0.6, tints))
    colour = cover_with(colour, woods, smooth(150.0, 500.0, land.distance) * 0.9)
    paint_land(canvas, land, colour, rough)
    paint_groves(stage, land, "autumn", np.geomspace(600.0, max(4.5 * eye, 26.0), 8), tall, 0.50)
    paint_grass(canvas, land, stage.seed, ("5c5424", "b89848"), 0.30, 12.0)
    paint_flowers(canvas, land, stage.seed, ("c8501c", "e8a030", "a83018", "e8c848"), 40.0, 0.9, lying=True)


def snow(stage: Stage) -> None:
    """White slopes, snowy conifers and skiers under peaks."""
    high, start = stage.rng.uniform(1600, 2700), stage.rng.uniform(1800, 3000)
    eye, wooded = stage.rng.uniform(5, 14), stage.chance(0.75)

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        s = stage.shift
        slope = 130.0 * smooth(20.0, 700.0, far) * (look("soft", east / 700.0 + s, north / 700.0) - 0.22)
        return (
            slope
            + 3.0 * (look("fbm", east / 60.0 + s, north / 60.0) - 0.5)
            + peaks_of(stage, east, north, far, theta, high, start)
        )

    canvas = stage.canvas
    land = trace(canvas, heights, eye, 8.0, 18e3, count=190, ranges=start)
    drift = grain(canvas, land, "soft", 30.0, 0.40 - 0.3 * canvas.crisp) + grain(canvas, land, "fine", 5.0, 0.15)
    white = np.broadcast_to(rgb("ccd4e2"), (*land.height.shape, 3)) * (1.0 + 0.16 * drift)[..., None]
    colour, edges = rock_and_snow(stage, land, white, 500.0, season_snow=True)
    colour = cover_with(white, colour, smooth(400.0, 1200.0, land.distance))
    paint_land(canvas, land, colour, 0.6 * drift + edges * smooth(400.0, 1200.0, land.distance))
    if wooded:
        paint_groves(stage, land, "snowy", np.geomspace(700.0, 55.0, 7), 13.0, 0.56)
    if stage.skiers:
        paint_skiers(canvas, land, stage.seed, 38.0, 110.0)


def fields(stage: Stage) -> None:
    """Fields in stripes and squares over gentle hills, hedges, orchards in blossom, cottages."""
    eye, season = stage.rng.uniform(10, 24), str(stage.rng.choice(["spring", "spring", "summer"]))
    plot = stage.rng.uniform(70, 140)

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        s = stage.shift
        hills = 190.0 * smooth(120.0, 1800.0, far) * (look("soft", east / 1400.0 + s, north / 1400.0) - 0.3)
        return hills + 14.0 * (look("soft", east / 300.0 + s, north / 300.0) - 0.5) * smooth(15.0, 150.0, far)

    canvas = stage.canvas
    land = trace(canvas, heights, eye, 10.0, 14e3, count=180)
    x, y = land.east / plot + 0.6 * look("soft", land.east / 800.0, land.north / 800.0), land.north / plot
    row = np.floor(y)
    x = x * 0.6 + 0.5 * (row % 2)
    column = np.floor(x)
    number = hashed(stage.seed, column, row, 122)
    crops = np.stack([rgb(code) for code in ("6c9c38", "88b444", "e8cc40", "a88c58", "5c8c34", "b8c060", "9cc058")])
    colour = crops[(number * len(crops)).astype(np.int64)]
    furrow_scale = land.distance * canvas.view.pixel
    along = np.where(number * 7 % 1.0 < 0.5, land.east, land.north) / 3.4
    furrow = (
        np.sin(along * 6.2832)
        * smooth(1.4, 0.5, furrow_scale)
        * smooth(3.0, 1.0, land.distance * furrow_scale / eye / 2)
    )
    rough = grain(canvas, land, "fine", 12.0, 0.9) + 0.14 * furrow * canvas.detail
    edge = np.minimum(np.minimum(x - column, column + 1 - x) / 0.6, np.minimum(y - row, row + 1 - y)) * plot
    hedge = smooth(3.0, 1.2, edge) * (hashed(stage.seed, column, row, 123) < 0.7)
    colour = colour * (1.0 + 0.6 * rough)[..., None]
    colour = cover_with(colour, rgb("4a7438"), hedge)
    woods = smooth(0.56, 0.62, look("fbm", land.east / 700.0, land.north / 700.0 + stage.shift)) * smooth(
        300.0, 700.0, land.distance
    )
    colour = (
        cover_with(colour, rgb("38602e"), woods)
        * (1.0 + 0.8 * woods * grain(canvas, land, "fine", 60.0, 1.6))[..., None]
    )
    paint_land(canvas, land, colour, rough)
    paint_groves(stage, land, season, np.geomspace(900.0, 140.0, 5), 9.0, 0.60)
    paint_cottages(canvas, land, stage.seed, 110.0, 320.0, 0.55)
    paint_groves(stage, land, season, np.geomspace(100.0, 45.0, 2), 7.0, 0.66, salt=7)


def ground(stage: Stage) -> None:
    """The ground before one's feet, no sky: grass, sand, snow or leaves."""
    canvas = stage.canvas
    kind = int(stage.rng.integers(4))

    def heights(east: Array, north: Array, far: Array, theta: Array) -> Array:
        return 0.25 * (look("fbm", east / 3.0 + stage.shift, north / 3.0) - 0.5) + 0.0 * theta

    land = trace(canvas, heights, 2.2, 0.9, 40.0, count=150)
    fine = grain(canvas, land, "fine", 0.7, 1.3) + grain(canvas, land, "fbm", 1.6, 0.8)
    if kind == 0:
        colour, rough = meadow_colours(stage, land, ("426c28", "82ac3c", "a4a850"))
        paint_land(canvas, land, colour, rough + 0.7 * fine)
        paint_flowers(canvas, land, stage.seed, ("fdfbf0", "f4d840", "e060a0", "f0f0ff"), 6.0, 0.5)
        paint_grass(canvas, land, stage.seed, ("355c1e", "94b848"), 0.28, 6.0)
        return
    if kind == 1:
        bend = look("soft", land.east / 3.0, land.north / 3.0 + stage.shift)
        wave = np.sin((land.north * 2.2 + 3.0 * bend) * 6.2832 * 0.6)
        colour = np.broadcast_to(rgb("dcb880"), (*fine.shape, 3)) * (1.0 + 0.08 * wave + 0.3 * fine)[..., None]
        paint_land(canvas, land, colour, 0.12 * wave + 0.25 * fine)
    elif kind == 2:
        colour = np.broadcast_to(rgb("eef3fa"), (*fine.shape, 3)) * (1.0 + 0.10 * fine)[..., None]
        paint_land(canvas, land, colour, 0.12 + 0.45 * fine)
    else:
        tints = look("fine", land.east * 0.9, land.north * 0.9)[..., None]
        leaves = mix(
            rgb("7c3418"), mix(rgb("d08430"), rgb("d8b048"), smooth(0.55, 0.7, tints)), smooth(0.3, 0.6, tints)
        )
        paint_land(canvas, land, leaves * (1.0 + 0.8 * fine)[..., None], 0.5 * fine)
