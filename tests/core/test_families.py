"""Every family of models through the whole engine, as a folder and as a single file."""

import json

import numpy as np
import pytest
import torch
from support.reference import reference_run
from support.single_file import make_single_file

from syncdiffusion.core.engine import Engine
from syncdiffusion.core.errors import CancelledError
from syncdiffusion.core.events import Notice
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.models.catalog import find_model
from syncdiffusion.core.request.validation import prepare

PLAIN = {"method": "multidiffusion", "steps": 2}  # what takes the least time


@pytest.fixture(scope="module")
def sdxl(model):
    """A small SDXL; windows of 64 px."""
    return model(family="sdxl")


def run(settings, outputs=None, engine=None, **more):
    return (engine or Engine()).generate(prepare(settings), outputs or Outputs(), **more)


def test_sdxl_agrees_with_the_reference(settings, sdxl, lpips_alex, tmp_path):
    settings |= {"model": str(sdxl), "negative_prompt": "people", "wrap": "x"}
    run(settings, Outputs(trace=tmp_path / "t.npz"))
    reference = reference_run(
        sdxl, prompt="a lake at dawn", negative_prompt="people", height=64, width=128, window=64, stride=32, steps=3,
        loss="alex", loss_weights=lpips_alex, wrap_x=True, dtype=torch.float64,
    )  # fmt: skip
    trace = np.load(tmp_path / "t.npz")
    np.testing.assert_allclose(trace["latents"], torch.cat(reference.latents), atol=0.02)


def test_sdxl_in_half_precision(settings, sdxl):
    settings |= {"model": str(sdxl), **PLAIN}
    exact, half = run(settings), run({**settings, "dtype": "float16"})
    assert half.report["notices"] == []
    assert np.corrcoef(exact.latents.flatten(), half.latents.flatten())[0, 1] > 0.95


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_vae_that_overflows_in_half_precision_goes_on_in_float32(settings, sdxl, monkeypatch, part):
    """As the VAE of SDXL does: inside, far beyond what float16 holds; at its ends, as ever."""
    plan = prepare({**settings, **PLAIN, "model": str(sdxl), "dtype": "float16"})
    original = type(plan.model).load

    def overflowing(self, dtype):
        parts = original(self, dtype)
        getattr(parts.vae, part).conv_in.weight.data.mul_(2.5e5)  # a normalization follows
        return parts

    monkeypatch.setattr(type(plan.model), "load", overflowing)
    events = []
    result = Engine().generate(plan, Outputs(), events.append)
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert [text.partition(":")[0] for text in notices] == [f"VAE {part}"]
    assert np.isfinite(result.latents).all()
    assert result.pixels.std() > 5


def test_cancelled_within_a_batch(settings, sdxl, tmp_path):
    count = iter(range(100))
    with pytest.raises(CancelledError):
        run({**settings, **PLAIN, "model": str(sdxl)}, Outputs(tmp_path / "p.png"), cancelled=lambda: next(count) > 5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_a_file_gives_what_its_folder_gives(settings, tmp_path, family):
    """The same weights as one file, and saved as a folder by the libraries."""
    path, folder = tmp_path / "a.safetensors", tmp_path / "folder"
    make_single_file(
        path, family=family, resolution=64, layers=1, channels=(32, 64, 64), attends=(True, True, False),
        vae_channels=(32, 32, 32, 32),
    )  # fmt: skip
    parts = find_model(str(path)).load(torch.float32)
    for name in ("unet", "vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"):
        if getattr(parts, name) is not None:
            getattr(parts, name).save_pretrained(folder / name)
    scheduler = json.dumps(dict(find_model(str(path)).facts.scheduler_config))
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(scheduler)
    settings |= {**PLAIN, "steps": 1}
    file, same = (run({**settings, "model": str(model)}) for model in (path, folder))
    assert np.array_equal(file.pixels, same.pixels)
    assert file.pixels.std() > 1


def test_few_steps_without_guidance(settings, model, monkeypatch):
    """LCM: its own sampler, whose noise the seed decides; one branch; w spread over the steps there are."""
    folder = model(scheduler="LCMScheduler")
    del settings["steps"], settings["preset"]
    settings |= {"model": str(folder), "preset": "draft", "stride": 32}
    plan = prepare(settings)
    request = plan.request
    assert (request.scheduler, request.steps, request.guidance_scale) == ("lcm", 4, 1.0)
    assert sum(request.sync_weights()) == pytest.approx(369.2, rel=0.01)
    assert plan.notes == ("the model is a few-step model (LCM): 4 steps of lcm with guidance scale 1",)
    first, second = run(settings), run(settings)
    assert np.array_equal(first.latents, second.latents)
    assert np.isfinite(first.latents).all()
    assert not np.array_equal(first.latents, run({**settings, "seed": 1}).latents)
    told = prepare({**settings, "preset": "paper"})
    assert (told.request.scheduler, told.request.steps, told.request.guidance_scale) == ("ddim", 50, 7.5)


@pytest.mark.parametrize(
    ("way", "draws"),
    [
        ({"method": "blended", "width": 128}, 3 * 3),
        ({"target": "world", "world_size": 256, "poles": "generate"}, 3 + 2 * 1),
    ],
    ids=["windows that are grown", "strip, sky and ground"],
)
def test_no_two_samplers_of_a_run_add_the_same_noise(settings, model, monkeypatch, way, draws):
    """LCM adds noise after every step but the last: of four, and of the two that sky and ground take."""
    from diffusers.schedulers import scheduling_lcm

    draw, drawn = scheduling_lcm.randn_tensor, []

    def watched(*given, **named):
        drawn.append(draw(*given, **named))
        return drawn[-1]

    monkeypatch.setattr(scheduling_lcm, "randn_tensor", watched)
    monkeypatch.setattr("syncdiffusion.core.diffusion.background.STEPS", 1)
    settings |= {"model": str(model(scheduler="LCMScheduler")), "steps": 4, "preset": "draft", "sync_weight": 0, **way}
    first = run(settings)
    assert len(drawn) == draws
    beginnings = {tuple(noise.flatten()[:8].tolist()) for noise in drawn}
    assert len(beginnings) == draws
    assert np.array_equal(first.latents, run(settings).latents)


def test_regions_blend_along_the_canvas(settings, model_folder):
    """Where one prompt alone counts, the picture is that of the prompt; the wrap is blended, too."""
    settings |= {**PLAIN, "width": 256, "wrap": "x", "stride": 64}
    one = run({**settings, "prompt": "a castle, a lake at dawn"})
    same = run({**settings, "region": ["0:a castle", "180:a castle"]})
    np.testing.assert_allclose(same.latents, one.latents, atol=1e-4)
    two = run({**settings, "region": ["0:a castle", "180:a city at night"]})
    # Castle: a window and a half round column 8 of 32; the windows that see nothing else are those from 4 and 8 on.
    assert np.abs(two.latents - one.latents).max() > 1e-3
    assert two.request["region"] == ["0:a castle", "180:a city at night"]
