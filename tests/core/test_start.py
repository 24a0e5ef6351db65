"""Runs that begin with a picture: refined, or with a panorama grown round it."""

import numpy as np
import pytest
import torch
from PIL import Image

from syncdiffusion.core.decoding.decoder import Decoder
from syncdiffusion.core.decoding.encoder import Encoder
from syncdiffusion.core.engine import Engine
from syncdiffusion.core.errors import InvalidRequestError
from syncdiffusion.core.events import Phase, Progress
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.request.validation import prepare


def run(settings, outputs=None, emit=lambda _: None):
    return Engine().generate(prepare(settings), outputs or Outputs(), emit)


def write_picture(path, width, height, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 255, (2, max(2, 2 * width // height), 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def plain(settings):
    return {**settings, "sync_weight": 0, "steps": 4}


def test_refine_takes_the_last_steps_and_keeps_the_picture(plain, tmp_path):
    picture = write_picture(tmp_path / "p.png", 128, 64)
    weak, strong = ({**plain, "init_image": str(picture), "strength": s} for s in (0.25, 1.0))
    progress = []
    near = run(weak, emit=lambda e: progress.append(e) if isinstance(e, Progress) else None)
    sampling = [(e.step, e.total) for e in progress if e.phase is Phase.SAMPLING]
    assert sampling == [(0, 0), (0, 1), (1, 1)]
    model = prepare(plain).model
    parts = model.load(torch.float32)
    pixels = torch.from_numpy(np.asarray(Image.open(picture)) / np.float32(255)).permute(2, 0, 1)[None]
    latents = Encoder(parts.vae, model.facts, print).canvas(pixels, False, False)
    with torch.no_grad():
        kept = Decoder(parts.vae, model.facts, print).canvas(latents, "whole", False, False)
    kept = kept[0].permute(1, 2, 0).numpy() * 255
    far = run(strong)
    distances = [np.abs(result.pixels - kept).mean() for result in (near, far)]
    assert distances[0] < 0.9 * distances[1], distances
    assert near.request["files"]["init_image"]["name"] == "p.png"
    assert (near.request["init_mode"], near.request["strength"]) == ("refine", 0.25)
    assert len(near.losses) == 1
    assert not np.array_equal(near.latents, run({**weak, "seed": 1}).latents)


@pytest.mark.parametrize("scheduler", ["ddim", "dpmpp-2m", "unipc", "euler"])
def test_refine_begins_at_the_noise_of_its_first_step(plain, tmp_path, scheduler, monkeypatch):
    from syncdiffusion.core import methods as module

    np.savez(tmp_path / "z.npz", latents=np.full((1, 4, 8, 16), 0.7, np.float32))
    seen = []

    class Watched(module.JointDiffusion):
        def run(self, z):
            seen.append((z, self._sampler))
            return super().run(z)

    monkeypatch.setattr(module, "JointDiffusion", Watched)
    settings = {**plain, "init_image": str(tmp_path / "z.npz"), "strength": 0.5, "scheduler": scheduler}
    result = run(settings)
    z, sampler = seen[0]
    alpha, sigma = sampler.scales(2)
    noise = torch.randn((1, 4, 8, 16), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(z, alpha * 0.7 + sigma * noise)
    assert np.isfinite(result.latents).all()


def test_the_gradient_is_taken_at_the_steps_that_are_left(settings, tmp_path):
    picture = str(write_picture(tmp_path / "p.png", 128, 64))
    request = prepare({**settings, "steps": 4, "init_image": picture, "strength": 0.5}).request
    assert [bool(weight) for weight in request.sync_weights()] == [False, False, True, True]
    early = {**settings, "steps": 4, "sync_first": 2, "init_image": picture, "strength": 0.5}
    assert not prepare(early).request.synchronizes
    result = run({**settings, "steps": 4, "init_image": picture, "strength": 0.5})
    assert np.isfinite(result.losses).all()


def test_the_canvas_is_the_pictures_own_size_unless_another_is_asked_for(plain, tmp_path):
    picture = str(write_picture(tmp_path / "p.png", 202, 101))
    del plain["width"]
    sizes = [
        ({}, (200, 104)),
        ({"width": 400}, (400, 200)),
        ({"height": 208}, (416, 208)),
        ({"width": 128, "height": 64}, (128, 64)),
        ({"width": 64}, (64, 64)),
        ({"target": "world"}, (200, 64)),
        ({"target": "world", "width": 768}, (768, 128)),
        ({"init_mode": "grow"}, (384, 64)),
    ]
    for given, size in sizes:
        request = prepare({**plain, **given, "init_image": picture}).request
        assert (request.width, request.height) == size, given


def test_latents_are_taken_as_they_are_or_enlarged(plain, tmp_path):
    first = run(plain, Outputs(save_latents=tmp_path / "z.npz"))
    again = {**plain, "init_image": str(tmp_path / "z.npz"), "strength": 0.25}
    same = run(again)
    assert same.latents.shape == first.latents.shape
    larger = run({**again, "width": 256, "height": 128})
    assert larger.pixels.shape == (128, 256, 3)
    assert larger.latents.shape == (1, 4, 16, 32)
    assert np.isfinite(larger.latents).all()


@pytest.mark.parametrize("scheduler", ["ddim", "dpmpp-2m", "euler"])
def test_what_is_grown_keeps_the_photo_as_its_anchor(settings, tmp_path, scheduler):
    photo = write_picture(tmp_path / "photo.png", 80, 64, seed=3)
    grown = {**settings, "width": 192, "init_image": str(photo), "init_mode": "grow", "scheduler": scheduler}
    result = run(grown)
    window = result.latents[..., 8:16]  # the centre of five windows at a stride of 4 latents
    model = prepare(grown).model
    vae = model.load(torch.float32).vae
    square = np.asarray(Image.open(photo).crop((8, 0, 72, 64))).astype(np.float32) / 255
    wanted = Encoder(vae, model.facts, print).images(torch.from_numpy(square).permute(2, 0, 1)[None])
    np.testing.assert_allclose(window, wanted.numpy(), atol=1e-5)
    assert np.isfinite(result.losses).all()
    other = run({**grown, "anchor": "0"})
    np.testing.assert_allclose(other.latents[..., :8], wanted.numpy(), atol=1e-5)


def test_a_sphere_is_refined_on_its_band(plain, tmp_path):
    sphere = write_picture(tmp_path / "s.png", 192, 96)
    settings = {
        **plain,
        "target": "world",
        "init_image": str(sphere),
        "strength": 0.25,
        "width": 384,
        "world_size": 384,
    }
    result = run(settings)
    assert result.pixels.shape == (192, 384, 3)
    assert result.latents.shape == (1, 4, 8, 48)


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"init_mode": "grow"}, "init_mode", "is for --init-image only"),
        ({"strength": 0.5}, "strength", "is for --init-image with --init-mode refine only"),
        ({"init_image": "none.png"}, "init_image", "there is no file"),
        ({"init_image": "z.npz", "init_mode": "grow"}, "init_image", "a panorama is grown round a picture"),
        ({"init_image": "z.npz"}, "init_image", "has latents of shape"),
        ({"init_image": "p.png", "init_mode": "grow", "strength": 1}, "strength", "with --init-mode refine only"),
        ({"init_image": "p.png", "init_mode": "grow", "anchor": "p.png"}, "anchor", "has its own as anchor"),
        ({"init_image": "p.png", "strength": 0}, "strength", "use more than 0, up to 1"),
    ],
)
def test_what_cannot_be(settings, tmp_path, monkeypatch, given, field, sentence):
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "p.png", 128, 64)
    np.savez(tmp_path / "z.npz", latents=np.zeros((1, 5, 8, 16), np.float32))
    with pytest.raises(InvalidRequestError) as caught:
        prepare({**settings, **given})
    assert [(p.field, sentence in p.sentence) for p in caught.value.problems] == [(field, True)], caught.value
