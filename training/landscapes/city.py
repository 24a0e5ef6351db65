"""Buildings: skylines by cells of the horizon, with lit windows; cottages and skiers, the small things of people."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Canvas, angle_between, cells_in_view
from .light import rgb
from .noise import Array, hashed, look, mix, shift_of, smooth
from .terrain import Land

_WALLS = ("8c8f98", "a89c90", "6c7684", "b4b0a8", "7c6c68", "98a8b4")
_LAMPS = ("ffd890", "ffc060", "fff0c8", "d8ecff", "ffe0a0")


def paint_skyline(
    canvas: Canvas, seed: int, distance: float, width: float, tall: tuple[float, float], lamps: float
) -> None:
    """A row of buildings on level ground by the water, ``tall`` metres at least and at most.

    ``width`` is that of a plot in metres, ``lamps`` (0 to 1) the share of windows that are lit.
    """
    view, light = canvas.view, canvas.light
    across = round(2.0 * math.pi * distance / width)
    top = int(view.row_of(tall[1] * 1.3 / distance))
    rows = slice(max(top, 0), min(int(view.row_of(-1.0 / distance)) + 1, view.rows))
    if rows.start >= rows.stop:
        return
    rise = (canvas.slope[rows, None] + 1.0 / distance) * np.float32(distance)
    centre_height = look(
        "soft", np.sin(canvas.theta) * 0.9 + shift_of(seed, 5), np.cos(canvas.theta) * 0.9
    )  # downtown and suburbs
    place = canvas.theta * np.float32(across / (2.0 * math.pi))
    number = np.floor(place).astype(np.int64) % across
    local = (place - np.floor(place)) * np.float32(width)

    def draw(salt: int) -> Array:
        return hashed(seed, number, 70, salt)

    swell = smooth(0.30, 0.72, centre_height) * (0.35 + 0.65 * draw(0) ** 1.5)
    height = tall[0] + (tall[1] - tall[0]) * swell
    gap = width * 0.10 * draw(1)
    inset = np.minimum(local - gap, width - gap - local)
    kind = draw(2)
    setback = np.where(kind < 0.30, np.where(inset < 0.17 * width, 0.80, 1.0), 1.0)
    setback = np.where((kind > 0.3) & (kind < 0.42), np.where(inset < 0.30 * width, 0.90, 1.0), setback)
    spire = np.where(
        (kind > 0.84) & (height > 0.55 * tall[1]), np.clip(inset - 0.33 * width, 0, 1.0) * 0.9 * height, 0.0
    )
    roof = np.where((kind > 0.42) & (kind < 0.52), np.minimum(inset, 0.5 * width) * 0.7, 0.0)
    mast = np.where((kind > 0.6) & (np.abs(local - 0.5 * width) < 0.5 * view.pixel * distance), 0.16 * height, 0.0)
    soft = np.float32(1.0 / (view.pixel * distance))
    outline = (height * setback)[None] + np.minimum(roof, height * 0.25)[None] - rise
    cover = np.clip(outline * soft * 1.5 + 0.5, 0.0, 1.0) * np.clip(inset * soft + 0.5, 0.0, 1.0)[None]
    thin = np.clip(((height + mast)[None] - rise) * soft + 0.5, 0.0, 1.0) * (mast > 0)[None] * 0.8
    needle = np.where(
        spire[None] > 0, np.clip((height[None] * 1.28 - rise) * soft, 0, 1) * (inset > 0.43 * width)[None], 0.0
    )
    cover = np.maximum(np.maximum(cover, thin), needle)

    wall = np.stack([rgb(code) for code in _WALLS])[(draw(3) * len(_WALLS)).astype(np.int64)]
    sunward = math.sin(float(light.azimuth)) * np.cos(canvas.theta) - math.cos(float(light.azimuth)) * np.sin(
        canvas.theta
    )
    front = 0.5 - 0.5 * np.cos(angle_between(canvas.theta, light.azimuth))
    facet = (
        np.where((local < 0.32 * width) == (draw(4) < 0.5), 1.0, -1.0)
        * np.sign(sunward)
        * np.minimum(np.abs(sunward) * 2, 1)
    )
    shade = canvas.toned(np.clip(0.25 + 0.6 * front + 0.35 * facet, 0.03, 1.0))
    tone = np.broadcast_to(light.lit(wall * (0.8 + 0.4 * draw(5))[:, None], shade)[None], (*cover.shape, 3)).copy()

    floor, bay = 4.2 + 1.2 * draw(6), 4.4 + 2.0 * draw(7)
    up, side = rise / floor[None], ((local - gap) / bay)[None]
    storey, column = np.floor(up).astype(np.int64), np.floor(side).astype(np.int64)
    size = np.clip(floor * soft - 1.2, 0.0, 1.0)[None]  # a grid finer than the pixels becomes even
    pane = ((up - storey > 0.25) & (up - storey < 0.85) & (side - column > 0.18) & (side - column < 0.85)).astype(
        np.float32
    )
    pane = mix(np.float32(0.4), pane, 0.35 + 0.65 * size) * (outline > 0.35 * floor[None]) * (inset > 0.4)[None]
    chance = hashed(seed, number[None], storey, column, 71)
    busy = lamps * (0.35 + 1.1 * draw(8))[None] * np.where(hashed(seed, number[None], storey, 72) < 0.12, 1.8, 1.0)
    lit = pane * (chance < busy)
    glass = mix(light.sky[2], light.sky[1], np.clip(rise / tall[1], 0.0, 1.0)[..., None]) * 0.75
    tone += (glass - tone) * (pane * 0.45 * (1.0 - lit) * (1.0 - 0.6 * lamps))[..., None]
    lamp = np.stack([rgb(code) for code in _LAMPS])[(draw(9) * len(_LAMPS)).astype(np.int64)][None]
    glare = 0.55 + 0.45 * hashed(seed, number[None], storey, column, 73)
    street = np.exp(rise * -0.07) * lamps * 0.5
    tone += (rgb("ffb868") - tone) * street[..., None]
    tone = canvas.hazed(tone, distance * 2.0, rows)
    tone += (lamp - tone) * (lit * glare)[..., None]
    tip = ((mast > 0)[None] & (np.abs((height + mast)[None] - rise) < 1.4 / soft)) * (lamps > 0.25)
    tone = np.where(tip[..., None], rgb("ff5040"), tone)
    canvas.blend(rows, slice(None), cover.astype(np.float32), tone, distance)


def city_glow(canvas: Canvas, lamps: float) -> None:
    """The warm air over a lit city, on the sky alone."""
    amount = np.exp(np.maximum(canvas.slope, 0.0) * -7.0) * lamps * 0.42
    canvas.image += (rgb("d08858") - canvas.image) * amount[:, None, None]


def _local(
    canvas: Canvas, land: Land, azimuth: float, distance: float, reach: float
) -> tuple[slice, slice, Array, Array] | None:
    """Rows and columns within ``reach`` metres of a spot, and metres to the right and above the ground there."""
    x = angle_between(canvas.theta, azimuth % (2.0 * math.pi)) * np.float32(distance)
    columns = np.flatnonzero(np.abs(x) < reach)
    if columns.size < 2:
        return None
    foot = land.foot(azimuth, distance)
    y = (canvas.slope - foot) * np.float32(distance)
    rows = np.flatnonzero((y > -0.3 * reach) & (y < 1.3 * reach))
    if rows.size < 2:
        return None
    rows, columns = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return rows, columns, x[None, columns], y[rows, None]


def _spots(canvas: Canvas, seed: int, salt: int, count: int, chance: float) -> list[tuple[float, np.random.Generator]]:
    """Azimuths by cells of the horizon in or near the view, each with numbers of its own."""
    view, cell, found = canvas.view, 2.0 * math.pi / count, []
    for number in cells_in_view(view, count, 1):
        rng = np.random.default_rng([seed, salt, number % count])
        if rng.uniform() < chance:
            found.append(((number + rng.uniform(0.1, 0.9)) * cell, rng))
    return found


def _capsule(x: Array, y: Array, a: tuple[float, float], b: tuple[float, float], radius: float) -> Array:
    """Metres inside (> 0) a thick line from ``a`` to ``b``."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    return radius - np.hypot(x - a[0] - along * dx, y - a[1] - along * dy)


def paint_skiers(canvas: Canvas, land: Land, seed: int, nearest: float, farthest: float) -> None:
    """Skiers on a slope, leaning into their turns, with shadows."""
    light = canvas.light
    jackets = ("d83030", "2860c8", "f0a020", "20a070", "c83090", "f0f040")
    for azimuth, rng in _spots(canvas, seed, 74, 17, 0.85):
        distance = math.exp(rng.uniform(math.log(nearest), math.log(farthest)))
        size, flip = 2.6, rng.choice([-1.0, 1.0])  # larger than life, to be seen
        jacket = rgb(str(rng.choice(jackets)))
        spot = _local(canvas, land, azimuth, distance, 3.2)
        if spot is None:
            continue
        rows, columns, x, y = spot
        x, y = x * (flip / size), y / size
        sharp = size / (distance * canvas.view.pixel)
        parts = (
            (_capsule(x, y, (-0.75, 0.0), (0.25, -0.06), 0.05), rgb("586888"), 0.5),  # shadow
            (_capsule(x, y, (-0.55, 0.10), (0.60, 0.02), 0.028), rgb("20242c"), 1.0),  # skis
            (_capsule(x, y, (0.0, 0.08), (0.14, 0.36), 0.075), rgb("28304c"), 1.0),  # legs
            (_capsule(x, y, (0.14, 0.36), (-0.08, 0.50), 0.085), rgb("28304c"), 1.0),
            (_capsule(x, y, (-0.06, 0.52), (0.14, 0.86), 0.12), jacket, 1.0),
            (_capsule(x, y, (0.10, 0.80), (0.36, 0.58), 0.055), jacket * 0.85, 1.0),
            (_capsule(x, y, (0.36, 0.60), (-0.05, 0.10), 0.018), rgb("303030"), 0.9),  # pole
            (_capsule(x, y, (0.20, 1.02), (0.21, 1.03), 0.11), rgb("f0d0b0") * 0.6 + jacket * 0.35, 1.0),
        )
        for inside, colour, strength in parts:
            cover = np.clip(inside * sharp + 0.5, 0.0, 1.0).astype(np.float32) * strength
            lit = canvas.hazed(
                light.lit(np.broadcast_to(colour, (1, x.shape[1], 3)), np.float32(0.7)), distance, rows, columns
            )
            canvas.blend(rows, columns, cover, lit, distance * 0.98)


def paint_cottages(canvas: Canvas, land: Land, seed: int, nearest: float, farthest: float, chance: float = 0.5) -> None:
    """Small houses with red roofs in the fields, their windows lit when it is dark."""
    light = canvas.light
    dark = float(light.direct.mean() + light.ambient.mean()) < 0.75
    for azimuth, rng in _spots(canvas, seed, 75, 14, chance):
        distance = math.exp(rng.uniform(math.log(nearest), math.log(farthest)))
        size = rng.uniform(5.0, 7.0)
        spot = _local(canvas, land, azimuth, distance, size * 1.6)
        if spot is None:
            continue
        rows, columns, x, y = spot
        x, y = x / size, y / size
        sharp = size / (distance * canvas.view.pixel)
        turn = rng.uniform(-0.25, 0.25)
        gable = np.minimum(
            np.minimum(x + 1.0, turn + 0.1 - x),
            np.minimum(0.62 + 0.95 * np.minimum(x + 1.0, turn + 0.1 - x) - y, y + 0.25),
        )
        wall = np.minimum(np.minimum(x - turn - 0.1, 1.0 - x), np.minimum(0.62 - y, y + 0.25))
        ridge = 0.62 + 0.95 * 0.5 * (turn + 1.1)
        middle = 0.5 * (turn - 0.9)
        slant = (y - 0.60) / (ridge - 0.60)
        roof = np.minimum(
            np.minimum(y - 0.56, ridge - y) * 0.8,
            np.minimum(x - (turn + 0.16 - slant * (turn + 0.1 - middle)), 1.10 - 0.35 * slant - x),
        )
        cream, red = (
            rgb(str(rng.choice(["f0e8d8", "e8d8c0", "d8e0e4"]))),
            rgb(str(rng.choice(["b04830", "98402c", "7c5040"]))),
        )
        sunward = math.sin(float(angle_between(np.float32(light.azimuth), azimuth)))
        for inside, colour, lambert in (
            (gable, cream, 0.6 - 0.4 * sunward),
            (wall, cream, 0.5 + 0.4 * sunward),
            (roof, red, 0.7 + 0.2 * sunward),
        ):
            cover = np.clip(inside * sharp + 0.5, 0.0, 1.0).astype(np.float32)
            lit = canvas.hazed(
                light.lit(np.broadcast_to(colour, (1, x.shape[1], 3)), np.float32(lambert)), distance, rows, columns
            )
            canvas.blend(rows, columns, cover, lit, distance * 0.99)
        pane = np.minimum(0.13 - np.abs(np.abs(x - 0.55) - 0.24), 0.13 - np.abs(y - 0.28))
        pane = np.maximum(pane, np.minimum(0.12 - np.abs(x - middle), 0.14 - np.abs(y - 0.42)))
        cover = np.clip(pane * sharp + 0.5, 0.0, 1.0).astype(np.float32)
        canvas.blend(
            rows, columns, cover, rgb("ffd070") if dark else light.lit(rgb("405068"), np.float32(0.5)), distance * 0.98
        )
