"""Presets: what each fills in for settings that are not given."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
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
WEIGHT_RATIOS: Mapping[str, float] = MappingProxyType({"style": 0.1 / 20.0, "builtin": 0.065})

# Of these methods in every preset: one grows by half a window at a time, the other takes no larger overlap.
STRIDE_SHARES: Mapping[str, Fraction] = MappingProxyType(dict.fromkeys(("blended", "diffcollage"), Fraction(1, 2)))

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

PAPER_STEPS, PAPER_WEIGHT, PAPER_DECAY = 50, 20.0, 0.95


def spread(first: int) -> float:
    """w for the first so many steps, all alike, whose sum is that of the paper's 50: 369.2."""
    total = PAPER_WEIGHT * (1 - PAPER_DECAY**PAPER_STEPS) / (1 - PAPER_DECAY)
    return round(total / first, 1)


# Fewer steps keep the sum of w over the run. The gradient, which is most of a run's cost, is taken while the picture is
# still open to it: at the first steps, with one w for all, since a larger first one breaks pictures that are hardly
# foreseen yet. Windows that lie elsewhere at every step need little overlap, heal each other's edges, and keep the join
# of a loop from being an edge at every step. Without any overlap the last steps' edges are seen in even skies.
_FAST: Mapping[str, Any] = {
    **_COMMON,
    "scheduler": "dpmpp-2m",
    "sync_decay": 1.0,
    "loss_scale": 0.5,
    "reuse_noise": True,
    "shift_windows": True,
}

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "draft": {**_FAST, "steps": 10, "stride_share": Fraction(1), "sync_weight": spread(5), "sync_first": 5},
        "balanced": {**_FAST, "steps": 20, "stride_share": Fraction(3, 4), "sync_weight": spread(8), "sync_first": 8},
        # Section 5 of the paper, on the given model.
        "paper": {
            **_COMMON,
            "scheduler": "ddim",
            "steps": PAPER_STEPS,
            "stride_share": Fraction(1, 4),  # of a window
            "sync_weight": PAPER_WEIGHT,
            "sync_decay": PAPER_DECAY,
            "sync_first": None,
            "decode": "whole",
        },
    }
)


def few_step_settings(model: FewStep, preset: str) -> dict[str, Any]:
    """What takes the place of a preset's sampling on a model that was distilled to a few steps without guidance."""
    steps = model.steps_for(preset)
    first = max(1, round(0.4 * steps))
    return {
        "scheduler": model.scheduler,
        "steps": steps,
        "guidance_scale": model.guidance_scale,
        "sync_weight": spread(first),
        "sync_decay": 1.0,
        "sync_first": first,
    }
