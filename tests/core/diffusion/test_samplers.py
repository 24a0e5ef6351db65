import pytest
import torch

from syncdiffusion.core.diffusion.samplers import SAMPLERS, Sampler, x0_prediction

STABLE_DIFFUSION = {
    "_class_name": "PNDMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "clip_sample": True,  # to be overruled
}


@pytest.fixture
def clean():
    return torch.randn(1, 4, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def oracle_output(x, clean, alpha, sigma, kind):
    """What a perfect model would say of x_t = alpha clean + sigma ε."""
    noise = (x - alpha * clean) / sigma
    return noise if kind == "epsilon" else alpha * noise - sigma * clean


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("steps", [1, 2, 5, 20, 333, 999, 1000])
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_perfect_model_leads_to_its_picture(name, steps, kind, clean):
    sampler = Sampler(name, STABLE_DIFFUSION, kind, steps, synchronized=range(0, steps, 2))
    assert len(sampler.timesteps) == steps
    alpha, sigma = sampler.scales(0)
    x = alpha * clean + sigma * clean.flip(0, 1, 2, 3)
    for i in range(steps):
        alpha, sigma = sampler.scales(i)
        assert alpha**2 + sigma**2 == pytest.approx(1, abs=1e-6)
        output = oracle_output(x, clean, alpha, sigma, kind)
        torch.testing.assert_close(sampler.x0(x, output, i), clean, atol=1e-4, rtol=1e-4)
        x = sampler.step(x, output, i)
    # DDIM as Stable Diffusion configures it stops at the first training timestep, a little short of clean; so does LCM
    # where a run ends there.
    torch.testing.assert_close(x, clean, atol=0.2 if name in ("ddim", "lcm") else 1e-3, rtol=0)


@pytest.mark.parametrize("steps", [1, 2, 10, 50])
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_schedule_may_begin_in_pure_noise(name, steps, clean):
    """The built-in model's: at the first timestep nothing is left of the picture."""
    config = {**STABLE_DIFFUSION, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    sampler = Sampler(name, config, "v_prediction", steps, synchronized=range(steps))
    assert sampler.timesteps[0] == 999
    alpha, sigma = sampler.scales(0)
    assert alpha < 1e-3
    assert sigma == pytest.approx(1, abs=1e-6)
    x = clean.flip(0, 1, 2, 3)
    for i in range(steps):
        output = oracle_output(x, clean, *sampler.scales(i), "v_prediction")
        torch.testing.assert_close(sampler.x0(x, output, i), clean, atol=2e-3, rtol=2e-3)
        x = sampler.step(x, output, i)
    torch.testing.assert_close(x, clean, atol=0.2 if name == "ddim" else 5e-3, rtol=0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_timesteps_are_distinct_and_known_to_the_model(name):
    for steps in (1, 2, 3, 50, 600, 1000):
        timesteps = Sampler(name, STABLE_DIFFUSION, "epsilon", steps).timesteps.tolist()
        assert len(set(timesteps)) == steps
        assert 0 <= min(timesteps) <= max(timesteps) <= 999
        assert timesteps == sorted(timesteps, reverse=True)


def test_ddim_is_the_authors():
    import diffusers

    mine = Sampler("ddim", STABLE_DIFFUSION, "epsilon", 50)
    theirs = diffusers.DDIMScheduler.from_config({**STABLE_DIFFUSION, "clip_sample": False})
    theirs.set_timesteps(50)
    assert torch.equal(mine.timesteps, theirs.timesteps)
    x, output = torch.randn(2, 1, 4, 6, 6) * 5
    for i in (0, 20, 49):
        step = theirs.step(output, theirs.timesteps[i], x)
        torch.testing.assert_close(mine.step(x, output, i), step.prev_sample)
        torch.testing.assert_close(mine.x0(x, output, i), step.pred_original_sample)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_step_is_linear_so_averages_may_step_for_windows(name):
    """Why one step on the whole canvas is Eq. 12 (for a multistep sampler: with histories of its own)."""

    def run(x, outputs):
        noise = torch.Generator().manual_seed(0)  # LCM's, the same for all: it adds noise at every step
        sampler = Sampler(name, STABLE_DIFFUSION, "epsilon", 6, synchronized=range(6), generator=noise)
        for i, output in enumerate(outputs):
            x = sampler.step(x, output, i)
        return x

    x, y = torch.randn(2, 1, 4, 4, 4, dtype=torch.float64)
    a, b = torch.randn(2, 4, 1, 4, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(run((x + y) / 2, (a + b) / 2), (run(x, a) + run(y, b)) / 2, atol=1e-4, rtol=1e-4)


def test_euler_keeps_the_size_of_a_move():
    """A move of the variance-preserving latents arrives as such, not divided by Euler's own scale."""
    sampler = Sampler("euler", STABLE_DIFFUSION, "epsilon", 20)
    x, output = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    # With ε = 0 the clean picture is x / a, so a move m arrives as m a' / a: the ratio of DDIM.
    moved = sampler.step(x + 0.5, output, 0)
    assert moved.mean().item() == pytest.approx(0.5 * sampler.scales(1)[0] / sampler.scales(0)[0], rel=1e-4)


def test_unipc_does_not_take_a_move_back():
    def second_step(synchronized):
        sampler = Sampler("unipc", STABLE_DIFFUSION, "epsilon", 10, synchronized)
        z = sampler.step(torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2), 0)
        still = sampler.step(z + 0.5, torch.zeros(1, 4, 2, 2), 1)
        return still.mean().item()

    # Its predictor looks at the history too, and carries the move further than a one-step sampler.
    assert second_step(range(10)) >= 0.5 * _ratio(1)
    assert second_step(()) < 0.6 * second_step(range(10))


def _ratio(step):
    sampler = Sampler("unipc", STABLE_DIFFUSION, "epsilon", 10)
    return sampler.scales(step + 1)[0] / sampler.scales(step)[0]


def test_unknown_prediction_type():
    with pytest.raises(ValueError, match="unknown prediction type 'flow'"):
        x0_prediction(torch.zeros(1), torch.zeros(1), 1.0, 0.0, "flow")


def test_sample_prediction():
    assert x0_prediction(torch.zeros(1), torch.ones(1), 0.5, 0.5, "sample").item() == 1
