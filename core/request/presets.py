"""Presets: what each fills in for settings that are not given."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..models.builtin import BUILTIN
from ..models.few_step import FewStep

DEFAULT_PRESET = "balanced"

# What tells the presets apart.
SHORTCUTS = ("gradient", "loss_decoder", "loss_scale", "reuse_noise", "shift_windows")
PRESET_SETTINGS = ("scheduler", "steps", "stride", "sync_weight", "sync_decay", "sync_first", *SHORTCUTS, "decode")

# w for LPIPS times this is w for another distance. Section 6.4: a Style Loss scaled by 1e6 wants w = 0.1 where LPIPS
# wants 20. The built-in distance's was found by looking (models/landscapes/README.md).
WEIGHT_RATIOS: Mapping[str, float] = MappingProxyType({"style": 0.1 / 20.0, "builtin": 0.025})

# Of these methods in every preset: one grows by half a window at a time, the other takes no larger overlap.
STRIDES_PER_WINDOW: Mapping[str, int] = MappingProxyType({"blended": 2, "diffcollage": 2})

_COMMON: Mapping[str, Any] = {
    "negative_prompt": "",
    "region": (),
    "model": BUILTIN,
    "lora": (),
    "embedding": (),
    "vae": None,
    "tiny_decoder": None,
    "target": "strip",
    "guidance_scale": 7.5,
    "seed": 0,
    "method": "syncdiffusion",
    "loss": "lpips-vgg",
    "loss_weights": None,
    "sync_every": 1,
    "sync_count": None,
    "gradient": "exact",
    "loss_decoder": "full",
    "loss_scale": 1.0,
    "reuse_noise": False,
    "shift_windows": False,
    "foresee": "predicted",
    "anchor": "center",
    "device": "auto",
    "dtype": "auto",
    "decode": "auto",
    "deterministic": False,
    "initial_latents": None,
    "allow_pickle": False,
    "offline": False,
}

# Fewer steps keep the sum of w over the run, and its decay over the whole run, as the paper's 50 steps have them. The
# gradient, which is most of a run's cost, is taken while the picture is still open to it: at the first two fifths.
# decay = 0.95 ** (50 / steps), w = 20 * (1 - 0.95**50) / (1 - 0.95) * (1 - decay) / (1 - decay**sync_first).
PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "draft": {
            **_COMMON,
            "scheduler": "dpmpp-2m",
            "steps": 10,
            "strides_per_window": 2,
            "sync_weight": 130.1,
            "sync_decay": 0.774,
            "sync_first": 4,
        },
        "balanced": {
            **_COMMON,
            "scheduler": "dpmpp-2m",
            "steps": 20,
            "strides_per_window": 4,
            "sync_weight": 69.2,
            "sync_decay": 0.88,
            "sync_first": 8,
        },
        # Section 5 of the paper, on the given model.
        "paper": {
            **_COMMON,
            "scheduler": "ddim",
            "steps": 50,
            "strides_per_window": 4,
            "sync_weight": 20.0,
            "sync_decay": 0.95,
            "sync_first": None,
            "decode": "whole",
        },
    }
)


def spread(steps: int, first: int) -> tuple[float, float]:
    """(w, decay) for the ``first`` of so many steps: the sum and the whole decay of the paper's 50 steps."""
    decay = 0.95 ** (50 / steps)
    total = 20 * (1 - 0.95**50) / (1 - 0.95)
    return round(total * (1 - decay) / (1 - decay**first), 1), round(decay, 3)


def few_step_settings(model: FewStep, preset: str) -> dict[str, Any]:
    """What takes the place of a preset's sampling on a model that was distilled to a few steps without guidance."""
    steps = model.steps_for(preset)
    first = max(1, round(0.4 * steps))
    weight, decay = spread(steps, first)
    return {
        "scheduler": model.scheduler,
        "steps": steps,
        "guidance_scale": model.guidance_scale,
        "sync_weight": weight,
        "sync_decay": decay,
        "sync_first": first,
    }
