"""Gradient checkpointing changes nothing but what is kept."""

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.autograd.graph import saved_tensors_hooks

from syncdiffusion.core.runtime.checkpointing import Checkpointing


def networks(folder):
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").requires_grad_(False).eval()
    vae = AutoencoderKL.from_pretrained(folder / "vae").requires_grad_(False).eval()
    return unet, vae


def gradient(unet, vae):
    """Through both, and how many values were kept for it."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 8, 8, generator=generator, requires_grad=True)
    text = torch.randn(2, 77, unet.config.cross_attention_dim, generator=generator)
    kept = 0

    def pack(tensor):
        nonlocal kept
        kept += tensor.numel()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        image = vae.decode(unet(x, torch.tensor(500), text).sample).sample
    return torch.autograd.grad(image.square().sum(), x)[0], kept


def test_the_gradient_is_the_same_and_less_is_kept(model_folder):
    parts = networks(model_folder)
    notes = []
    plain, much = gradient(*parts)
    checkpointing = Checkpointing(parts, notes.append)
    assert torch.equal(gradient(*parts)[0], plain)
    assert notes == []
    assert checkpointing.begin()
    frugal, little = gradient(*parts)
    assert torch.equal(frugal, plain)
    assert little < much / 2
    assert not checkpointing.begin()
    assert len(notes) == 1
    assert "memory is short" in notes[0]


def test_the_next_run_begins_without(model_folder):
    parts = networks(model_folder)
    Checkpointing(parts, print).begin()
    much = gradient(*parts)[1]
    Checkpointing(parts, pytest.fail)
    assert gradient(*parts)[1] > 2 * much
