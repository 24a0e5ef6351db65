"""From strips to spheres."""

import math

import numpy as np
import pytest

from syncdiffusion.core.panorama.sphere import EDGE, Cylinder, equirectangular


def strip_of(function, height=64, width=384):
    """A strip whose value at an angle (radians, 0 to 2 pi) and a height over the horizon (in radii) is known."""
    angle = 2 * math.pi * (np.arange(width) + 0.5) / width
    radius = width / (2 * math.pi)
    above = (height / 2 - np.arange(height) - 0.5) / radius
    return np.broadcast_to(function(angle[None], above[:, None]), (height, width))[..., None].astype(np.float32)


def directions(width):
    """Angle and elevation of every pixel of an equirectangular picture."""
    angle = 2 * math.pi * (np.arange(width) + 0.5) / width
    return angle[None], math.pi * (0.5 - (np.arange(width // 2)[:, None] + 0.5) / (width // 2))


@pytest.mark.parametrize("width", [192, 384, 768])
def test_a_row_is_seen_where_the_cylinder_shows_it(width):
    """Values that are the elevation itself come out as the elevation, within the band that the strip covers."""
    sphere = equirectangular(strip_of(lambda _, above: np.arctan(above)), width)[..., 0]
    elevation = np.broadcast_to(directions(width)[1], sphere.shape)
    band = np.abs(elevation) < math.atan(math.pi * 64 * (1 - 2 * EDGE) / 384)
    assert sphere.shape == (width // 2, width)
    np.testing.assert_allclose(sphere[band], elevation[band], atol=2e-3)


@pytest.mark.parametrize(("width", "degrees"), [(384, 55.3), (256, 76.3)])
def test_the_band_is_as_high_as_the_strip_is_round(width, degrees):
    """6:1 covers 55.3 degrees, 4:1 76.3."""
    cylinder = Cylinder(width, 64)
    assert math.degrees(cylinder.top - cylinder.bottom) == pytest.approx(degrees, abs=0.05)
    np.testing.assert_allclose(cylinder.rows(np.array([cylinder.top, 0.0, cylinder.bottom])), [-0.5, 31.5, 63.5])


@pytest.mark.parametrize("width", [192, 384, 768])
def test_columns_keep_their_direction_and_the_loop_closes(width):
    sphere = equirectangular(strip_of(lambda angle, _: np.cos(angle)), width)[..., 0]
    np.testing.assert_allclose(sphere[width // 4], np.cos(directions(width)[0][0]), atol=5e-3)
    steps = np.abs(np.diff(sphere, axis=1, append=sphere[:, :1]))
    assert steps[:, -1].max() <= steps.max() + 1e-6


def test_no_edge_and_no_pinch():
    rng = np.random.default_rng(0)
    sphere = equirectangular(np.repeat(rng.random((1, 384, 3)), 64, axis=0), 768)
    # At a pole every direction is the same place.
    assert np.ptp(sphere[0], axis=0).max() < 0.02
    assert np.ptp(sphere[-1], axis=0).max() < 0.02
    # Rows go over into each other: from the band on, no step is larger than the noise's own from column to column.
    rows = np.abs(np.diff(sphere, axis=0)).mean(axis=(1, 2))
    assert rows.max() < 0.5 * np.abs(np.diff(sphere[192], axis=0)).mean()


def test_the_fill_keeps_the_mean_of_the_edge():
    strip = strip_of(lambda angle, above: np.sin(3 * angle) + 0.25 + 0 * above)
    sphere = equirectangular(strip, 384)
    np.testing.assert_allclose(sphere.mean(axis=(1, 2)), 0.25, atol=1e-3)


def test_the_horizon_can_lie_elsewhere():
    strip = strip_of(lambda _, above: np.arctan(above))
    raised = equirectangular(strip, 384, horizon=10.0)[..., 0]
    # The strip's middle is now seen ten degrees up, and what lay ten degrees down is level.
    up = round(96 - 10 / 180 * 192)
    assert raised[up - 1 : up + 1, 0].mean() == pytest.approx(0.0, abs=0.01)
    assert raised[95:97, 0].mean() == pytest.approx(-math.radians(10), abs=0.01)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"width": 101}, "width: 101 is not an even number of pixels; use 100"),
        ({"width": 0}, "width: 0 is not an even number of pixels; use 2"),
        ({"horizon": 90.0}, "horizon: 90 is out of range; use -60 to 60 degrees"),
        ({"strip": np.zeros((0, 4, 3))}, "strip: its shape is"),
        ({"strip": np.zeros((4, 4))}, "strip: its shape is"),
    ],
)
def test_what_cannot_be(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        equirectangular(**{"strip": np.zeros((4, 8, 3)), "width": 8, **change})
