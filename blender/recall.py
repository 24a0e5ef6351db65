"""From the request that a picture carries back to settings."""

from __future__ import annotations

from typing import Any

from ..core.request.world import default_poles
from .requests import NEUTRAL_COHERENCE, PRESET_NAMES, TARGET_NAMES, preset_weight

_PLAIN = ("prompt", "negative_prompt", "model", "seed", "steps", "guidance_scale", "sync_weight", "scheduler")


def recall(settings: Any, request: dict[str, Any]) -> None:
    """Set a scene's settings as they were. ``request`` is what ``Request.to_json`` gave.

    A request that no preset gives with some coherence becomes a Custom one.
    """
    for name in _PLAIN:
        setattr(settings, name, request[name])
    settings.use_random_seed = False
    settings.variations = 1
    settings.use_custom_size = False
    settings.width, settings.height = request["width"], request["height"]
    targets = {ours: theirs for theirs, ours in TARGET_NAMES.items()}
    settings.target = targets[request["target"]]
    if request["world_size"]:
        settings.world_size = request["world_size"]
        settings.light_range = (request.get("range") or "ldr").upper()
        settings.peak = request.get("peak") or settings.peak
    presets = {ours: theirs for theirs, ours in PRESET_NAMES.items() if theirs != "CUSTOM"}
    settings.preset = presets[request["preset"]] if _is_the_presets(request) else "CUSTOM"
    coherence = NEUTRAL_COHERENCE * request["sync_weight"] / preset_weight(request)
    if settings.preset != "CUSTOM" and coherence <= 1.0:
        settings.coherence = coherence
    else:
        settings.preset = "CUSTOM"
    if request["world_size"]:
        automatic = request["poles"] == default_poles(PRESET_NAMES[settings.preset])
        settings.poles = "AUTO" if automatic else request["poles"].upper()


def _is_the_presets(request: dict[str, Any]) -> bool:
    from ..core.request.presets import PRESETS

    preset = PRESETS[request["preset"]]
    return all(request[name] == preset[name] for name in ("steps", "guidance_scale", "scheduler"))
