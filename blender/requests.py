"""From the settings of a scene to a request of the engine's. Pure: takes any object with the settings' attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core.request.request import Request

PRESET_NAMES = {"DRAFT": "draft", "BALANCED": "balanced", "PAPER": "paper", "CUSTOM": "balanced"}
TARGET_NAMES = {"WORLD": "world", "MATERIAL": "tile", "IMAGE": "strip"}
LOW_MEMORY = {"decode": "tiles", "gradient": "no-unet"}
LEAST_MEMORY = {**LOW_MEMORY, "loss_decoder": "tiny"}  # where there is a tiny decoder
NEUTRAL_COHERENCE = 0.5  # where w is the preset's own
ANY_PROMPT = "a picture"
SAMPLING = ("scheduler", "steps", "guidance_scale", "sync_weight")  # what a preset stands for, and Custom sets


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
        given |= LEAST_MEMORY if settings.tiny_decoder else LOW_MEMORY
    if custom:
        given |= {name: getattr(settings, name) for name in SAMPLING}
    else:
        given["sync_weight"] = f"{settings.coherence / NEUTRAL_COHERENCE:g}x"
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


def preset_request(settings: Any) -> Request | None:
    """What a quality makes of the settings on their model, whatever the prompt; None where they cannot be used.

    Reads headers and configurations: not while a panel draws.
    """
    from ..core.errors import SyncDiffusionError
    from ..core.request.validation import prepare

    try:
        return prepare({**request_settings(settings, 0, "auto", "auto"), "prompt": ANY_PROMPT}).request
    except SyncDiffusionError:
        return None


def preset_loss(preset: str, model: str) -> str:
    """The loss of a preset for a model."""
    from ..core.request.presets import PRESETS

    return "builtin" if model == "builtin" else PRESETS[preset]["loss"]
