"""Blended Latent Diffusion: the order of growth, and the extrapolation against the slow reading of it."""

import pytest
import torch
from support.baselines import blended

from syncdiffusion.core.diffusion.blended import NOISE_SEED, BlendedExtrapolation, growth
from syncdiffusion.core.diffusion.denoiser import Denoiser, encode_prompt, unet_network
from syncdiffusion.core.diffusion.noise import initial_noise
from syncdiffusion.core.diffusion.samplers import Sampler
from syncdiffusion.core.diffusion.windows import Windows
from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.runtime.memory import Batches

STEPS = 3


def extrapolation(folder, windows, scheduler="ddim", seed=7):
    model = FolderModel(folder, "small")
    parts = model.load(torch.float64).to(torch.device("cpu"))
    denoise = Denoiser(unet_network(parts, print), encode_prompt(parts, "a lake at dawn", "", 77, print), 7.5)

    def sampler():
        return Sampler(scheduler, model.facts.scheduler_config, model.facts.prediction_type, STEPS)

    return BlendedExtrapolation(windows, denoise, sampler, Batches(torch.device("cpu")), seed)


@pytest.mark.parametrize(
    ("windows", "order"),
    [
        (Windows(8, 24, 8, 4), [2, 1, 3, 0, 4]),
        (Windows(8, 24, 8, 4, wrap_x=True), [3, 2, 4, 1, 5]),  # the sixth window would close on what is known
        (Windows(24, 8, 8, 4), [2, 1, 3, 0, 4]),
        (Windows(8, 8, 8, 4), [0]),
        (Windows(12, 12, 8, 4), [2, 0, 3, 1]),
    ],
)
def test_a_canvas_grows_from_its_centre(windows, order):
    grown = growth(windows)
    assert [one.index for one in grown] == order
    assert not grown[0].known.any()
    assert all(one.known.any() and not one.known.all() for one in grown[1:])
    covered = torch.zeros((windows.height, windows.width))
    for one in grown:
        covered[windows.pixels(one.index, covered)] += ~one.known
    assert (covered == 1).all()


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(("width", "wrap", "order"), [(16, False, [1, 0, 2]), (20, True, [2, 1, 3, 0])])
def test_agrees_with_the_reference(model, kind, width, wrap, order):
    folder, windows = model(prediction_type=kind), Windows(8, width, 8, 4, wrap_x=wrap)
    noise = initial_noise(7, (1, 4, 8, width))
    steps = list(extrapolation(folder, windows).run(noise.double()))
    generator = torch.Generator().manual_seed(NOISE_SEED + 7)
    expected = blended(
        folder, "a lake at dawn", noise, lambda shape: torch.randn(shape, generator=generator),
        window=8, stride=4, steps=STEPS, order=order, wrap=wrap,
    )  # fmt: skip
    assert [step.index for step in steps] == list(range(STEPS * len(order)))
    assert (steps[-1].latents - expected).abs().max() < 1e-5
    assert torch.equal(steps[-1].x0 != 0, torch.ones_like(steps[-1].x0, dtype=torch.bool))


def test_what_is_known_stays(model_folder):
    noise = initial_noise(0, (1, 4, 8, 16)).double()
    steps = list(extrapolation(model_folder, Windows(8, 16, 8, 4)).run(noise))
    centre = steps[STEPS - 1].latents[..., 4:12]
    assert all(torch.equal(step.latents[..., 4:12], centre) for step in steps[STEPS:])
    assert torch.equal(steps[STEPS - 1].latents[..., :4], noise[..., :4])  # not grown yet
    assert (steps[STEPS - 1].x0[..., :4] == 0).all()


@pytest.mark.parametrize("scheduler", ["dpmpp-2m", "unipc", "euler"])
def test_samplers_with_a_history_begin_anew_for_every_window(model_folder, scheduler):
    noise = initial_noise(0, (1, 4, 8, 16)).double()
    wide = list(extrapolation(model_folder, Windows(8, 16, 8, 4), scheduler).run(noise))
    alone = list(extrapolation(model_folder, Windows(8, 8, 8, 4), scheduler).run(noise[..., 4:12]))
    torch.testing.assert_close(wide[STEPS - 1].latents[..., 4:12], alone[-1].latents)
    assert wide[-1].latents.isfinite().all()


def test_another_seed_blends_with_other_noise(model_folder):
    noise, windows = initial_noise(0, (1, 4, 8, 12)).double(), Windows(8, 12, 8, 4)
    ends = [list(extrapolation(model_folder, windows, seed=seed).run(noise))[-1].latents for seed in (1, 1, 2)]
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])
