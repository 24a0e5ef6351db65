"""The table of footprints against the true architectures, counted on meta tensors; and what follows from it."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from support.single_file import make_modules

from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.models.memory_plan import (
    CARDS,
    DISTANCE_KEPT,
    FOOTPRINTS,
    GIB,
    TINY_KEPT,
    VGG16_PARAMETERS,
    WASTE,
    best_plan,
    footprint_of,
    memory_plans,
    peak_bytes,
)  # fmt: skip
from syncdiffusion.core.perceptual.lpips import LPIPS

VAE = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2}
FOUR = {"block_out_channels": (320, 640, 1280, 1280), "layers_per_block": 2, "attends": (True, True, True, False)}
THREE = {
    "block_out_channels": (320, 640, 1280), "layers_per_block": 2, "attends": (False, True, True), "depths": (1, 2, 10),
}  # fmt: skip
ARCHITECTURES = {
    "Stable Diffusion 1.x": {"family": "sd1", "unet": FOUR, "text": {"hidden_size": 768, "num_hidden_layers": 12}},
    "Stable Diffusion 2.x": {"family": "sd2", "unet": FOUR, "text": {"hidden_size": 1024, "num_hidden_layers": 23}},
    "SDXL": {
        "family": "sdxl", "unet": THREE, "text": {"hidden_size": 768, "num_hidden_layers": 12},
        "text_2": {"hidden_size": 1280, "num_hidden_layers": 32, "projection_dim": 1280},
    },
}  # fmt: skip


class FusedAttention(torch.autograd.Function):
    """Keeps what a fused kernel keeps: inputs, output, and one number for each query."""

    @staticmethod
    def forward(ctx, query, key, value):
        output, sums = torch.empty_like(query), query.new_empty(query.shape[:-1], dtype=torch.float32)
        ctx.save_for_backward(query, key, value, output, sums)
        return output


def bytes_kept(run, module):
    """What autograd keeps for the backward pass of ``run``, less the module's own weights."""
    own = {parameter.untyped_storage()._cdata for parameter in module.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return sum(storage.nbytes() for storage in kept.values())


def parameters(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


@pytest.mark.parametrize("name", FOOTPRINTS)
def test_footprints_are_those_of_the_true_architectures(name, monkeypatch):
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda q, k, v, *_, **__: FusedAttention.apply(q, k, v))
    expected, made = FOOTPRINTS[name], dict(ARCHITECTURES[name])
    with torch.device("meta"):
        modules = make_modules(made.pop("family"), vae=VAE, **made)
        latents = torch.randn(1, 4, expected.native // 8, expected.native // 8, dtype=torch.float16).requires_grad_()
        text = torch.randn(1, 77, modules.unet.config.cross_attention_dim, dtype=torch.float16)
        added = {"text_embeds": torch.randn(1, 1280, dtype=torch.float16), "time_ids": torch.randn(1, 6)}
        for module in modules:
            module.half().requires_grad_(False)
        assert parameters(modules.unet) == pytest.approx(expected.unet, rel=0.001)  # SDXL's sizes: 256 numbers, not 32
        assert parameters(modules.vae) == expected.vae
        texts = [modules.text_encoder, *([modules.text_encoder_2] if modules.text_encoder_2 else [])]
        assert parameters(*texts) == pytest.approx(expected.text, rel=0.001)
        unet = bytes_kept(lambda: modules.unet(latents, torch.tensor(5), text, added_cond_kwargs=added), modules.unet)
        assert unet == pytest.approx(expected.unet_kept, rel=0.01)
        vae = bytes_kept(lambda: modules.vae.decode(latents), modules.vae)
        assert vae == pytest.approx(expected.vae_kept, rel=0.01)


def test_what_the_loss_keeps():
    from diffusers import AutoencoderTiny

    with torch.device("meta"):
        distance, tiny = LPIPS("vgg"), AutoencoderTiny().half().requires_grad_(False)
        image = torch.randn(1, 3, 512, 512).requires_grad_()
        latents = torch.randn(1, 4, 64, 64, dtype=torch.float16).requires_grad_()
        assert parameters(distance) == pytest.approx(VGG16_PARAMETERS, rel=0.001)
        assert bytes_kept(lambda: distance.features(image), distance) == pytest.approx(DISTANCE_KEPT * 512**2, rel=0.01)
        assert bytes_kept(lambda: tiny.decode(latents), tiny) == pytest.approx(TINY_KEPT * 512**2, rel=0.01)


def test_what_fits_which_card():
    def names(family, **settings):
        plans = memory_plans(FOOTPRINTS[family], **settings)
        return [plan.name if (plan := best_plan(plans, card)) else None for card in CARDS]

    exact, tiny = ("exact, checkpointed", "tiny decoder in the loss, checkpointed")
    assert names("Stable Diffusion 2.x") == [exact, exact, "exact", "exact", "exact"]
    assert names("SDXL") == [None, None, tiny, exact, exact]
    assert names("SDXL", guided=False) == [None, None, tiny, exact, exact]
    assert names("SDXL", window=512) == [None, tiny, exact, "exact", "exact"]


def test_plans_go_from_much_to_little():
    plans = memory_plans(FOOTPRINTS["SDXL"])
    assert (plans[0].settings, plans[0].checkpointed) == ({}, False)
    assert plans[-1].settings == {"method": "multidiffusion"}
    assert plans[0].peak_bytes > plans[2].peak_bytes > plans[3].peak_bytes > plans[5].peak_bytes
    assert plans[5].peak_bytes > 2 * FOOTPRINTS["SDXL"].unet
    assert memory_plans(FOOTPRINTS["SDXL"], window=2048)[0].peak_bytes > 2 * plans[0].peak_bytes
    assert plans[1].peak_bytes < 16 * GIB


@pytest.mark.parametrize(("name", "model"), [("Stable Diffusion 2.x", "sd2"), ("SDXL", "sdxl")])
@pytest.mark.parametrize(
    ("mode", "way"),
    [("paper", {}), ("paper, no-unet", {"gradient": "no-unet"}), ("paper, half scale", {"loss_scale": 0.5})],
)
@pytest.mark.parametrize("checkpointed", [False, True])
def test_peaks_are_those_that_the_benchmark_counts(name, model, mode, way, checkpointed):
    """``python -m benchmarks --counted``, which follows every tensor of a gradient through the true architecture."""
    rows = json.loads((Path(__file__).parents[3] / "benchmarks" / "results" / "counted.json").read_text())["rows"]
    row = next(row for row in rows if (row["model"], row["mode"], row["across"]) == (model, mode, 6))
    counted = row["gradient_bytes_checkpointed" if checkpointed else "gradient_bytes"]
    footprint = FOOTPRINTS[name]
    kept = peak_bytes(footprint, checkpointed=checkpointed, **way) - 2 * (footprint.unet + footprint.vae)
    waste = WASTE if checkpointed else 1.0  # else more is held at once than is kept: that is what it is for
    assert kept / waste == pytest.approx(counted, rel=0.12)


def test_of_which_model(model_folder):
    facts = FolderModel(model_folder, "m").facts
    assert footprint_of(facts) is None  # small, and none of the published ones
    assert footprint_of(dataclasses.replace(facts, text_width=2048)) is FOOTPRINTS["SDXL"]
