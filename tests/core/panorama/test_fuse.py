"""A strip and views above and below it as one sphere."""

import math

import numpy as np
import pytest
from support.spheres import colours, strip_directions

from syncdiffusion.core.panorama.fuse import feather, fuse
from syncdiffusion.core.panorama.sphere import Cylinder, equirectangular
from syncdiffusion.core.panorama.views import sphere_directions, views_over_pole


@pytest.mark.parametrize(("width", "height", "horizon"), [(384, 64, 0.0), (384, 64, 25.0), (256, 128, 0.0)])
def test_it_gives_back_the_sphere_that_they_are_of(width, height, horizon):
    cylinder = Cylinder(width, height, horizon)
    painted = []
    for up, edge in ((True, cylinder.top), (False, -cylinder.bottom)):
        for view in views_over_pole(math.pi / 2 - edge + feather(cylinder), up):
            painted.append((view, colours(view.directions(64))))
    sphere = fuse(colours(strip_directions(width, height, horizon)), 256, horizon, painted)
    np.testing.assert_allclose(sphere, colours(sphere_directions(256, slice(0, 128))), atol=1e-2)


def test_without_views_the_edges_go_on_at_their_level():
    """No ring: the fill is as bright as the rows it goes on from, though the outermost differs."""
    strip = np.full((64, 384, 3), 0.4, np.float32)
    strip[0] = 0.9  # a decoder's edge
    sphere = equirectangular(strip, 256)
    assert np.abs(sphere[:20] - 0.4).max() < 0.12
    assert np.abs(np.diff(sphere[:, 0, 0])).max() < 0.06
    assert np.array_equal(fuse(strip, 256, 0.0, ()), sphere)
