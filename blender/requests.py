"""From the settings of a scene to a request of the engine's. Pure: takes any object with the settings' attributes."""

from __future__ import annotations

from typing import Any

PRESET_NAMES = {"DRAFT": "draft", "BALANCED": "balanced", "PAPER": "paper", "CUSTOM": "balanced"}
TARGET_NAMES = {"WORLD": "world", "MATERIAL": "tile", "IMAGE": "strip"}
LOW_MEMORY = {"decode": "tiles", "gradient": "no-unet"}
NEUTRAL_COHERENCE = 0.5  # where the sync weight is the preset's own


def request_settings(settings: Any, seed: int, device: str, dtype: str, online: bool) -> dict[str, Any]:
    """What ``core.request.validation.prepare`` takes. ``online``: whether the network may be used."""
    custom = settings.preset == "CUSTOM"
    given = {
        "prompt": settings.prompt,
        "negative_prompt": settings.negative_prompt,
        "model": settings.model.strip() or "builtin",
        "preset": PRESET_NAMES[settings.preset],
        "target": TARGET_NAMES[settings.target],
        "seed": seed,
        "device": device,
        "dtype": dtype,
        "offline": not online,
    }
    given |= {name: value for name in ("width", "height") if (value := getattr(settings, name))}
    if settings.target == "WORLD":
        given["world_size"] = settings.world_size
    if settings.low_memory:
        given |= LOW_MEMORY
    if custom:
        given |= {
            "steps": settings.steps,
            "guidance_scale": settings.guidance_scale,
            "scheduler": settings.scheduler,
            "sync_weight": settings.sync_weight,
        }
    elif settings.coherence != NEUTRAL_COHERENCE:
        given["sync_weight"] = preset_weight(given) * settings.coherence / NEUTRAL_COHERENCE
    return given


def preset_facts(settings: Any) -> dict[str, Any]:
    """What a quality other than Custom stands for: sampler, steps, guidance scale, and w at the set coherence."""
    from ..core.request.presets import PRESETS

    given = {"preset": PRESET_NAMES[settings.preset], "model": settings.model.strip() or "builtin"}
    preset = PRESETS[given["preset"]]
    weight = preset_weight(given) * settings.coherence / NEUTRAL_COHERENCE
    return {name: preset[name] for name in ("scheduler", "steps", "guidance_scale")} | {"sync_weight": weight}


def preset_weight(given: dict[str, Any]) -> float:
    """The sync weight of a request's preset for its model's own loss."""
    from ..core.request.presets import PRESETS, WEIGHT_RATIOS

    loss = "builtin" if given["model"] == "builtin" else PRESETS[given["preset"]]["loss"]
    return PRESETS[given["preset"]]["sync_weight"] * WEIGHT_RATIOS.get(loss, 1.0)
