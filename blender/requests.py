"""From the settings of a scene to a request of the engine's. Pure: takes any object with the settings' attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PRESET_NAMES = {"DRAFT": "draft", "BALANCED": "balanced", "PAPER": "paper", "CUSTOM": "balanced"}
TARGET_NAMES = {"WORLD": "world", "MATERIAL": "tile", "IMAGE": "strip"}
LOW_MEMORY = {"decode": "tiles", "gradient": "no-unet"}
NEUTRAL_COHERENCE = 0.5  # where the sync weight is the preset's own


def request_settings(settings: Any, seed: int, device: str, dtype: str) -> dict[str, Any]:
    """What ``core.request.validation.prepare`` takes.

    Nothing is downloaded on the way to a picture: what is missing is said before, and downloaded on a click of its own.
    """
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
        "offline": True,
    }
    given |= {name: value for name in ("width", "height") if (value := getattr(settings, name))}
    given |= list_settings(settings)
    if settings.target == "WORLD":
        given |= {
            "world_size": settings.world_size,
            "range": settings.light_range.lower(),
        }
        if settings.poles != "AUTO":
            given["poles"] = settings.poles.lower()
        if settings.light_range == "EXPANDED":
            given["peak"] = settings.peak
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


def list_settings(settings: Any) -> dict[str, Any]:
    """What is said of directions, and what is added to the model; entries that are still empty are left out."""
    place = "position" if settings.target == "IMAGE" else "azimuth"
    given = {
        "region": [f"{getattr(entry, place):g}:{entry.prompt}" for entry in settings.regions if entry.prompt.strip()],
        "lora": [f"{entry.path}:{entry.weight:g}" for entry in settings.loras if entry.path],
        "embedding": [entry.path for entry in settings.embeddings if entry.path],
        "vae": settings.vae,
        "tiny_decoder": settings.tiny_decoder,
    }
    return {name: value for name, value in given.items() if value}


def preset_facts(settings: Any) -> dict[str, Any]:
    """What a quality other than Custom stands for: sampler, steps, guidance scale, and w at the set coherence."""
    from ..core.request.presets import PRESETS

    given = {"preset": PRESET_NAMES[settings.preset], "model": settings.model.strip() or "builtin"}
    given |= list_settings(settings)
    preset = {**PRESETS[given["preset"]], **_few_step_settings(given)}
    weight = preset_weight(given) * settings.coherence / NEUTRAL_COHERENCE
    return {name: preset[name] for name in ("scheduler", "steps", "guidance_scale")} | {"sync_weight": weight}


def preset_weight(given: dict[str, Any]) -> float:
    """The sync weight of a request's preset for its model's own loss."""
    from ..core.request.presets import WEIGHT_RATIOS

    return _preset(given)["sync_weight"] * WEIGHT_RATIOS.get(preset_loss(given), 1.0)


def preset_loss(given: dict[str, Any]) -> str:
    """The loss of a request's preset for its model."""
    return "builtin" if given["model"] == "builtin" else _preset(given)["loss"]


def _preset(given: dict[str, Any]) -> dict[str, Any]:
    from ..core.request.presets import PRESETS

    return {**PRESETS[given["preset"]], **_few_step_settings(given)}


def _few_step_settings(given: dict[str, Any]) -> dict[str, Any]:
    """What a preset takes from a few-step model or LoRA, as far as names tell; nothing is read while a panel draws."""
    from ..core.models.additions.lora import read_lora
    from ..core.models.few_step import few_step_lora, few_step_model, telling_name
    from ..core.request.presets import few_step_settings

    if given["preset"] == "paper":
        return {}
    few = few_step_model([telling_name(Path(given["model"]))], {}, {})
    for text in given.get("lora", ()):
        few = few_step_lora(read_lora(text).path, {}) or few
    return few_step_settings(few, given["preset"]) if few else {}
