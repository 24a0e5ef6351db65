"""The small models behave like models: outputs of a useful size, prompts that count, latents that stay bounded."""

import pytest
import torch
from support.models import empty_lpips, make_lpips_weights, make_model, make_vgg19_weights, smooth_latents
from support.reference import Parts, read_state, reference_run

PROMPT = "a photo of a mountain range at twilight"


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_unet_has_useful_outputs(model, prediction_type, seed):
    parts = Parts(model(prediction_type=prediction_type, seed=seed), torch.float32)
    torch.manual_seed(1)
    positive, other, x = parts.embed(PROMPT), parts.embed("a city at night"), torch.randn(1, 4, 8, 8)
    with torch.no_grad():
        for t in (981, 501, 1):
            out = parts.predict(x, t, positive, positive, 1)
            assert 0.4 < out.std() < 1.3
            assert (parts.predict(torch.randn(1, 4, 8, 8), t, positive, positive, 1) - out).std() > 0.3  # latents
            assert (parts.predict(x, t, other, other, 1) - out).std() > 0.01  # the prompt
            assert (parts.predict(x, (t + 200) % 1000, positive, positive, 1) - out).std() > 0.03  # the time
            guided = parts.predict(x, t, positive, other, 7.5)
            assert 0.1 < (guided - out).std() < 1.5


@pytest.mark.parametrize("levels", [1, 3, 4])
def test_vae_decodes_to_images_with_some_clamped_pixels(model, levels):
    parts = Parts(model(vae_levels=levels), torch.float32)
    torch.manual_seed(2)
    for latents in (torch.randn(16, 4, 8, 8), smooth_latents(16, 4, 8)):
        with torch.no_grad():
            images = parts.decode(latents)
        assert images.shape == (16, 3, 8 * parts.factor, 8 * parts.factor)
        clamped = ((images == 0) | (images == 1)).float().mean()
        assert 0.05 < clamped < 0.3
        assert images.std(0).mean() > 0.15  # over latents, not over places alone


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_latents_stay_bounded_and_follow_the_prompt(model, prediction_type, seed):
    folder = model(prediction_type=prediction_type, seed=seed)
    sizes = {"height": 64, "width": 128, "window": 64, "stride": 32, "steps": 10, "sync_weight": 0, "seed": 5}
    trace = reference_run(folder, prompt=PROMPT, **sizes)
    other = reference_run(folder, prompt="a cartoon castle", **sizes)
    assert max(z.abs().max() for z in trace.latents) < 10
    assert (trace.latents[-1] - other.latents[-1]).abs().mean() > 0.03


def test_gradient_has_a_useful_size(model, alex):
    trace = reference_run(
        model(), prompt=PROMPT, height=64, width=128, window=64, stride=32, steps=3, loss="alex", loss_weights=alex
    )
    for losses, grads in zip(trace.losses, trace.grads, strict=True):
        assert losses.isnan().tolist() == [False, True, False]  # the anchor has none
        assert losses.nanmean() > 0.005
        assert 0.01 < 20 * grads.abs().max() < 2


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_float32_is_enough_for_the_tolerance(model, alex, prediction_type):
    folder = model(prediction_type=prediction_type)
    sizes = {"height": 64, "width": 128, "window": 64, "stride": 32, "steps": 6, "loss": "alex", "loss_weights": alex}
    single = reference_run(folder, prompt=PROMPT, **sizes)
    double = reference_run(folder, prompt=PROMPT, **sizes, dtype=torch.float64)
    still = reference_run(folder, prompt=PROMPT, **sizes | {"sync_weight": 0})
    for z, exact in zip(single.latents, double.latents, strict=True):
        assert (z - exact).abs().max() < 1e-3 * max(1, exact.abs().max() / 4)
    assert (still.latents[-1] - double.latents[-1]).abs().max() > 0.015  # what synchronization does is far above it


def test_other_shapes_and_the_layout(model):
    folder = model(latent_channels=16, window_latents=16, vae_levels=3, scheduler="PNDMScheduler", text_max_length=20)
    for name in ("model_index.json", "tokenizer/vocab.json", "unet/diffusion_pytorch_model.safetensors"):
        assert (folder / name).is_file()
    parts = Parts(folder, torch.float32)
    assert parts.factor == 4
    assert parts.embed("word " * 40).tokens.shape == (1, 20, 32)
    assert parts.scheduler_config["_class_name"] == "PNDMScheduler"
    ids = parts.tokenizer(PROMPT).input_ids
    assert parts.tokenizer.decode(ids, skip_special_tokens=True) == PROMPT
    trace = reference_run(folder, prompt=PROMPT, height=64, width=64, window=64, stride=64, steps=2, sync_weight=0)
    assert trace.latents[-1].shape == (1, 16, 16, 16)
    assert trace.latents[-1].abs().max() < 10


def test_makers_are_reproducible(tmp_path):
    states = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        folder = make_model(tmp_path / name, vae_levels=1, seed=seed)
        states.append(read_state(folder / "unet" / "diffusion_pytorch_model.safetensors"))
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    assert not torch.equal(states[0]["conv_out.weight"], states[2]["conv_out.weight"])


@pytest.mark.parametrize("net", ["alex", "squeeze"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_lpips_weights_fit_the_package(tmp_path, net, suffix):
    path = make_lpips_weights(tmp_path / f"lpips{suffix}", net)
    model = empty_lpips(net)
    model.load_state_dict(read_state(path), assign=True)  # strict: every name and nothing else
    assert all((head.model[-1].weight >= 0).all() for head in model.lins)  # as trained heads are
    image = torch.rand(1, 3, 64, 64)
    assert model.eval()(image, 1 - image).item() > 0.001


def test_vgg19_weights_are_the_first_five_convolutions(tmp_path):
    a, b = (read_state(make_vgg19_weights(tmp_path / name)) for name in ("a.pt", "b.safetensors"))
    assert sorted({int(name.split(".")[1]) for name in a}) == [0, 2, 5, 7, 10]
    assert all(torch.equal(value, b[name]) for name, value in a.items())
