"""What the worker makes of its events. Pure: no Blender needed."""

import numpy as np
import pytest

from syncdiffusion.blender import drafts, encode
from syncdiffusion.blender.encode import TILE, Encoder, Update, pixels, sphere, tiles
from syncdiffusion.core.events import Done, Notice, Phase, Progress
from syncdiffusion.core.request.validation import prepare
from syncdiffusion.core.result import Result


def test_pixels_are_rgba_from_the_bottom():
    picture = np.array([[[255, 0, 0]], [[0, 0, 255]]], np.uint8)
    made = pixels(picture)
    assert (made.width, made.height) == (1, 2)
    assert made.values.tolist() == [0, 0, 1, 1, 1, 0, 0, 1]
    assert made.values.dtype == np.float32


@pytest.mark.parametrize(
    ("size", "count"), [((32, 192), 6), ((64, 128), 2), ((64, 64), 1), ((64, 32), 1), ((8, 800), 8)]
)
def test_tiles_are_squares_that_make_the_picture(size, count):
    made = tiles(np.full((*size, 3), 255, np.uint8))
    assert [(tile.width, tile.height) for tile in made] == [(TILE, TILE)] * count
    row = np.concatenate([tile.values.reshape(TILE, TILE, 4) for tile in made], axis=1)
    opaque = row[..., 3] == 1
    ys, xs = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
    ratio = (xs[-1] - xs[0] + 1) / (ys[-1] - ys[0] + 1)
    assert ratio == pytest.approx(size[1] / size[0], rel=0.1)
    assert (row[opaque] == 1).all()


@pytest.mark.parametrize(("columns", "width"), [(16, 256), (192, 384), (2000, 1024)])
def test_a_sphere_is_as_large_as_its_strip_has_detail(columns, width):
    made = sphere(np.full((8, columns, 3), 77, np.uint8), 0.0)
    assert made.shape == (width // 2, width, 3)
    assert (made == 77).all()


@pytest.fixture
def plan():
    return prepare({"prompt": "a lake", "target": "world", "method": "multidiffusion"})


def test_events_are_translated(plan, tmp_path, monkeypatch):
    encoder = Encoder(plan, tmp_path, tmp_path / "runs.json")
    assert encoder(Notice("x")) == Notice("x")
    assert encoder(Progress(Phase.LOADING)) == Update(Progress(Phase.LOADING))
    update = encoder(Progress(Phase.SAMPLING, 1, 2, preview=np.zeros((32, 192, 3), np.uint8)))
    assert (update.picture.width, update.picture.height, len(update.tiles)) == (384, 192, 2)

    monkeypatch.setattr(encode.estimates, "record", lambda *_: None)
    latents = np.ones((1, 4, 2, 2), np.float32)
    result = Result(np.zeros((64, 128, 3), np.uint8), latents, np.empty(0), np.empty(0), {"seed": 7})
    finish = encoder(Done(result))
    assert finish.result is result
    assert len(finish.tiles) == 2
    with np.load(drafts.path_of(tmp_path, {"seed": 7})) as kept:
        assert np.array_equal(kept["latents"], latents)


def test_a_full_disk_does_not_lose_the_picture(plan, tmp_path, caplog):
    result = Result(np.zeros((8, 8, 3), np.uint8), np.empty(0), np.empty(0), np.empty(0), {})
    assert Encoder(plan, tmp_path / "nowhere", tmp_path / "runs.json")(Done(result)).result is result
    assert "could not be written" in caplog.text


def test_only_the_newest_latents_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(drafts, "KEPT", 2)
    for seed in range(4):
        drafts.keep(tmp_path, {"seed": seed}, np.zeros(1))
    assert len(list(tmp_path.iterdir())) == 2
    assert drafts.path_of(tmp_path, {"seed": 3}).exists()
