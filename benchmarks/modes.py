"""What is compared: the authors' loop, diffusers' pipeline, and this project's presets and shortcuts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncdiffusion.core.models.builtin import BUILTIN
from syncdiffusion.core.models.model import Model
from syncdiffusion.core.request.validation import Plan, prepare

AUTHORS, DIFFUSERS = "authors", "diffusers"

# Settings of a request, by name. The first two are other programs: they run the paper's settings.
MODES: Mapping[str, Mapping[str, Any]] = {
    AUTHORS: {"preset": "paper"},
    DIFFUSERS: {"preset": "paper", "method": "multidiffusion"},
    "multidiffusion": {"preset": "paper", "method": "multidiffusion"},
    "paper": {"preset": "paper"},
    "paper, 10 gradients": {"preset": "paper", "sync_count": 10},
    "paper, no-unet": {"preset": "paper", "gradient": "no-unet"},
    "paper, tiny decoder": {"preset": "paper", "loss_decoder": "tiny"},
    "paper, half scale": {"preset": "paper", "loss_scale": 0.5},
    "paper, noise reused": {"preset": "paper", "reuse_noise": True},
    "paper, shifted": {"preset": "paper", "shift_windows": True},
    "balanced": {"preset": "balanced"},
    "draft": {"preset": "draft"},
}

SIZES = (2, 6, 24)  # windows across: with windows of 512 pixels 1024, 3072 and 12288


def plan_for(model: Model, mode: str, across: int, **settings: Any) -> Plan:
    """The plan of a mode on a model that is at hand and a canvas of ``across`` by one of its windows."""
    window = model.facts.native_window
    given = {"prompt": "a landscape", "model": model.name, "width": across * window, "height": window}
    if model.name != BUILTIN:
        given["loss"] = "lpips-vgg"
    return prepare({**given, **MODES[mode], **settings}, model=model)
