"""From the request that a picture carries back to settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.files.known import KnownFiles
from ..core.models.builtin import BUILTIN
from ..core.models.hub import is_hub_id
from ..core.request.world import default_poles
from .requests import NEUTRAL_COHERENCE, PRESET_NAMES, SAMPLING, TARGET_NAMES, preset_request

if TYPE_CHECKING:
    from ..core.request.request import Request

_PLAIN = ("prompt", "negative_prompt", "seed", *SAMPLING)
_NEAR = 1e-4  # of a coherence: numbers of Blender are of single precision


def recall(settings: Any, request: dict[str, Any]) -> None:
    """Set a scene's settings as they were, after the lists. ``request`` is what ``Request.to_json`` gave.

    A request that no preset gives on its model with some coherence becomes a Custom one; so does one whose model is
    not on this machine.
    """
    for name in _PLAIN:
        setattr(settings, name, request[name])
    settings.model = _model_here(request)
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
    settings.preset, settings.coherence = presets[request["preset"]], NEUTRAL_COHERENCE
    coherence = _coherence_of(request, preset_request(settings))
    if coherence is None:
        settings.preset = "CUSTOM"
    else:
        settings.coherence = coherence
    if request["world_size"]:
        automatic = request["poles"] == default_poles(PRESET_NAMES[settings.preset])
        settings.poles = "AUTO" if automatic else request["poles"].upper()


def _coherence_of(request: dict[str, Any], preset: Request | None) -> float | None:
    """With what coherence a preset gives a request; None if with none. ``preset``: what it gives at the neutral one."""
    if preset is None or any(request[name] != getattr(preset, name) for name in SAMPLING if name != "sync_weight"):
        return None
    coherence = NEUTRAL_COHERENCE * request["sync_weight"] / preset.sync_weight
    return coherence if coherence <= 1.0 + _NEAR else None


def _model_here(request: dict[str, Any]) -> str:
    """What names the model on this machine: a picture knows a folder's or file's name, not where it lies."""
    name, file = request["model"], request["files"].get("model")
    if file is None or name == BUILTIN or is_hub_id(name):
        return name
    return str(KnownFiles().find(file["sha256"]) or name)
