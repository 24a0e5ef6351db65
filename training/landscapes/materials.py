"""Surfaces seen flat, as for tiles: each function gives colours (rows, width, 3) for places in heights of a window."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .light import rgb
from .noise import Array, cells, hashed, look, mix, shift_of, smooth


def _relief(
    height: Callable[[Array, Array], Array], u: Array, v: Array, step: float, strength: float
) -> tuple[Array, Array]:
    """Heights, and light about 1 on them from above left."""
    here = height(u, v)
    return here, np.clip(1.0 + strength * (here - height(u - step, v - step)), 0.35, 1.7)


def brick(u: Array, v: Array, seed: int) -> Array:
    """A brick wall in running bond, with worn edges and mortar."""
    rows = 9 + int(5 * hashed(seed, 80))
    high = 1.0 / rows
    long = 1.0 / round(rows / 2.6)
    kind = int(3.0 * hashed(seed, 81))
    low, high_tone = (("8c3c28", "b8603c"), ("a0674c", "cc9870"), ("7c4438", "a46a58"))[kind]
    wobble = (look("fbm", u * 2.0, v * 2.0 + shift_of(seed, 9)) - 0.5) * 0.012
    y = (v + wobble) / high
    row = np.floor(y).astype(np.int64)
    x = (u + wobble) / long + 0.5 * (row % 2)
    column = np.floor(x).astype(np.int64)
    chips = (look("fine", u * 3.0, v * 3.0) - 0.5) * 0.03
    edge = np.minimum(np.minimum(x - column, 1 - x + column) * long / high, np.minimum(y - row, 1 - y + row)) + chips
    clay = smooth(0.045, 0.10, edge)
    number = hashed(seed, row % 997, column % round(6 / long), 82)
    tone = (
        mix(rgb(low), rgb(high_tone), number[..., None])
        * (0.85 + 0.3 * hashed(seed, row % 997, column % round(6 / long), 83))[..., None]
    )
    speckle = look("fine", u * 4.1 + 0.3, v * 4.1) - 0.5
    stains = look("fbm", u * 0.9 + shift_of(seed, 5), v * 0.6) - 0.5
    tone = tone * (1.0 + 0.55 * speckle + 0.5 * stains)[..., None]
    mortar = rgb("b8b0a4") * (0.85 + 0.6 * speckle + 0.4 * stains)[..., None]
    side = np.minimum(x - column, 1.0) * long / high
    lit = (
        1.0 + 0.22 * smooth(0.16, 0.07, y - row) - 0.25 * smooth(0.80, 0.93, y - row) + 0.10 * smooth(0.14, 0.06, side)
    )
    shadow = 1.0 - 0.35 * smooth(0.10, 0.0, y - row)
    return mix(mortar * shadow[..., None], tone * lit[..., None], clay[..., None])


def vines(u: Array, v: Array, seed: int) -> Array:
    """Ivy over a brick wall: leaves in layers, each with a midrib and a shadow."""
    image = brick(u, v, seed + 1)
    growth = (
        look("soft", u * 0.8 + shift_of(seed, 11), v * 0.8) * 0.7
        + look("fbm", u * 2.2, v * 2.2 + shift_of(seed, 7)) * 0.3
    )
    amount = 0.50 + 0.25 * float(hashed(seed, 84))
    autumn = float(hashed(seed, 85)) < 0.25
    greens = ("a83420", "c86428", "8c7c28", "d89838") if autumn else ("2c5c24", "3f7c2c", "5c9838", "78b048")
    for layer in range(5):
        size = 0.055 + 0.014 * (layer % 3)
        across = round(6.0 / size)
        x, y = u / size + 0.37 * layer, v / size + 0.61 * layer
        column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        key = (column % across, row % 9973, layer)
        angle = math.tau * 0.5 * (hashed(seed, *key, 86) - 0.5) + math.pi / 2
        cx, cy = (
            x - column - 0.5 - 0.25 * (hashed(seed, *key, 87) - 0.5),
            y - row - 0.5 - 0.25 * (hashed(seed, *key, 88) - 0.5),
        )
        along, across_leaf = cx * np.cos(angle) + cy * np.sin(angle), cy * np.cos(angle) - cx * np.sin(angle)
        t = np.clip(along / 0.84 + 0.5, 0.0, 1.0)
        lobes = (
            0.36
            * np.sqrt(np.maximum(np.sin(np.pi * t**0.7), 0.0))
            * (1.0 - 0.22 * np.cos(t * 21.0) * (1 - t))
            * (1.15 - 0.5 * t)
        )
        inside = np.minimum(lobes - np.abs(across_leaf), 0.44 - np.abs(along))
        present = hashed(seed, *key, 89) < smooth(amount + 0.12, amount - 0.12, 1.0 - growth + 0.06 * layer)
        shadow = smooth(-0.20, 0.10, inside) * present * 0.5
        image = image * (1.0 - shadow)[..., None]
        cover = np.clip(inside * 22.0 * size / 0.06 + 0.5, 0.0, 1.0) * present
        pick = mix(rgb(greens[0]), rgb(greens[1 + layer % 3]), hashed(seed, *key, 90)[..., None])
        lit = 0.75 + 0.10 * layer + 0.5 * across_leaf - 0.35 * along + 0.25 * smooth(0.05, 0.0, np.abs(across_leaf))
        image = mix(image, pick * np.clip(lit, 0.3, 1.5)[..., None], cover[..., None])
    return image


def bark(u: Array, v: Array, seed: int) -> Array:
    """Bark with long plates and deep furrows."""
    warp = look("soft", u * 1.3 + shift_of(seed, 7), v * 0.6) * 0.35

    def height(a: Array, b: Array) -> Array:
        plates = look("billow", a * 3.2 + warp, b * 0.62 + shift_of(seed, 5))
        return plates * 1.1 + look("fbm", a * 6.0 + warp, b * 1.6) * 0.55 + look("fine", a * 3.0, b * 1.6) * 0.25

    here, light = _relief(height, u, v, 0.006, 5.0)
    tones = (("32241c", "8c7460"), ("2c2824", "968c80"), ("3c2818", "a4744c"))[int(3 * hashed(seed, 91))]
    colour = mix(rgb(tones[0]), rgb(tones[1]), smooth(0.62, 1.12, here)[..., None]) * light[..., None]
    moss = (
        smooth(0.58, 0.8, look("fbm", u * 0.9, v * 0.9 + 1.7))
        * smooth(0.7, 1.0, here)
        * (0.7 if hashed(seed, 92) < 0.5 else 0.1)
    )
    return mix(colour, rgb("5c7430") * light[..., None], moss[..., None])


def sand(u: Array, v: Array, seed: int) -> Array:
    """Rippled sand."""
    warp = look("soft", u * 0.7 + shift_of(seed, 9), v * 0.7)
    ripples = 7.0 + 6.0 * float(hashed(seed, 93))

    def height(a: Array, b: Array) -> Array:
        bent = (b + 0.5 * a * (float(hashed(seed, 94)) - 0.5) + 0.30 * warp + 0.05 * look("fbm", a, b)) * ripples
        wave = bent - np.floor(bent)
        return np.where(wave < 0.68, wave / 0.68, (1 - wave) / 0.32) * 0.5 + look("fine", a * 5.0, b * 5.0) * 0.16

    here, light = _relief(height, u, v, 0.007, 1.5)
    tone = mix(rgb("b88c5c"), rgb("e8cc9c"), smooth(0.0, 0.6, here)[..., None])
    return tone * light[..., None] * (0.92 + 0.16 * warp)[..., None]


def water(u: Array, v: Array, seed: int) -> Array:
    """Water from above: a net of light over blue or green depths."""
    warp_u = u + 0.10 * (look("soft", u * 1.6 + shift_of(seed, 7), v * 1.6) - 0.5) + 0.03 * look("fbm", u * 3, v * 3)
    warp_v = v + 0.10 * (look("soft", u * 1.6, v * 1.6 + shift_of(seed, 5)) - 0.5)
    border = cells()[1]
    scale = 0.42 + 0.3 * float(hashed(seed, 95))
    net = np.exp(look(border, warp_u * scale, warp_v * scale * 1.25) * -7.0)
    second = np.exp(look(border, warp_v * scale * 1.7 + 0.5, warp_u * scale * 1.7) * -8.0)
    deep, pale = (("0c5c8c", "38a8c4"), ("107878", "58c8b4"), ("184878", "4c90bc"))[int(3 * hashed(seed, 96))]
    depth = smooth(0.2, 0.8, look("soft", u * 0.6 + shift_of(seed, 3), v * 0.6))
    colour = mix(rgb(deep), rgb(pale), (0.15 + 0.6 * depth)[..., None])
    return colour + (np.clip(0.42 * net + 0.22 * second, 0, 0.7) * (0.55 + 0.6 * depth))[..., None] * rgb("e8fff4")


def rock(u: Array, v: Array, seed: int) -> Array:
    """Rough rock with cracks and lichen."""

    def height(a: Array, b: Array) -> Array:
        return (
            look("fbm", a * 1.1 + shift_of(seed, 7), b * 1.5)
            + 0.5 * look("ridge", a * 2.3, b * 3.0 + shift_of(seed, 5))
            + 0.25 * look("fine", a * 4, b * 4)
        )

    here, light = _relief(height, u, v, 0.008, 2.8)
    tones = (("4c4844", "a8a098"), ("504840", "b8a088"), ("3c444c", "8c98a4"))[int(3 * hashed(seed, 97))]
    colour = mix(rgb(tones[0]), rgb(tones[1]), smooth(0.55, 1.2, here)[..., None]) * light[..., None]
    cracked = cells()[1]
    bent = 0.25 * (look("fbm", u * 1.4, v * 1.4) - 0.5)
    crack = np.exp(look(cracked, u * 0.20 + bent, v * 0.26 + bent) * -26.0)
    lichen = (
        smooth(0.66, 0.85, look("fbm", u * 1.3 + 0.9, v * 1.3) + 0.5 * (look("fine", u * 2.0, v * 2.0) - 0.5)) * 0.45
    )
    colour = mix(colour, rgb("a8a468") * light[..., None], lichen[..., None])
    return colour * (1.0 - 0.65 * crack)[..., None]


def grass(u: Array, v: Array, seed: int) -> Array:
    """A lawn from above: blades in layers, every way, the upper ones brighter; sometimes daisies."""
    patch = look("fbm", u * 0.8 + shift_of(seed, 9), v * 0.8)
    image = mix(rgb("20401a"), rgb("38602a"), patch[..., None])
    for layer in range(9):
        size = 0.062 - 0.003 * layer
        turn = 0.7 * layer  # every layer has a lattice of its own direction, or rows would show
        x = (u * math.cos(turn) - v * math.sin(turn)) / size + 0.37 * layer
        y = (u * math.sin(turn) + v * math.cos(turn)) / size + 0.61 * layer
        column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        key = (column, row, layer)
        angle = math.tau * hashed(seed, *key, 98)
        cosine, sine = np.cos(angle), np.sin(angle)
        x, y = (
            x - column - 0.5 - 0.2 * (hashed(seed, *key, 99) - 0.5),
            y - row - 0.5 - 0.2 * (hashed(seed, *key, 104) - 0.5),
        )
        along = x * cosine + y * sine
        aside = y * cosine - x * sine + 0.5 * (along**2 - 0.08)
        inside = 0.085 * (1.0 - (along / 0.5) ** 2) - np.abs(aside) * (1.0 + 0.7 * along)
        image = image * (1.0 - 0.30 * smooth(-0.12, 0.03, inside))[..., None]
        tone = mix(
            rgb("46782c"),
            mix(rgb("8cc048"), rgb("b4c060"), patch[..., None]),
            np.clip(hashed(seed, *key, 105) * 0.6 + 0.05 * layer, 0, 1)[..., None],
        )
        lit = 0.85 + 0.6 * along * sine + 1.6 * aside
        image = mix(image, tone * lit[..., None], np.clip(inside * 26.0 * size / 0.06 + 0.5, 0.0, 1.0)[..., None])
    x, y = u * 13.0, v * 13.0
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    key = (column % 78, row % 997)
    x, y = x - column - 0.3 - 0.4 * hashed(seed, *key, 106), y - row - 0.3 - 0.4 * hashed(seed, *key, 107)
    away = np.hypot(x, y)
    flower = np.clip((0.20 + 0.05 * np.cos(np.arctan2(y, x) * 8.0) - away) * 14 + 0.5, 0, 1)
    flower = flower * (hashed(seed, *key, 100) < 0.45 * float(hashed(seed, 101)) * smooth(0.4, 0.6, patch))
    petals = mix(rgb("fdfaf4"), rgb("f4c020"), np.clip((0.08 - away) * 14 + 0.5, 0, 1)[..., None])
    return mix(image, petals, flower[..., None])


MATERIALS: dict[str, Callable[[Array, Array, int], Array]] = {
    "brick wall": brick,
    "vines on a brick wall": vines,
    "tree bark": bark,
    "sand": sand,
    "water": water,
    "rock": rock,
    "grass": grass,
}


def paint_material(name: str, u: Array, v: Array, seed: int) -> Array:
    """Colours (rows, width, 3) of a material at ``u`` (width,) and ``v`` (rows,), in heights of a window."""
    u, v = np.broadcast_arrays(u[None].astype(np.float32), v[:, None].astype(np.float32))
    warm = 0.97 + 0.06 * hashed(seed, 102)
    return (
        MATERIALS[name](u, v, seed) * np.array([warm, 1.0, 2.0 - warm], np.float32) * (0.9 + 0.25 * hashed(seed, 103))
    )
