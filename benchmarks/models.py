"""Architectures with random weights: what a panorama costs does not depend on what the weights are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from syncdiffusion.core import engine
from syncdiffusion.core.models.facts import ModelFacts, read_facts
from syncdiffusion.core.models.libraries import import_diffusers
from syncdiffusion.core.models.model import Components
from syncdiffusion.core.models.single_file.tokenizer import make_tokenizer
from syncdiffusion.core.models.tiny_decoder import load_tiny_decoder
from syncdiffusion.core.perceptual.lpips import LPIPS

_CROSS_DOWN, _CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
_VAE = {
    "latent_channels": 4,
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
}
_SCHEDULER = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}

# Configurations as published, of what counts for the cost. SDXL's second text encoder and its size conditioning do not.
ARCHITECTURES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "sd2": {
        "unet": {
            "sample_size": 64,
            "block_out_channels": [320, 640, 1280, 1280],
            "down_block_types": [_CROSS_DOWN, _CROSS_DOWN, _CROSS_DOWN, "DownBlock2D"],
            "up_block_types": ["UpBlock2D", _CROSS_UP, _CROSS_UP, _CROSS_UP],
            "attention_head_dim": [5, 10, 20, 20],
            "cross_attention_dim": 1024,
            "use_linear_projection": True,
        },
        "vae": {**_VAE, "scaling_factor": 0.18215},
    },
    "sdxl": {
        "unet": {
            "sample_size": 128,
            "block_out_channels": [320, 640, 1280],
            "down_block_types": ["DownBlock2D", _CROSS_DOWN, _CROSS_DOWN],
            "up_block_types": [_CROSS_UP, _CROSS_UP, "UpBlock2D"],
            "attention_head_dim": [5, 10, 20],
            "transformer_layers_per_block": [1, 2, 10],
            "cross_attention_dim": 2048,
            "use_linear_projection": True,
        },
        "vae": {**_VAE, "scaling_factor": 0.13025},
    },
    # Small enough for a CPU, and of the same make.
    "small": {
        "unet": {
            "sample_size": 16,
            "block_out_channels": [32, 64],
            "down_block_types": [_CROSS_DOWN, "DownBlock2D"],
            "up_block_types": ["UpBlock2D", _CROSS_UP],
            "layers_per_block": 1,
            "attention_head_dim": [2, 4],
            "cross_attention_dim": 64,
            "norm_num_groups": 8,
            "use_linear_projection": True,
        },
        "vae": {**_VAE, "block_out_channels": [16, 16, 32, 32], "layers_per_block": 1, "norm_num_groups": 8},
    },
}


class RandomModel:
    """One of ``ARCHITECTURES``, in the place of a model that was found on the disk."""

    variant = None

    def __init__(self, name: str, device: str = "cpu") -> None:
        self.name = name
        self._device = device
        self._configs = ARCHITECTURES[name]

    @property
    def facts(self) -> ModelFacts:
        """See ``ModelFacts``."""
        return read_facts(self.name, {**self._configs, "text_encoder": {}, "scheduler": _SCHEDULER})

    @property
    def files(self) -> tuple[Path, ...]:
        """There are no weights; this file stands for them."""
        return (Path(__file__),)

    @property
    def tiny_decoder(self) -> None:
        """It has none."""

    def load(self, dtype: torch.dtype) -> Components:
        """Make the networks on the device, the same ones every time."""
        diffusers = import_diffusers()
        from transformers import CLIPTextConfig, CLIPTextModel

        width = self._configs["unet"]["cross_attention_dim"]
        torch.manual_seed(0)
        with torch.device(self._device):
            # One layer: a prompt is encoded once a panorama, which is no cost.
            text = CLIPTextConfig(
                hidden_size=width, intermediate_size=width, num_hidden_layers=1, num_attention_heads=width // 64
            )
            networks = (
                diffusers.UNet2DConditionModel.from_config(dict(self._configs["unet"])),
                diffusers.AutoencoderKL.from_config(dict(self._configs["vae"])),
                CLIPTextModel(text),
            )
        tokenizer = make_tokenizer(pad_token="!", max_length=77)
        return Components(*(network.to(dtype).requires_grad_(False).eval() for network in networks), tokenizer)


def tiny_decoder(model: Any) -> Any:
    """The tiny decoder that a model has, or else one of TAESD's make with random weights."""
    diffusers = import_diffusers()
    if model.tiny_decoder is not None and model.tiny_decoder.is_dir():
        return load_tiny_decoder(model.tiny_decoder, torch.float32)
    return diffusers.AutoencoderTiny(latent_channels=model.facts.latent_channels).requires_grad_(False).eval()


def random_distance(*_: object) -> LPIPS:
    """LPIPS (VGG16) with random weights."""
    torch.manual_seed(0)
    return LPIPS("vgg")


@contextmanager
def random_loss() -> Iterator[None]:
    """Within, the engine takes a random LPIPS, so that there is nothing to download."""
    with mock.patch.object(engine, "load_distance", random_distance):
        yield
