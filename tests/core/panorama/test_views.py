"""Perspective views: what they see, and that together they see all they should."""

import math

import numpy as np
import pytest
from support.spheres import colours

from syncdiffusion.core.panorama.views import View, cube_faces, faces_sheet, look, sphere_directions, views_over_pole


@pytest.mark.parametrize("elevation", [-math.pi / 2, -0.7, 0.0, 1.2])
def test_a_view_sees_the_sphere_in_perspective(elevation):
    view = View(2.5, elevation, 1.1)
    sphere = colours(sphere_directions(512, slice(0, 256)))
    np.testing.assert_allclose(look(sphere, view, 48), colours(view.directions(48)), atol=2e-3)
    x, y, seen = view.places(view.directions(48))
    assert seen.all()
    at = (np.arange(48) + 0.5) / 24 - 1
    np.testing.assert_allclose(x, np.broadcast_to(at, (48, 48)), atol=1e-5)
    np.testing.assert_allclose(y, np.broadcast_to(at[:, None], (48, 48)), atol=1e-5)
    assert not view.places(-view.directions(8))[2].any()


@pytest.mark.parametrize("degrees", [20, 44, 46, 60, 68, 75, 92, 130, 180])
@pytest.mark.parametrize("up", [True, False])
def test_all_round_a_pole_is_seen_by_some_view_and_not_at_its_edge(degrees, up):
    views = views_over_pole(math.radians(degrees), up)
    directions = sphere_directions(180, slice(0, 90))
    height = directions[..., 2] if up else -directions[..., 2]
    within = height > math.cos(math.radians(degrees))
    reach = np.full(within.shape, 1.0)
    for view in views:
        x, y, seen = view.places(directions)
        reach = np.minimum(reach, np.where(seen, np.maximum(np.abs(x), np.abs(y)), 1.0))
    assert reach[within].max() < 0.995
    assert len(views) < 40


def test_faces_meet_at_their_edges():
    sphere = colours(sphere_directions(512, slice(0, 256)))
    faces = cube_faces(sphere, 64)
    for left, right in (("left", "front"), ("front", "right"), ("right", "back"), ("back", "left")):
        assert np.abs(faces[left][:, -1] - faces[right][:, 0]).max() < 0.05
    assert np.abs(faces["up"][-1] - faces["front"][0]).max() < 0.05
    assert np.abs(faces["down"][0] - faces["front"][-1]).max() < 0.05
    assert faces_sheet(sphere, 16).shape == (48, 64, 3)
