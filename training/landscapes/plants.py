"""Plants: rows of trees by cells of the horizon, palms one by one, flowers and grass."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Canvas, angle_between, cells_in_view
from .light import rgb
from .noise import Array, hashed, look, mix, shift_of, smooth
from .terrain import Land

LEAVES = {
    "summer": ("3f7a2c", "5b9434", "2f6a34", "76a83c", "4c8440"),
    "spring": ("86b84a", "a4c860", "f0b4c8", "6ca440", "f8d4dc"),
    "autumn": ("c8501c", "e08a24", "a8281c", "e8b83c", "8c6a24"),
    "conifer": ("34643a", "44743e", "2c5640", "527c44", "3c664e"),
    "snowy": ("2c4838", "34503c", "243c34", "3c5844", "2c4440"),
}


def _palette(season: str) -> Array:
    return np.stack([rgb(code) for code in LEAVES[season]])


def paint_trees(
    canvas: Canvas,
    land: Land,
    seed: int,
    distance: float,
    season: str,
    tall: float,
    spacing: float,
    clumps: tuple[float, float, float],
) -> None:
    """A row of trees at a distance, behind what is nearer: conifers, or round crowns for the other seasons.

    ``tall`` and ``spacing`` are metres; ``clumps`` are the radius and the offset of a circle through noise, and the
    level of that noise below which there are no trees.
    """
    view, light = canvas.view, canvas.light
    across = max(round(2.0 * math.pi * distance / spacing), 3)
    base = land.base(distance)
    spread = 0.15 * np.abs(base)
    high = tall * (1.4 if season in ("conifer", "snowy") else 1.75) / distance
    top_row = int(np.floor(view.row_of(float((base + spread).max()) + high)))
    end_row = int(np.ceil(view.row_of(float((base - spread).min()) - 0.1 * tall / distance))) + 1
    rows = slice(max(top_row, 0), min(end_row, view.rows))
    if rows.start >= rows.stop:
        return
    slope, theta = canvas.slope[rows, None], canvas.theta
    place = theta * np.float32(across / (2.0 * math.pi))
    first = np.floor(place).astype(np.int64)
    rise = (slope - base[None]) * np.float32(distance)  # metres above the foot
    conifer = season in ("conifer", "snowy")
    colours = _palette(season)
    sunward = np.sin(angle_between(np.float32(light.azimuth), theta))
    front = 0.5 - 0.5 * np.cos(angle_between(np.float32(light.azimuth), theta))  # 1: the light is behind us
    soft = np.float32(1.0 / (view.pixel * distance * 0.8))  # 1 / metres of a soft edge
    cover = np.zeros(rise.shape, np.float32)
    shade, tone = np.zeros_like(cover), np.zeros((*rise.shape, 3), np.float32)
    reach = 2 if not conifer and tall * 0.45 > spacing else 1
    for step in range(-reach, reach + 1):  # from left to right, so that every column agrees which tree is in front
        number = (first + step) % across
        centre = (first + step).astype(np.float32) + 0.15 + 0.7 * hashed(seed, number, 50)
        size = tall * (0.62 + 0.75 * hashed(seed, number, 51))
        angle = centre * np.float32(2.0 * math.pi / across)
        dense = look("fbm", clumps[0] * np.sin(angle) + np.float32(clumps[1]), clumps[0] * np.cos(angle))
        present = hashed(seed, number, 52) < smooth(clumps[2] - 0.12, clumps[2] + 0.12, dense)
        offset = (place - centre) * np.float32(spacing)
        columns = np.flatnonzero(present & (np.abs(offset) < size * (0.24 if conifer else 0.54)))
        if columns.size == 0:
            continue
        number, size, x = number[columns], size[columns], offset[columns]
        # Not all in one line: some stand nearer, some farther off.
        nearer = base[columns] * (0.30 * (hashed(seed, number, 49) - 0.5))
        y = (rise[:, columns] - (nearer * distance)[None]) / size[None]
        # From here on only the pixels (points,) that a tree can reach.
        narrow = (1.12 - y) * 0.27 if conifer else np.float32(0.54)
        row, column = np.nonzero((y > -0.05) & (y < (1.06 if conifer else 1.32)) & (np.abs(x / size)[None] < narrow))
        if row.size == 0:
            continue
        pick = (hashed(seed, number, 53) * len(colours)).astype(np.int64)
        fresh = (colours[pick] * (0.85 + 0.3 * hashed(seed, number, 56))[:, None])[column]
        form = [hashed(seed, number, salt)[column] for salt in (54, 55, 57)]
        y, size, x, place_of = y[row, column], size[column], x[column], columns[column]
        sun, facing = sunward[place_of], front[place_of]
        if conifer:
            inside, lit, white = _conifer(x, y, size, sun, facing, form, canvas.detail, tall / distance / view.pixel)
            if season == "snowy":
                fresh = mix(fresh, rgb("eef4fa"), white[:, None])
        else:
            inside, lit, bark = _crown(x, y, size, sun, facing, form, canvas.detail, tall / distance / view.pixel)
            fresh = np.where((bark * soft > 0.0)[:, None], rgb("4a3a2c"), fresh)
        here = np.clip(inside * soft + 0.5, 0.0, 1.0)
        spot = (row, place_of)
        tone[spot] += (fresh - tone[spot]) * here[:, None]
        shade[spot] += (lit - shade[spot]) * here
        cover[spot] = np.maximum(cover[spot], here)
    row, column = np.nonzero(cover * (canvas.depth[rows] >= distance * 0.84))
    if row.size == 0:
        return
    shown, tone = cover[row, column], tone[row, column]
    lit = canvas.toned(np.clip(shade[row, column], 0.03, 1.0))
    foot = smooth(-0.35, 0.25, rise[row, column] / np.float32(tall))
    colour = tone * (light.ambient * (0.55 + 0.45 * foot)[:, None] + light.direct * lit[:, None])
    spot = (row + rows.start, column)
    colour += (canvas.haze_colour[spot] - colour) * np.float32(1.0 - math.exp(-distance / light.haze))
    canvas.image[spot] += (colour - canvas.image[spot]) * shown[:, None]
    solid = shown > 0.5
    canvas.depth[spot[0][solid], column[solid]] = distance * 0.84


def _conifer(
    x: Array, y: Array, size: Array, sun: Array, facing: Array, form: list[Array], detail: float, pixels: float
) -> tuple[Array, Array, Array]:
    """Metres inside, light, and share of snow of points (points,) ``x`` metres aside and ``y`` of the way up."""
    tier = (y * (7.0 + 3.0 * form[0])) % 1.0
    ragged = look("fine", x * (0.9 / size) + form[2] * 4.0, y * 2.6) - 0.5 if pixels > 9.0 else np.float32(0.0)
    half = size * (0.14 + 0.06 * form[1])
    edge = half * (1.06 - y) * (1.15 - 0.5 * tier * detail + 0.9 * ragged * detail)
    inside = np.minimum(edge - np.abs(x), (1.0 - y) * size * 0.5)
    lit = 0.35 + 0.45 * facing + 0.55 * sun * np.clip(x / half, -1, 1) + 0.5 * (0.5 - tier) * detail
    lit = lit + 0.8 * ragged * detail - 0.35 * (0.5 - np.minimum(y, 0.5))
    return inside, lit, smooth(0.5, 0.75, lit + 0.25 * (0.5 - tier)) * 0.85


def _crown(
    x: Array, y: Array, size: Array, sun: Array, facing: Array, form: list[Array], detail: float, pixels: float
) -> tuple[Array, Array, Array]:
    """Metres inside, light, and metres inside the bare trunk of points of a broad-leaved tree (as ``_conifer``)."""
    half = size * (0.34 + 0.10 * form[1])
    u, v = x / size * 2.2 + form[2] * 4.0, y * 2.2
    clump = look("billow", u, v)
    leaf = look("fine", u * 1.7, v * 1.7) - 0.5 if pixels > 12.0 else np.float32(0.0)
    up = (y - 0.60) / 0.40
    radius = np.sqrt((x / half) ** 2 + np.where(up < 0, up * 1.15, up) ** 2)
    crown = (0.94 - radius + 0.55 * (clump - 0.5) + 0.25 * leaf) * half
    trunk = np.minimum(size * 0.030 * (1.4 - y) - np.abs(x), (0.6 - y) * size)
    lit = 0.30 + 0.35 * facing + 0.5 * sun * np.clip(x / half, -1, 1) + 0.30 * up
    lit = lit + (1.5 * (clump - 0.45) + 1.0 * leaf) * mix(0.6, 1.0, detail)
    return np.maximum(crown, trunk), lit, np.minimum(trunk, -crown)


def _frond(x: Array, y: Array, angle: float, length: float, droop: float, width: float) -> tuple[Array, Array]:
    """Inside (> 0) of one feathered leaf from the origin, and the place along it from 0 to 1."""
    cosine = math.cos(angle)
    along = x * math.copysign(1.0, cosine) / (length * max(abs(cosine), 0.18))
    t = np.clip(along, 0.0, 1.0)
    spine = length * (math.sin(angle) * t - droop * t**2)
    comb = 0.55 + 0.45 * np.abs(((t * 17.0) % 1.0) * 2.0 - 1.0)
    hang = np.where(y < spine, 1.0, 0.35)
    half = width * np.sqrt(np.maximum(t * (1.04 - t), 0.0)) * 2.0 * hang * comb
    return np.where((along > 0.0) & (along < 1.0), half - np.abs(y - spine), -1.0), t


def paint_palms(canvas: Canvas, land: Land, seed: int, count: int) -> None:
    """Palms leaning over a beach, by cells of the horizon, each a bent trunk and a head of fronds."""
    view, light = canvas.view, canvas.light
    cell = 2.0 * math.pi / count
    for number in cells_in_view(view, count, 3):
        rng = np.random.default_rng([seed, number % count, 57])
        if rng.uniform() > 0.72:
            continue
        distance, size = rng.uniform(17.0, 42.0), rng.uniform(7.5, 11.0)
        azimuth = (number + rng.uniform(0.2, 0.8)) * cell
        lean = rng.uniform(-0.38, 0.38)
        while land.height_at(azimuth, distance) < 0.3 and distance > 11.0:  # not in the water: nearer
            distance *= 0.9
        if land.height_at(azimuth, distance) < 0.2:
            continue
        foot = land.foot(azimuth, distance)
        x = angle_between(canvas.theta, azimuth % (2.0 * math.pi)) * np.float32(distance / size)
        y = (canvas.slope - foot) * np.float32(distance / size)
        columns, rows = np.flatnonzero(np.abs(x) < 1.15), np.flatnonzero((y > -0.06) & (y < 1.5))
        if columns.size == 0 or rows.size == 0:
            continue
        rows, columns = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        x, y = x[None, columns], y[rows, None]
        sharp = size / (distance * view.pixel)
        bend = lean * np.clip(y, 0.0, 1.0) ** 1.7
        trunk = np.where(
            y < 1.0, 0.024 * (1.5 - 0.7 * y) + 0.004 * np.abs((y * 24) % 1.0 - 0.5) - np.abs(x - bend), -1.0
        )
        sunward = math.sin(float(angle_between(np.float32(light.azimuth), azimuth)))
        cover = np.clip(trunk * sharp + 0.5, 0.0, 1.0)
        shade = np.clip(0.45 + 0.4 * sunward * (x - bend) / 0.03, 0.05, 1.0) * np.ones_like(trunk)
        tone = np.broadcast_to(rgb("8a6c4c"), (*cover.shape, 3)).copy()
        greens = _palette("summer")
        head = slice(0, max(int(np.searchsorted(-y[:, 0], -0.45)), 1))  # the rows that leaves can reach
        high_up = y[head] - 1.0
        for leaf in range(13):
            angle = math.pi * (leaf / 12.0) * 1.15 - 0.24 + rng.uniform(-0.1, 0.1)
            long = rng.uniform(0.42, 0.58)
            inside, t = _frond(x - lean, high_up, angle, long, rng.uniform(0.35, 0.75), 0.05)
            here = np.clip(inside * sharp + 0.5, 0.0, 1.0)
            lit = np.clip(0.4 + 0.35 * math.sin(angle) + 0.35 * sunward * math.cos(angle) + 0.3 * (0.6 - t), 0.05, 1.0)
            tone[head] += (greens[leaf % 5] * 0.95 - tone[head]) * here[..., None]
            shade[head] += (lit - shade[head]) * here
            cover[head] = np.maximum(cover[head], here)
        colour = light.lit(tone, canvas.toned(shade))
        canvas.blend(rows, columns, cover, canvas.hazed(colour, distance, rows, columns), distance)


def paint_flowers(
    canvas: Canvas, land: Land, seed: int, colours: tuple[str, ...], reach: float, density: float, lying: bool = False
) -> None:
    """Flowers over a meadow from the viewer's feet to ``reach`` metres: dabs of colour in drifts.

    ``lying`` makes them fallen leaves: flat, without stems and hearts.
    """
    view, light = canvas.view, canvas.light
    table = np.stack([rgb(code) for code in colours])
    for ring_number, distance in enumerate(np.geomspace(reach, max(land.depths[0] * 1.12, 1.0), 26)):
        size = 0.20 * (0.8 + 0.5 * float(hashed(seed, ring_number, 60)))
        spacing = size * 1.9
        across = round(2.0 * math.pi * distance / spacing)
        base = land.base(float(distance))
        place = canvas.theta * np.float32(across / (2.0 * math.pi))
        number = np.floor(place).astype(np.int64) % across
        centre_x = 0.35 + 0.3 * hashed(seed, number, ring_number, 61)
        lift = (0.15 + 0.5 * hashed(seed, number, ring_number, 62)) * size * (0.1 if lying else 2.0)
        middle = (np.floor(place) + 0.5) * np.float32(2.0 * math.pi / across)
        turns = float(distance) * 7.0 / reach
        drift = look("fbm", turns * np.sin(middle) + shift_of(seed, 7), turns * np.cos(middle))
        present = hashed(seed, number, ring_number, 63) < density * smooth(0.42, 0.66, drift)
        radius = size * (0.30 + 0.22 * hashed(seed, number, ring_number, 64))
        low, high = view.row_of(float(base.min())), view.row_of(float(base.max()) + 3.0 * size / distance)
        rows = slice(max(int(high), 0), min(int(low) + 2, view.rows))
        if rows.start >= rows.stop or not present.any():
            continue
        x = ((place % 1.0) - centre_x) * np.float32(spacing)
        sharp = np.float32(1.0 / (view.pixel * distance))
        columns = np.flatnonzero(present & (np.abs(x) < radius + 1.0 / sharp))
        if columns.size == 0:
            continue
        x, lift, radius, number = x[None, columns], lift[None, columns], radius[None, columns], number[columns]
        y = (canvas.slope[rows, None] - base[None, columns]) * np.float32(distance) - lift
        away = np.hypot(x, y * (3.0 if lying else 1.25))
        cover = np.clip((radius - away) * sharp + 0.5, 0.0, 1.0) * np.clip(radius * sharp * 1.6, 0.0, 1.0)
        stem = np.clip(0.4 - np.abs(x) * sharp, 0.0, 1.0) * ((y < 0) & (y > -lift)) * (0.0 if lying else 0.7)
        pick = (hashed(seed, number, ring_number, 65) ** 1.5 * len(table)).astype(np.int64)
        heart = np.clip((radius * 0.35 - away) * sharp + 0.5, 0.0, 1.0) * (radius * sharp > 2.5) * (not lying)
        tone = mix(table[pick][None], rgb("f0c040"), heart[..., None])
        tone = mix(tone, rgb("3c6c28"), np.where(cover > 0.1, 0.0, stem)[..., None])
        lit = canvas.toned(np.clip(0.6 + 0.9 * y / size, 0.2, 1.0) * (0.5 + 0.5 * light.direction[1]))
        colour = canvas.hazed(light.lit(tone, lit), float(distance), rows, columns)
        shown = np.maximum(cover, stem) * (canvas.depth[rows][:, columns] >= distance)
        part = canvas.image[rows]
        part[:, columns] += (colour - part[:, columns]) * shown[..., None]


def paint_grass(canvas: Canvas, land: Land, seed: int, colours: tuple[str, str], tall: float, reach: float) -> None:
    """Blades of grass against what is behind them, in rows from ``reach`` metres to the viewer's feet."""
    view, light = canvas.view, canvas.light
    dark, bright = rgb(colours[0]), rgb(colours[1])
    for row, distance in enumerate(np.geomspace(reach, max(land.depths[0] * 1.15, 1.6), 9)):
        distance = float(distance)
        along, ahead = np.sin(canvas.theta) * 0.9, np.cos(canvas.theta) * 0.9
        uneven = look("fbm", along * 2.0 + 0.37 * row, ahead * 2.0) - 0.5  # or the rows would show
        base = land.base(distance) * (1.0 + 0.55 * uneven)
        height = tall * (
            0.6 + 0.8 * look("fbm", distance * np.sin(canvas.theta) * 0.5, distance * np.cos(canvas.theta) * 0.5)
        )
        rows = slice(
            max(int(view.row_of(float(base.max()) + 1.4 * tall / distance)), 0),
            min(int(view.row_of(float(base.min()) - 0.25 * tall / distance)) + 1, view.rows),
        )
        if rows.start >= rows.stop:
            continue
        across = round(2.0 * math.pi * distance / (tall * 0.12))
        y = (canvas.slope[rows, None] - base[None]) * np.float32(distance) / height[None]
        place = (canvas.theta * np.float32(across / (2.0 * math.pi)))[None]
        cover, shade = np.zeros(y.shape, np.float32), np.zeros(y.shape, np.float32)
        for blade in range(2):
            bent = place + 0.5 * blade + (1.2 if blade else -0.9) * np.clip(y, 0.0, 1.0) ** 2
            number = np.floor(bent).astype(np.int64) % across
            long = 0.45 + 0.75 * hashed(seed, number, row, 66 + blade)
            half = 0.42 * np.clip(1.0 - y / long, 0.0, 1.0)
            here = np.clip(
                (half - np.abs(bent - np.floor(bent) - 0.5)) * (tall * 0.12 / (view.pixel * distance)) + 0.4, 0.0, 1.0
            )
            here = here * (y < long) * (y > -0.2)
            shade = np.where(
                here > 0.3, 0.25 + 0.6 * np.clip(y, 0, 1) + 0.4 * (hashed(seed, number, row, 68) - 0.5), shade
            )
            cover = np.maximum(cover, here)
        shade = np.clip(shade, 0.0, 1.0)
        colour = light.lit(mix(dark, bright, shade[..., None]), canvas.toned(shade * 0.9 * light.direction[1] + 0.15))
        canvas.blend(rows, slice(None), cover * smooth(-0.25, 0.15, y), canvas.hazed(colour, distance, rows), distance)
