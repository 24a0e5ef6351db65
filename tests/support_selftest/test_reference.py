"""The reference is right: against diffusers' own pipeline, finite differences, and plain MultiDiffusion."""

import math

import pytest
import torch
from support.models import empty_lpips, make_lpips_weights
from support.reference import (
    Parts,
    axis_starts,
    guarded_lpips,
    guarded_unit,
    make_style,
    make_views,
    read_state,
    reference_multistep,
    reference_run,
)
from support.torchvision_import import import_torchvision

PROMPT = "a photo of a mountain range at twilight"
STRIP = {"prompt": PROMPT, "negative_prompt": "blurry", "height": 64, "width": 128, "window": 64, "stride": 32}


def test_windows_are_where_the_contract_says():
    assert axis_starts(16, 8, 4, wrap=False) == [0, 4, 8]
    assert axis_starts(18, 8, 4, wrap=False) == [0, 4, 8, 10]  # the last is pulled in
    assert axis_starts(18, 8, 4, wrap=True) == [0, 3, 7, 10, 14]
    views = make_views(8, 18, 8, 4, wrap_x=True)
    assert views[-1].columns == (14, 15, 16, 17, 0, 1, 2, 3)
    assert [(v.rows[0], v.columns[0]) for v in make_views(12, 12, 8, 4)] == [(0, 0), (0, 4), (4, 0), (4, 4)]


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_without_weight_it_is_multidiffusion(model, prediction_type):
    from diffusers import DDIMScheduler

    folder = model(prediction_type=prediction_type)
    trace = reference_run(folder, **STRIP, steps=4, sync_weight=0, seed=3)
    parts = Parts(folder, torch.float32)
    scheduler = DDIMScheduler.from_pretrained(folder, subfolder="scheduler")
    scheduler.set_timesteps(4)
    texts = torch.cat([parts.embed("blurry").tokens, parts.embed(PROMPT).tokens])
    z = torch.randn((1, 4, 8, 16), generator=torch.Generator().manual_seed(3))
    for i, t in enumerate(scheduler.timesteps):
        value, count = torch.zeros_like(z), torch.zeros_like(z)
        for left in (0, 4, 8):
            x = z[..., left : left + 8]
            with torch.no_grad():
                negative, positive = parts.unet(torch.cat([x, x]), t, encoder_hidden_states=texts).sample.chunk(2)
            value[..., left : left + 8] += scheduler.step(negative + 7.5 * (positive - negative), t, x).prev_sample
            count[..., left : left + 8] += 1
        z = value / count
        assert (trace.latents[i] - z).abs().max() < 1e-4
    assert trace.losses.isnan().all()
    assert trace.image.shape == (1, 3, 64, 128)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("sampler", ["ddim", "dpmpp-2m", "unipc", "euler"])
def test_one_window_is_the_pipeline_of_diffusers(model, sampler, prediction_type):
    import_torchvision()
    import diffusers

    folder = model(prediction_type=prediction_type, scheduler="PNDMScheduler")
    one = STRIP | {"width": 64, "steps": 5, "sync_weight": 0, "seed": 4}
    names = {
        "ddim": "DDIMScheduler",
        "dpmpp-2m": "DPMSolverMultistepScheduler",
        "unipc": "UniPCMultistepScheduler",
        "euler": "EulerDiscreteScheduler",
    }
    trace = reference_run(folder, **one) if sampler == "ddim" else reference_multistep(folder, scheduler=sampler, **one)
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    scheduler = getattr(diffusers, names[sampler]).from_config(pipeline.scheduler.config)
    pipeline.scheduler = scheduler
    latents = trace.noise
    if sampler == "euler":  # the pipeline multiplies by its first sigma; ours is x_T / a_T
        scheduler.set_timesteps(5)
        latents = latents * (scheduler.sigmas[0] ** 2 + 1).sqrt() / scheduler.init_noise_sigma
    settings = {"prompt": PROMPT, "negative_prompt": "blurry", "height": 64, "width": 64, "num_inference_steps": 5}
    theirs = pipeline(**settings, latents=latents, output_type="latent").images
    assert (trace.latents[-1] - theirs).abs().max() < 1e-3 * max(1, theirs.abs().max() / 4)


@pytest.mark.parametrize("foresee", ["predicted", "noisy"])
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_gradient_is_that_of_finite_differences(model, alex, prediction_type, foresee):
    folder = model(prediction_type=prediction_type)
    apart = STRIP | {"stride": 64, "steps": 1, "loss": "alex", "loss_weights": alex, "anchor": 0}

    def run(noise):
        return reference_run(folder, **apart, foresee=foresee, noise=noise, dtype=torch.float64)

    noise = torch.randn((1, 4, 8, 16), generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    grad = run(noise).grads[0][1]
    assert run(noise).grads[0][0].abs().max() == 0  # the anchor stays
    direction = torch.zeros_like(noise)
    direction[..., 8:] = grad / grad.norm()
    slope = (run(noise + 1e-5 * direction).losses[0, 1] - run(noise - 1e-5 * direction).losses[0, 1]) / 2e-5
    assert abs(slope / grad.norm() - 1) < 1e-2


@pytest.mark.parametrize("sampler", ["ddim", "dpmpp-2m", "unipc", "euler"])
def test_synchronization_brings_windows_nearer(model, alex, sampler):
    def losses(weight, **more):
        settings = STRIP | {"steps": 4, "loss": "alex", "loss_weights": alex, "sync_weight": weight, "sync_decay": 1}
        if sampler == "ddim":
            return reference_run(model(), **settings, **more).losses
        return reference_multistep(model(), scheduler=sampler, **settings, **more).losses

    still, moved = losses(1e-9), losses(20.0)
    assert torch.allclose(still[0], moved[0], equal_nan=True)  # measured before it acts
    assert moved[-1].nanmean() < still[-1].nanmean()
    some = losses(20.0, sync_steps={1, 3})
    assert some.isnan().all(1).tolist() == [True, False, True, False]


def test_a_picture_as_anchor_moves_every_window(model, alex):
    settings = STRIP | {"steps": 1, "loss": "alex", "loss_weights": alex}
    noise = torch.randn((1, 4, 8, 16), generator=torch.Generator().manual_seed(0))
    parts = Parts(model(), torch.float32)
    with torch.no_grad():
        picture = parts.decode(noise[..., 4:12])  # what the middle window shows without foresight
    by_index = reference_run(model(), **settings, noise=noise, foresee="noisy")
    by_picture = reference_run(model(), **settings, noise=noise, foresee="noisy", anchor=picture)
    assert by_index.anchor == 1
    assert by_picture.anchor is None
    for index in (0, 2):
        assert torch.allclose(by_index.grads[0][index], by_picture.grads[0][index], atol=1e-7)
    assert by_picture.losses.isfinite().all()


def test_a_wrapped_run_has_no_picture_and_shares_its_ends(model, alex):
    settings = STRIP | {"steps": 2, "loss": "alex", "loss_weights": alex}
    trace = reference_run(model(), **settings, wrap_x=True)
    assert trace.image is None
    assert len(trace.views) == 4
    noise = trace.noise.roll(4, -1)  # by one stride: the same run, one window on
    rolled = reference_run(model(), **settings, wrap_x=True, noise=noise, anchor=3)
    assert torch.allclose(rolled.latents[-1].roll(-4, -1), trace.latents[-1], atol=1e-4)


def test_the_guard_of_lpips_changes_nothing_but_nan(tmp_path):
    state = read_state(make_lpips_weights(tmp_path / "alex.pt", "alex"))
    model = empty_lpips("alex")
    model.load_state_dict(state, assign=True)
    model.eval().requires_grad_(False)
    x, y = (torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(k)) * 2 - 1 for k in (0, 1))
    x.requires_grad_()
    plain, guarded = model(x, y).squeeze(), guarded_lpips(model, x, y)
    assert torch.allclose(plain, guarded, rtol=1e-5)
    (a,), (b,) = torch.autograd.grad(plain, x), torch.autograd.grad(guarded, x)
    assert torch.allclose(a, b, atol=1e-3 * a.abs().max().item())

    import lpips

    zero = torch.zeros(1, 4, 2, 2, requires_grad=True)  # no ReLU before it that would cut the NaN off
    assert torch.autograd.grad(lpips.normalize_tensor(zero).sum(), zero)[0].isnan().all()
    assert torch.autograd.grad(guarded_unit(zero).sum(), zero)[0].isfinite().all()


def test_style_loss_reads_the_convolutions_of_torchvision(vgg19):
    import_torchvision()
    from torchvision.models import vgg19 as build

    with torch.device("meta"):
        network = build().features[:11]
    state = {name.removeprefix("features."): value for name, value in read_state(vgg19).items()}
    network.load_state_dict(state, assign=True)
    for layer in network:
        layer.inplace = False  # else the ReLU overwrites what is read
    x, y = (torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(k)) for k in (0, 1))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    total = 0.0
    a, b = ((image - mean[:, None, None]) / std[:, None, None] for image in (x, y))
    for index, layer in enumerate(network):
        a, b = layer(a), layer(b)
        if index in (0, 2, 5, 7, 10):
            gram_a, gram_b = (torch.einsum("nchw,ndhw->cd", f, f) / f.numel() for f in (a, b))
            total += ((gram_a - gram_b) ** 2).mean().item()
    value = make_style(vgg19)(x, y)
    assert math.isclose(value.item(), 1e6 * total, rel_tol=1e-3)
    assert make_style(vgg19)(x, x) == 0
