"""How a picture is drawn: photograph, anime, cartoon, watercolour, oil. Filters follow the panorama's own pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .noise import TEXELS, Array, cells, hashed, look, mix, shift_of, smooth

MARGIN = 16  # pixels painted beyond each side for filters that look aside (more in windows larger than 256)


@dataclass(frozen=True)
class Style:
    """``detail`` and ``crisp`` are the canvas's; ``saturation`` is 1 for colours as they are."""

    detail: float
    crisp: float
    saturation: float


STYLES = {
    "photo": Style(1.0, 0.0, 1.0),
    "anime": Style(0.45, 0.8, 1.22),
    "cartoon": Style(0.18, 1.0, 1.25),
    "watercolour": Style(0.5, 0.25, 1.3),
    "oil": Style(0.9, 0.1, 1.15),
}


def _shifted(image: Array, down: int, right: int) -> Array:
    """The picture moved by whole pixels, its border repeated."""
    rows = np.clip(np.arange(image.shape[0]) - down, 0, image.shape[0] - 1)
    columns = np.clip(np.arange(image.shape[1]) - right, 0, image.shape[1] - 1)
    return image[rows][:, columns]


def _blurred(image: Array, passes: int = 1, step: int = 1) -> Array:
    """Softened with the kernel 1 2 1 both ways, ``passes`` times, at a spacing of ``step`` pixels."""
    height, width = image.shape[:2]
    beyond = [(step, step), (step, step)] + [(0, 0)] * (image.ndim - 2)
    for _ in range(passes):
        wide = np.pad(image, beyond, mode="edge")
        column = 2.0 * wide[step : step + height] + wide[:height] + wide[2 * step :]
        image = (2.0 * column[:, step : step + width] + column[:, :width] + column[:, 2 * step :]) * np.float32(1 / 16)
    return image


def _coordinates(size: int, left: int, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Columns (1, width) and rows (height, 1) in pixels of a window of 256, counted along the panorama."""
    columns = (np.arange(shape[1]) + left) % (6 * size)
    return (columns[None] * (256.0 / size)).astype(np.float32), (np.arange(shape[0])[:, None] * (256.0 / size)).astype(
        np.float32
    )


def _saturated(image: Array, amount: float) -> Array:
    grey = image @ np.array([0.3, 0.59, 0.11], np.float32)
    return grey[..., None] + (image - grey[..., None]) * np.float32(amount)


def _photo(image: Array, depth: Array, size: int, left: int, seed: int) -> Array:
    soft = mix(image, _blurred(image), 0.35)
    first = left % 2  # every other column of the panorama, not of the picture
    bloom = _blurred(np.maximum(_blurred(image[::2, first::2], 2) - 0.72, 0.0), 2, 2)
    bloom = np.pad(bloom.repeat(2, axis=0).repeat(2, axis=1), ((0, 0), (first, 0), (0, 0)), mode="edge")
    bloom = bloom[: image.shape[0], : image.shape[1]]
    x = (np.arange(image.shape[1]) + left) % (6 * size)
    noise = hashed(seed, x[None], np.arange(image.shape[0])[:, None], 110) * np.float32(1.6) + np.float32(0.2)
    return soft + 0.35 * bloom + ((noise - 1.0) * 0.010)[..., None]


def _anime(image: Array, depth: Array, size: int, left: int, seed: int) -> Array:
    soft = _blurred(image, 2)
    edge = np.abs(image - soft).max(axis=-1, keepdims=True)
    flat = mix(soft, image, np.clip(edge * 9.0, 0.0, 1.0))
    glow = _blurred(np.maximum(soft - 0.6, 0.0), 3, max(size // 128, 1))
    return flat + 0.22 * glow


def _lines(depth: Array) -> Array:
    """(height, width) in [0, 1]: where what is near ends before what is far."""
    log = np.log(np.clip(depth, 1.0, 3e4))
    step = np.maximum(np.abs(log - _shifted(log, 1, 0)), np.abs(log - _shifted(log, 0, 1)))
    return smooth(0.10, 0.35, step)


def _cartoon(image: Array, depth: Array, size: int, left: int, seed: int) -> Array:
    soft = _blurred(image, 2)
    levels = soft * 9.0
    steps = np.floor(levels) + smooth(0.25, 0.75, levels - np.floor(levels))
    flat = mix(soft, steps / 9.0, 0.45)
    flat = mix(flat, image, np.clip(np.abs(image - soft).max(axis=-1, keepdims=True) * 8.0 - 0.2, 0.0, 1.0))
    contrast = np.maximum(np.abs(image - _shifted(image, 1, 0)), np.abs(image - _shifted(image, 0, 1))).max(axis=-1)
    line = _lines(depth) * smooth(0.01, 0.07, contrast)  # none around what fog hides
    fade = np.clip(1.3 - np.log10(np.clip(depth, 1.0, 1e5)) / 5.0, 0.25, 1.0)
    ink = _saturated(soft * 0.22, 1.2)
    return mix(flat, ink, (_blurred(line) * fade * 1.1).clip(0, 0.9)[..., None])


def _watercolour(image: Array, depth: Array, size: int, left: int, seed: int) -> Array:
    x, y = _coordinates(size, left, image.shape)
    scale = size / 256
    right = (look("soft", x * 0.03, y * 0.03 + shift_of(seed, 4)) - 0.5) * 9.0 * scale
    down = (look("soft", x * 0.03 + 1.3, y * 0.03) - 0.5) * 9.0 * scale
    rows = np.clip(np.rint(np.arange(image.shape[0])[:, None] + down), 0, image.shape[0] - 1).astype(np.int64)
    columns = np.clip(np.rint(np.arange(image.shape[1])[None] + right), 0, image.shape[1] - 1).astype(np.int64)
    wet = _blurred(image[rows, columns], 2)
    levels = wet * 7.0
    washes = (np.floor(levels) + smooth(0.2, 0.8, levels - np.floor(levels))) / 7.0
    wet = mix(wet, washes, 0.45)
    rim = np.maximum(_blurred(wet, 2, 2) - wet, 0.0).mean(axis=-1, keepdims=True)
    pigment = look("fbm", x * 0.011, y * 0.011) - 0.5
    paper = look("fine", x * 0.09, y * 0.09) - 0.5
    tint = 1.0 - (1.0 - wet) * (0.92 + 0.30 * pigment + 0.16 * paper)[..., None] - 1.2 * rim
    return mix(tint, np.array([0.985, 0.97, 0.935], np.float32), 0.16)


def _oil(image: Array, depth: Array, size: int, left: int, seed: int) -> Array:
    x, y = _coordinates(size, left, image.shape)
    scale = size / 256
    _, _, dy, dx = cells(64)
    texels = TEXELS // 64
    painted = image
    for stroke_long, stroke_high, share in ((17.0, 6.0, 1.0), (9.0, 3.4, 0.8)):
        sway = (look("soft", x * 0.006 + stroke_long, y * 0.006) - 0.5) * 90.0
        u = (((x + sway * 0.2) / stroke_long * texels).astype(np.int64) + np.zeros_like(y, np.int64)) % TEXELS
        v = ((y + sway) / stroke_high * texels).astype(np.int64) % TEXELS
        rows = np.clip(
            np.rint(np.arange(image.shape[0])[:, None] + dy[v, u] * stroke_high * scale), 0, image.shape[0] - 1
        )
        columns = np.clip(
            np.rint(np.arange(image.shape[1])[None] + dx[v, u] * stroke_long * scale), 0, image.shape[1] - 1
        )
        strokes = image[rows.astype(np.int64), columns.astype(np.int64)]
        relief = np.clip(dy[v, u] * 0.06, -0.03, 0.03)
        bristle = look("fine", x / stroke_long * 0.12, (y + sway) * 0.30) - 0.5
        strokes = strokes * (1.0 + relief + 0.20 * bristle)[..., None]
        busy = (
            share if share == 1.0 else share * np.clip(np.abs(image - painted).max(axis=-1) * 6.0, 0.25, 1.0)[..., None]
        )
        painted = mix(painted, strokes, busy)
    return painted


_FILTERS = {"photo": _photo, "anime": _anime, "cartoon": _cartoon, "watercolour": _watercolour, "oil": _oil}


def drawn(image: Array, depth: Array, style: str, size: int, left: int, seed: int) -> Array:
    """The finished picture (height, width, 3) in [0, 1] from its colours and its distances (height, width)."""
    image = _saturated(image, STYLES[style].saturation)
    image = np.where(
        image > 0.8, 0.8 + 0.2 * np.tanh((image - 0.8) / 0.2), np.maximum(image, 0.0)
    )  # highlights bend, not break
    return np.clip(_FILTERS[style](image.astype(np.float32), depth, size, left, seed), 0.0, 1.0)
