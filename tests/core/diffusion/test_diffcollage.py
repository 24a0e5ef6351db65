"""DiffCollage against the slow reading of it, and its parts on strips, loops and grids."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.baselines import diffcollage

from syncdiffusion.core.diffusion.denoiser import Denoiser, encode_prompt, unet_network
from syncdiffusion.core.diffusion.diffcollage import DiffCollage, parts_of
from syncdiffusion.core.diffusion.noise import initial_noise
from syncdiffusion.core.diffusion.samplers import Sampler
from syncdiffusion.core.diffusion.windows import Windows
from syncdiffusion.core.errors import CancelledError
from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.runtime.memory import Batches

STEPS = 3


def collage(folder, windows, batch=1, cancelled=lambda: False):
    model = FolderModel(folder, "small")
    parts = model.load(torch.float64).to(torch.device("cpu"))
    denoise = Denoiser(unet_network(parts, print), encode_prompt(parts, "a lake at dawn", "", 77, print), 7.5)
    sampler = Sampler("ddim", model.facts.scheduler_config, model.facts.prediction_type, STEPS)
    return DiffCollage(windows, denoise, sampler, Batches(torch.device("cpu"), batch, cancelled))


CASES = {
    "half overlap": {},
    "less overlap": {"width": 20, "stride": 6},
    "none": {"stride": 8},
    "a loop": {"width": 24, "wrap": True},
    "a loop of uneven spacing": {"width": 23, "stride": 6, "wrap": True},
    "v prediction": {"kind": "v_prediction"},
    "batch of all": {"batch": 8},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_agrees_with_the_reference(case, model):
    case = {"width": 16, "stride": 4, "wrap": False, "kind": "epsilon", "batch": 1, **case}
    folder = model(prediction_type=case["kind"])
    windows = Windows(8, case["width"], 8, case["stride"], wrap_x=case["wrap"])
    noise = initial_noise(0, (1, 4, 8, case["width"]))
    steps = list(collage(folder, windows, case["batch"]).run(noise.double()))
    told = dict(window=8, stride=case["stride"], steps=STEPS, wrap=case["wrap"])
    reference = diffcollage(folder, "a lake at dawn", noise, **told)
    assert len(steps) == STEPS
    for step, expected in zip(steps, reference, strict=True):
        assert (step.latents - expected).abs().max() < 1e-5
        assert step.loss != step.loss


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(4, 8), st.booleans(), st.booleans())
def test_signs_add_up_to_one(rows, columns, stride, wrap_y, wrap_x):
    """Also where the last window is pulled in and three overlap."""
    windows = Windows(8 + 3 * (rows - 1), 8 + 5 * (columns - 1), 8, stride, wrap_y, wrap_x)
    total = torch.zeros((windows.height, windows.width))
    for part in parts_of(windows):
        for y in range(part.size[0]):
            for x in range(part.size[1]):
                total[(part.place[0] + y) % windows.height, (part.place[1] + x) % windows.width] += part.sign
    assert (total == 1).all()


def test_a_corner_of_four_windows_counts_once():
    parts = parts_of(Windows(12, 12, 8, 4))
    assert sorted((part.place, part.size, part.sign) for part in parts if part.place == (4, 4)) == [
        ((4, 4), (4, 4), 1),
        ((4, 4), (4, 8), -1),
        ((4, 4), (8, 4), -1),
        ((4, 4), (8, 8), 1),
    ]


def test_cancel_takes_effect_within_a_batch(model_folder):
    asked = iter(range(100))
    run = collage(model_folder, Windows(8, 16, 8, 4), cancelled=lambda: next(asked) == 2).run(torch.zeros(1, 4, 8, 16))
    with pytest.raises(CancelledError):
        next(run)
    assert next(asked) == 3
