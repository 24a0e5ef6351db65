"""Highlights lifted, and suns found."""

import math

import numpy as np
import pytest

from syncdiffusion.core.panorama.light import (
    LUMINANCE,
    MOST_RADIANCE,
    expanded,
    find_sun,
    flattened,
    lifted,
    to_linear,
    to_srgb,
)
from syncdiffusion.core.panorama.sphere import elevations
from syncdiffusion.core.panorama.views import sphere_directions

WIDTH = 512
DIRECTIONS = sphere_directions(WIDTH, slice(0, WIDTH // 2))


def sky(sun_azimuth=None, elevation=0.5, radius=2.0, colour=(1.0, 1.0, 0.95), level=1.0):
    """Blue over green, with a disc of so many degrees in a glow."""
    picture = np.where(DIRECTIONS[..., 2:] > 0, np.array((0.35, 0.5, 0.8)), np.array((0.3, 0.35, 0.2))) * level
    if sun_azimuth is not None:
        at = (math.cos(elevation) * math.cos(sun_azimuth), math.cos(elevation) * math.sin(sun_azimuth))
        apart = np.arccos((DIRECTIONS @ np.array((*at, math.sin(elevation)))).clip(-1, 1))[..., None]
        picture = picture + 0.2 * np.exp(-((apart / 0.15) ** 2)) * np.array(colour)
        picture = np.where(apart < math.radians(radius), np.array(colour), picture)
    return picture.clip(0, 1).astype(np.float32)


def test_mid_tones_stay_and_white_becomes_the_peak():
    grey = np.linspace(0, 1, 1001, dtype=np.float32)[:, None] * np.ones(3, np.float32)
    light = lifted(grey, 20.0)
    np.testing.assert_allclose(light[:500], grey[:500], rtol=0.01)
    assert light[-1] == pytest.approx(20.0)
    assert (np.diff(light[:, 0]) > 0).all()
    np.testing.assert_allclose(lifted(grey, 1.0), grey, atol=1e-6)
    orange = np.array([[1.0, 0.5, 0.25]], np.float32)
    np.testing.assert_allclose(lifted(orange, 8.0), 8 * orange)


def test_what_was_lifted_can_be_flattened():
    colours = np.random.default_rng(0).random((1000, 3), dtype=np.float32)
    np.testing.assert_allclose(flattened(lifted(colours, 8.0), 8.0), colours, atol=1e-4)
    assert flattened(np.full((1, 3), 3e4, np.float32), 8.0).max() == 1.0
    np.testing.assert_allclose(to_srgb(to_linear(colours)), colours, atol=1e-5)


@pytest.mark.parametrize("azimuth", [1.2, 0.01, 6.27])
@pytest.mark.parametrize("elevation", [0.05, 0.5, 1.3])
def test_a_sun_is_found_where_it_is_with_its_energy(azimuth, elevation):
    picture = sky(azimuth, elevation)
    light, sun = expanded(picture, 8.0)
    at = np.array((math.cos(elevation) * math.cos(azimuth), math.cos(elevation) * math.sin(azimuth)))
    assert math.degrees(math.acos(min(1.0, sun.direction @ np.array((*at, math.sin(elevation)))))) < 1.0
    assert light.max() < MOST_RADIANCE * 1.2
    assert np.isfinite(light.astype(np.float16)).all()
    added = (light - lifted(to_linear(picture), 8.0)) @ LUMINANCE
    angle = np.cos(elevations(WIDTH))[:, None] * (2 * math.pi / WIDTH) ** 2
    assert (added * angle).sum() == pytest.approx(sun.irradiance, rel=0.01)
    assert sun.irradiance > 2


def test_its_colour_is_that_of_its_glow():
    sun = find_sun(to_linear(sky(1.0, 0.2, colour=(1.0, 0.6, 0.3))))
    assert sun.colour[0] > sun.colour[1] > sun.colour[2]
    assert float(np.array(sun.colour) @ LUMINANCE) == pytest.approx(1.0)


def test_a_moon_in_a_dark_sky_is_found():
    assert find_sun(to_linear(sky(2.0, 0.6, radius=1.5, colour=(0.8, 0.85, 0.9), level=0.1))) is not None


@pytest.mark.parametrize("what", ["blue", "fog", "dark", "snow", "window", "ground"])
def test_where_there_is_no_compact_highlight_there_is_no_sun(what):
    picture = sky()
    if what == "fog":
        picture[:] = 0.8
    elif what == "dark":
        picture = sky(2.0, colour=(0.3, 0.3, 0.3), level=0.1)
    elif what == "snow":
        rng = np.random.default_rng(0)
        for _ in range(150):
            row, column = rng.integers(90, 128), rng.integers(0, WIDTH - 6)
            picture[row : row + 2, column : column + 5] = 0.97
    elif what == "window":
        picture[60:110, 100:200] = 1.0
    elif what == "ground":
        picture = sky(1.0, elevation=-0.5)
    light, sun = expanded(picture, 8.0)
    assert sun is None
    np.testing.assert_array_equal(light, lifted(to_linear(picture), 8.0))


def test_a_highlight_that_leaves_nothing_round_it_is_no_sun():
    """Nothing to compare it with: no sun, and no division by nothing."""
    white = np.zeros((8, 16, 3), np.float32)
    white[:5] = 1.0
    with np.errstate(all="raise"):
        assert find_sun(white) is None
    with np.errstate(all="raise"):
        assert find_sun(np.ones((8, 16, 3), np.float32)) is None
