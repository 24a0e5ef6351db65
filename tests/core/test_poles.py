"""Worlds whose sky and ground the model paints."""

import numpy as np
import pytest
import torch

from syncdiffusion.core.engine import Engine
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.panorama.views import sphere_directions
from syncdiffusion.core.poles import Exchange, caps
from syncdiffusion.core.request.validation import prepare


@pytest.fixture
def world(settings):
    return {
        **settings, "target": "world", "poles": "generate", "width": 384, "stride": 64, "steps": 2, "sync_first": 1,
        "world_size": 256,
        "range": "ldr",
    }  # fmt: skip


def test_views_have_the_strips_sharpness_in_whole_windows(world):
    sky, ground = caps(prepare(world).request)
    assert (sky.side, len(sky.views), sky.prompt) == (64, 7, "the sky at dawn")
    assert ground.prompt == "the ground seen from above at dawn"
    assert {view.elevation > 0 for view in sky.views} == {True}
    larger = caps(prepare({**world, "width": 1536, "height": 256}).request)[0]
    assert larger.side == 320
    panels = larger.panels(prepare({**world, "width": 1536, "height": 256}).request, 8)
    assert len(panels) == 7 * 5 * 5
    assert all(left % 40 + 8 <= 40 for left in panels.lefts), "no window lies across two views"


class Flat:
    """A decoder and an encoder whose latents are the picture's colours, one for each 8 x 8 pixels."""

    device = torch.device("cpu")

    def images(self, batch):
        if batch.shape[-1] == 8:
            return torch.nn.functional.interpolate(batch[:, :3], scale_factor=8, mode="nearest")
        colours = torch.nn.functional.avg_pool2d(batch, 8)
        return torch.cat([colours, colours[:, :1]], 1)


def test_what_views_foresee_is_the_strip_where_they_see_it_and_one_picture_where_they_overlap(world):
    request = prepare(world).request
    sky = caps(request)[0]
    strip = np.broadcast_to(np.float32([0.2, 0.4, 0.6]), (64, 384, 3))
    exchange = Exchange(sky, strip, 0.0, Flat(), Flat(), 64, lambda: None)
    coarse = torch.rand((1, 4, 2, 2 * 7), generator=torch.Generator().manual_seed(0))
    x0 = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    agreed = exchange(x0, 0).chunk(7, dim=3)
    lowest = agreed[1][0, :3, -1]  # a row that sees the strip alone
    torch.testing.assert_close(lowest, torch.tensor([0.2, 0.4, 0.6])[:, None].expand(3, 8), atol=1e-4, rtol=0)
    before = exchange.painted(x0)
    after = exchange.painted(torch.cat(agreed, 3))

    def apart(pictures):
        """How much two views differ where both see the same."""
        (first, a), (second, b) = pictures[1], pictures[2]
        directions = first.directions(64)
        x, y, seen = second.places(directions)
        at = (((y + 1) * 32).astype(int).clip(0, 63)[seen], ((x + 1) * 32).astype(int).clip(0, 63)[seen])
        return np.abs(a[seen] - b[at]).mean()

    assert apart(after) < 0.6 * apart(before)


def test_a_world_is_painted_all_round(world, tmp_path):
    painted = Engine().generate(prepare(world), Outputs(tmp_path / "w.png"))
    filled = Engine().generate(prepare({**world, "poles": "fill"}), Outputs())
    assert np.array_equal(painted.latents, filled.latents), "the strip is the same"
    assert painted.pixels.shape == (128, 256, 3)
    height = sphere_directions(256, slice(0, 128))[:, 0, 2]
    band, cap = np.abs(height) < 0.35, np.abs(height) > 0.6
    assert np.abs(painted.pixels[band].astype(int) - filled.pixels[band]).max() <= 1
    assert np.abs(painted.pixels[cap].astype(int) - filled.pixels[cap]).mean() > 5
    assert painted.report["settings"]["poles"] == "generate"


def test_a_sphere_is_refined_with_its_poles_as_light(world, tmp_path):
    first = Engine().generate(prepare({**world, "poles": "fill"}), Outputs(tmp_path / "w.png"))
    refined = {"init_image": str(tmp_path / "w.png"), "strength": 0.5, "sync_weight": 0}
    settings = {**world, **refined, "range": "expanded", "peak": 4.0}
    result = Engine().generate(prepare(settings), Outputs(tmp_path / "w.exr"))
    assert result.pixels.dtype == np.float16
    assert result.pixels.shape == first.pixels.shape
    assert np.isfinite(result.pixels).all()
