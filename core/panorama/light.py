"""From a picture of 8 bits to light: highlights lifted above white, and a sun with the energy of one.

A picture does not tell how bright what it shows as white has been. What is made of it here is a guess, plausible and
labelled as such: mid-tones stay as they are, highlights rise to a peak that the user sets, and a compact highlight that
can be a sun or a moon shines several times as strongly as all the sky does.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from .sphere import elevations
from .views import sphere_directions

KNEE = 0.5  # linear; below it nothing changes
STEEPNESS = 6
SUN_TO_SKY = (
    5.0  # irradiance of the sun, straight on, to that of the whole sky on the ground: a clear day with some haze
)
SUN_RADIUS = math.radians(0.265)
MOST_RADIANCE = 50_000.0  # half-float ends at 65504
LUMINANCE = np.array((0.2126, 0.7152, 0.0722), np.float32)

# What can be a sun or a moon, as a picture of about half a degree to a pixel shows it.
SEARCH_WIDTH = 512
LEAST_LUMINANCE = 0.25
LARGEST_RADIUS = math.radians(8.0)
LOWEST = math.radians(-5.0)
LEAST_CONTRAST = 1.4  # to the ring round it
LEAST_SHARE = 0.5  # of all that is as bright: one highlight, not many
LEAST_ROUNDNESS = 0.4
LEVELS = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5)


@dataclass(frozen=True)
class Sun:
    """A sun or moon. Angles in radians: ``azimuth`` as in an equirectangular picture, 0 at its left edge.

    ``irradiance`` is what it sheds on a surface that faces it, where a world of radiance 1 all round sheds π; times
    ``colour``, linear RGB of luminance 1. ``radius`` is the disc's.
    """

    azimuth: float
    elevation: float
    radius: float
    colour: tuple[float, float, float]
    irradiance: float

    @property
    def direction(self) -> np.ndarray:
        """Unit vector towards it; see ``views``."""
        level = math.cos(self.elevation)
        return np.array((level * math.cos(self.azimuth), level * math.sin(self.azimuth), math.sin(self.elevation)))

    def to_json(self) -> dict[str, object]:
        """Its numbers as JSON values."""
        return {**asdict(self), "colour": list(self.colour)}


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """Scene-linear values, float32, of sRGB ones in [0, 1] (IEC 61966-2-1)."""
    srgb = srgb.astype(np.float32)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """The inverse of ``to_linear``; what is above 1 becomes 1."""
    linear = linear.astype(np.float32).clip(0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def lifted(linear: np.ndarray, peak: float) -> np.ndarray:
    """Highlights of a picture (..., 3) in [0, 1] lifted: its brightest channel at 1 becomes ``peak``, hue kept."""
    brightest = linear.max(axis=-1, keepdims=True)
    beyond = ((brightest - KNEE) / (1 - KNEE)).clip(0, 1)
    return linear * (1 + (peak - 1) * beyond**STEEPNESS / np.maximum(brightest, KNEE))


def flattened(light: np.ndarray, peak: float) -> np.ndarray:
    """The inverse of ``lifted``, to a grey level of 16 bits; what is brighter than the peak, as a sun is, becomes 1."""
    levels = np.linspace(0, 1, 2**16, dtype=np.float32)
    curve = lifted(levels[:, None], peak)[:, 0]
    brightest = light.max(axis=-1, keepdims=True)
    before = np.interp(brightest, curve, levels).astype(np.float32)
    return (light * before / np.maximum(brightest, 1e-6)).clip(0, 1)


def expanded(srgb: np.ndarray, peak: float) -> tuple[np.ndarray, Sun | None]:
    """Light (H, 2 H, 3), float32, scene-linear, of a picture of the sphere in [0, 1], and the sun in it, if there is.

    The sun is in the light too, as a disc as large as half-float needs to hold its energy.
    """
    linear = to_linear(srgb)
    found = find_sun(linear)
    light = lifted(linear, peak)
    if found is None:
        return light, None
    sun = _shining(found, light)
    _paint(light, sun)
    return light, sun


def find_sun(linear: np.ndarray) -> Sun | None:
    """The brightest compact region of a sphere (H, 2 H, 3), weighted by solid angle; None where there is none.

    Its irradiance is 0 yet: a picture does not tell it.
    """
    small = _reduced(linear)
    height, width = small.shape[:2]
    luminance = small @ LUMINANCE
    directions = sphere_directions(width, slice(0, height))
    angle = np.broadcast_to(np.cos(elevations(width))[:, None] * (math.pi / height) ** 2, luminance.shape)
    if luminance.max() < LEAST_LUMINANCE:
        return None
    for level in LEVELS:
        bright = luminance >= level * luminance.max()
        bright &= directions[..., 2] > math.sin(LOWEST)
        regions = _regions(bright)
        energy = [float((luminance * angle)[region].sum()) for region in regions]
        if not regions or max(energy) < LEAST_SHARE * sum(energy):
            continue
        sun = _as_sun(regions[int(np.argmax(energy))], small, luminance, directions, angle)
        if sun is not None:
            return sun
    return None


def _as_sun(
    region: tuple[np.ndarray, np.ndarray], small: np.ndarray, luminance: np.ndarray, directions: np.ndarray,
    angle: np.ndarray,
) -> Sun | None:  # fmt: skip
    """A bright region as a sun, unless it is too large, not round, or hardly brighter than what is round it."""
    weight = (luminance * angle)[region]
    centre = (directions[region] * weight[:, None]).sum(0)
    centre /= np.linalg.norm(centre)
    apart = np.arccos((directions @ centre).clip(-1, 1))
    radius = math.sqrt(float(angle[region].sum()) / math.pi)
    farthest = max(float(apart[region].max()), radius)
    ring = (apart > farthest * 1.2 + math.radians(0.5)) & (apart < farthest * 2.5 + math.radians(2.0))
    if not ring.any():  # it is all that is there
        return None
    round_enough = radius / farthest >= LEAST_ROUNDNESS
    contrast = float(luminance[region].mean() / max((luminance * angle)[ring].sum() / angle[ring].sum(), 1e-6))
    if farthest > LARGEST_RADIUS or not round_enough or contrast < LEAST_CONTRAST:
        return None
    # A disc that is clipped is white; its colour shows in the glow round it too, less the sky behind that.
    glow = apart < farthest * 1.2 + math.radians(0.5)
    mean = [(small[part] * angle[part][:, None]).sum(0) / angle[part].sum() for part in (glow, ring)]
    colour = (mean[0] - mean[1]).clip(1e-3)
    colour = colour / float(colour @ LUMINANCE)
    azimuth = math.atan2(centre[1], centre[0]) % (2 * math.pi)
    return Sun(azimuth, math.asin(float(centre[2])), radius, tuple(float(c) for c in colour), 0.0)


def _shining(sun: Sun, light: np.ndarray) -> Sun:
    """The sun with an energy that goes with the sky's, and a disc that can hold it."""
    width = light.shape[1]
    elevation = elevations(width)
    upper = elevation > 0
    share = np.cos(elevation[upper]) * np.sin(elevation[upper]) * (2 * math.pi / width) ** 2
    sky = float((light[upper] @ LUMINANCE).sum(1) @ share)
    irradiance = SUN_TO_SKY * sky
    needed = irradiance * max(sun.colour) / MOST_RADIANCE  # solid angle
    radius = max(SUN_RADIUS, math.sqrt(needed / math.pi), 1.5 * math.pi / len(elevation))
    return Sun(sun.azimuth, sun.elevation, radius, sun.colour, irradiance)


def _paint(light: np.ndarray, sun: Sun) -> None:
    """Add the sun's disc to the light it shines in. The pixels it takes have its energy, however they cut it."""
    height, width = light.shape[:2]
    pixel = math.pi / height
    reach = sun.radius + pixel
    near = np.flatnonzero(np.abs(elevations(width) - sun.elevation) <= reach + pixel)
    rows = slice(near[0], near[-1] + 1)
    apart = np.arccos((sphere_directions(width, rows).astype(np.float64) @ sun.direction).clip(-1, 1))
    cover = ((sun.radius - apart) / pixel + 0.5).clip(0, 1)
    angle = np.cos(elevations(width)[rows])[:, None] * pixel**2
    radiance = sun.irradiance / (cover * angle).sum()
    light[rows] += (cover[..., None] * radiance * np.array(sun.colour)).astype(np.float32)


def _reduced(picture: np.ndarray) -> np.ndarray:
    """A picture of the sphere at a size at which a sun is a few pixels: the mean of blocks of pixels."""
    height, width = picture.shape[:2]
    block = max((b for b in range(1, width // SEARCH_WIDTH + 1) if height % b == 0), default=1)
    return picture.reshape(height // block, block, width // block, block, -1).mean(axis=(1, 3), dtype=np.float32)


def _regions(mask: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of every connected region of a mask that closes from right to left."""
    width = mask.shape[1]
    waiting = set(zip(*(axis.tolist() for axis in np.nonzero(mask)), strict=True))
    regions = []
    while waiting:
        edge = [waiting.pop()]
        region = list(edge)
        while edge:
            row, column = edge.pop()
            for at in ((row - 1, column), (row + 1, column), (row, (column - 1) % width), (row, (column + 1) % width)):
                if at in waiting:
                    waiting.remove(at)
                    edge.append(at)
                    region.append(at)
        rows, columns = np.array(region).T
        regions.append((rows, columns))
    return regions
