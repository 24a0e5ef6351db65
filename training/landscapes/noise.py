"""Noise that tiles: spectral textures made once, looked up anywhere, and hashes of integer cells.

Every texture is ``(1024, 1024)`` float32, repeats in both directions and has a base wavelength of a quarter of its
width, which is the unit of the coordinates: ``look(texture, u, v)`` repeats after 4 in ``u`` and in ``v``.
"""

from __future__ import annotations

import functools
import math

import numpy as np

Array = np.ndarray
TEXELS = 1024
PERIOD = 4.0  # of a texture, in the units of its coordinates
TURN = 2.0 * math.pi


def smooth(low: float, high: float, x: Array | float) -> Array:
    """0 below ``low``, 1 above ``high``, and an S in between (either may be the larger)."""
    t = np.clip((np.asarray(x, np.float32) - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: Array, b: Array, t: Array | float) -> Array:
    """Linear blend of ``a`` (t = 0) and ``b`` (t = 1)."""
    return a + (b - a) * t


def hashed(seed: int, *cells: Array | int) -> Array:
    """Numbers in [0, 1), float32, that depend on integer cells and nothing else."""
    state = np.uint32((seed * 0x9E3779B1 + 0x7F4A7C15) & 0xFFFFFFFF)
    with np.errstate(over="ignore"):
        for cell in cells:
            state = (state ^ np.asarray(cell).astype(np.int64).astype(np.uint32)) * np.uint32(0x85EBCA6B)
            state = (state ^ (state >> np.uint32(13))) * np.uint32(0xC2B2AE35)
            state = state ^ (state >> np.uint32(16))
    return (state >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def shift_of(seed: int, salt: int) -> float:
    """Where in a texture a world lies, in [0, PERIOD): different for every seed and purpose."""
    return PERIOD * float(hashed(seed, 1000, salt))


def _bands(seed: int, first: int, count: int) -> list[Array]:
    """Noise of one octave each, at ``first * 2**i`` waves per texture, standard deviation 1."""
    rng = np.random.default_rng([seed, 20])
    rows = np.fft.fftfreq(TEXELS, 1.0 / TEXELS)[:, None]
    columns = np.fft.rfftfreq(TEXELS, 1.0 / TEXELS)[None, :]
    frequency = np.log2(np.maximum(np.hypot(rows, columns), 1e-6))
    octaves = []
    for octave in range(count):
        spectrum = np.fft.rfft2(rng.standard_normal((TEXELS, TEXELS)))
        band = np.fft.irfft2(
            spectrum * np.exp(-((frequency - math.log2(first) - octave) ** 2) / 0.35), (TEXELS, TEXELS)
        )
        octaves.append((band / band.std()).astype(np.float32))
    return octaves


def _levelled(values: Array) -> Array:
    """Mean 0.5 and standard deviation 0.18, so that thresholds mean the same for every kind."""
    return (0.5 + 0.18 * (values - values.mean()) / values.std()).astype(np.float32)


@functools.cache
def texture(kind: str) -> Array:
    """A texture by name, made on first use.

    ``fbm`` is even fractal noise, ``soft`` its first octaves, ``swell`` hardly more than one, ``ridge`` has sharp
    crests (mountains), ``billow`` is puffy with sharp valleys (clouds, crowns of trees), ``fine`` has only high octaves
    (grain of rock, sand, grass).
    """
    if kind == "fbm":
        return _levelled(sum(band * 0.52**i for i, band in enumerate(_bands(1, 4, 8))))
    if kind == "soft":
        return _levelled(sum(band * 0.45**i for i, band in enumerate(_bands(2, 4, 3))))
    if kind == "swell":
        return _levelled(sum(band * 0.22**i for i, band in enumerate(_bands(7, 4, 2))))
    if kind == "fine":
        return _levelled(sum(band * 0.75**i for i, band in enumerate(_bands(3, 16, 5))))
    if kind == "billow":
        return _levelled(-sum(np.abs(band) * 0.55**i for i, band in enumerate(_bands(4, 4, 7))))
    if kind == "ridge":
        total, weight = np.zeros((TEXELS, TEXELS), np.float32), np.ones((), np.float32)
        for i, band in enumerate(_bands(5, 4, 6)):
            crest = np.maximum(1.0 - np.sqrt(band**2 + 0.03) * 0.55, 0.0) ** 1.2 * weight
            total = total + crest * 0.43**i
            weight = np.clip(crest * 1.5, 0.1, 1.0)
        return _levelled(total)
    raise KeyError(kind)


@functools.cache
def cells(across: int = 48) -> tuple[Array, Array, Array, Array]:
    """Voronoi cells that tile: distance to the nearest point and to the border, offsets (rows, columns) to that point.

    All four are ``(1024, 1024)`` float32 in units of a cell's width.
    """
    y, x = np.meshgrid(*(np.arange(TEXELS, dtype=np.float32) * (across / TEXELS),) * 2, indexing="ij")
    row, column = np.floor(y), np.floor(x)
    best, second = np.full(y.shape, 9.0, np.float32), np.full(y.shape, 9.0, np.float32)
    down, right = np.zeros_like(best), np.zeros_like(best)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            r, c = row + i, column + j
            dy = r + 0.1 + 0.8 * hashed(6, r % across, c % across) - y
            dx = c + 0.1 + 0.8 * hashed(7, r % across, c % across) - x
            distance = np.hypot(dy, dx)
            near = distance < best
            second = np.where(near, best, np.minimum(second, distance))
            best, down, right = np.where(near, distance, best), np.where(near, dy, down), np.where(near, dx, right)
    return best, second - best, down, right


def look(kind: str | Array, u: Array, v: Array) -> Array:
    """Values of a texture at coordinates that broadcast together, bilinear, in units of the base wavelength."""
    flat = (texture(kind) if isinstance(kind, str) else kind).reshape(-1)
    u, v = np.broadcast_arrays(
        np.asarray(u, np.float32) * np.float32(TEXELS / PERIOD), np.asarray(v, np.float32) * np.float32(TEXELS / PERIOD)
    )
    left, top = np.floor(u), np.floor(v)
    fu, fv = u - left, v - top
    left, top = left.astype(np.int32) & (TEXELS - 1), (top.astype(np.int32) & (TEXELS - 1)) * TEXELS
    right, bottom = (left + 1) & (TEXELS - 1), (top + TEXELS) & (TEXELS * TEXELS - 1)
    upper = flat[top + left]
    upper += (flat[top + right] - upper) * fu
    lower = flat[bottom + left]
    lower += (flat[bottom + right] - lower) * fu
    upper += (lower - upper) * fv
    return upper


def around(theta: Array, across: Array | float, turns: tuple[int, int], scale: float = 1.0) -> tuple[Array, Array]:
    """Coordinates ``(u, v)`` on a band about the viewer that closes after a full turn and repeats nowhere on it.

    ``theta`` is the azimuth in radians, ``across`` runs at right angles to it, in radians too. ``turns`` are two
    integers without a common divisor: how often the band winds each way; the larger, the finer the noise.
    """
    length = math.hypot(*turns)
    a, b = turns[0] / length, turns[1] / length
    along = np.asarray(theta, np.float32) * np.float32(PERIOD * length / TURN)
    across = np.asarray(across, np.float32) * np.float32(PERIOD * length / TURN * scale)
    return along * a - across * b, along * b + across * a


def ring(kind: str, theta: Array, radius: float, offset: float) -> Array:
    """Noise along the azimuth alone, closed after a full turn: a circle of ``radius`` units through the texture."""
    return look(kind, radius * np.sin(theta) + np.float32(offset), radius * np.cos(theta) + np.float32(offset * 1.7))
