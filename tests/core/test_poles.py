"""Worlds whose sky and ground the model paints."""

import numpy as np
import pytest
import torch

from syncdiffusion.core.engine import Engine
from syncdiffusion.core.events import Phase, Progress
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.panorama.views import sphere_directions
from syncdiffusion.core.poles import EXCHANGE_EVERY, Exchange, caps
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
    assert ground.prompt.endswith("at dawn, seen from above")
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


STRIP = np.broadcast_to(np.float32([0.2, 0.4, 0.6]), (64, 384, 3))
LAST = 19


def exchange_of(world):
    sky = caps(prepare(world).request)[0]
    sphere = np.full((192, 384, 3), 0.5, np.float32)
    return Exchange(sky, STRIP, 0.0, sphere, LAST, Flat(), Flat(), 64, lambda: None)


def foreseen(seed=0):
    """Something in seven views, of which each has the colour 0.5 in the large."""
    coarse = torch.rand((1, 4, 4, 4 * 7), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")


def test_what_views_foresee_is_the_strip_where_they_see_it_and_one_picture_where_they_overlap(world):
    exchange, x0 = exchange_of(world), foreseen()
    alone = exchange(x0, LAST - 1)
    agreed = exchange(x0, LAST - EXCHANGE_EVERY)
    for panel in (alone.chunk(7, dim=3)[1], agreed.chunk(7, dim=3)[1]):
        lowest = panel[0, :3, -1]  # a row that sees the strip alone
        torch.testing.assert_close(lowest, torch.tensor([0.2, 0.4, 0.6])[:, None].expand(3, 8), atol=1e-4, rtol=0)

    def apart(latents):
        """How much two views differ where both see the same."""
        pictures = exchange.painted(latents)
        (first, a), (second, b) = pictures[1], pictures[2]
        directions = first.directions(64)
        x, y, seen = second.places(directions)
        at = (((y + 1) * 32).astype(int).clip(0, 63)[seen], ((x + 1) * 32).astype(int).clip(0, 63)[seen])
        return np.abs(a[seen] - b[at]).mean()

    assert apart(agreed) < 0.75 * apart(alone)


def test_views_keep_the_colours_that_they_begin_with(world):
    """Whatever hue is foreseen, in the large the picture is the one they began with: no view is seen beside another."""
    exchange = exchange_of(world)
    hues = torch.linspace(0, 1, 7).repeat_interleave(8)
    x0 = foreseen() + hues - 0.5
    zenith = exchange.painted(exchange(x0, LAST))[0][1]
    assert abs(zenith.mean() - 0.5) < 0.03
    assert zenith.std() > 0.05, "what is fine is the model's"


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


def test_stopping_says_what_became_of_sky_and_ground(world):
    """Before they are begun they are filled; on the way, they are as foreseen."""
    engine, plan, asked = Engine(), prepare(world), []

    def after(count):
        asked.clear()
        return lambda: asked.append(None) or len(asked) >= count

    filled = engine.generate(plan, Outputs(), stopped=after(1))
    assert [note for note in filled.report["notices"] if note.startswith("poles: stopped before sky and ground")]
    unfinished = engine.generate(prepare({**world, "steps": 5}), Outputs(), stopped=after(6))
    assert [note for note in unfinished.report["notices"] if note.startswith("poles: stopped while")]
    assert not [note for note in engine.generate(plan, Outputs()).report["notices"] if note.startswith("poles")]


def test_sky_and_ground_of_a_strip_that_is_there_are_painted_from_the_beginning(world, tmp_path):
    """A strip is kept by a strength that leaves its last step; what is round it takes as many as ever."""
    strip = {**world, "target": "strip", "wrap": "x", "steps": 10}
    strip = {name: value for name, value in strip.items() if name not in ("poles", "world_size", "range")}
    Engine().generate(prepare(strip), Outputs(tmp_path / "s.png"))
    kept = {"init_image": str(tmp_path / "s.png"), "init_mode": "refine", "strength": 0.1, "sync_weight": 0}
    phases: list = []

    def note(event):
        if isinstance(event, Progress) and event.phase is Phase.SAMPLING and event.step:
            phases.append((event.step, event.total))

    Engine().generate(prepare({**world, "steps": 10, **kept}), Outputs(tmp_path / "w.png"), note)
    assert phases == [(1, 1), *((step, 12) for step in range(1, 13))]
