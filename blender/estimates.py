"""What the next picture will take: from what the last ones took on this machine, before the first by the memory plan.

No ``bpy`` here: the worker writes and reads the file.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.models.memory_plan import fits
from .requests import LEAST_MEMORY, LOW_MEMORY

if TYPE_CHECKING:
    import torch

    from ..core.request.validation import Plan

UNKNOWN = "Time and memory are known after the first picture"
TIME_UNKNOWN = "Time is known after the first picture"
# How the panel's settings make a picture take less, from the mildest on, and what that changes.
WAYS = (
    ("Low VRAM", {"gradient": LOW_MEMORY["gradient"]}),
    ("Low VRAM and a Tiny Decoder", {name: LEAST_MEMORY[name] for name in ("gradient", "loss_decoder")}),
)
_GB = 2**30


def key_of(plan: Plan) -> str:
    """What tells runs apart whose windows take different times."""
    request = plan.request
    gradient = "gradient" if request.synchronizes else "plain"
    return " | ".join((request.model, request.device, request.dtype, request.preset, str(request.window), gradient))


def record(file: Path, plan: Plan, report: Mapping[str, Any]) -> None:
    """Keep what a run took, as ``Engine`` reported it. Raises OSError."""
    seconds = report["seconds"]
    steps = (report["stopped_after"] or plan.request.steps) - plan.request.start_step
    runs = _read(file)
    runs[key_of(plan)] = {
        "seconds_per_window_and_step": seconds["sampling"] / (report["windows"] * steps),
        "seconds_per_pixel": (seconds["decoding"] + seconds["saving"]) / plan.request.pixels,
        "peak_bytes": report["peak_memory_bytes"],
    }
    temporary = file.with_name(f".{secrets.token_hex(8)}.tmp")  # a second Blender may write its own
    temporary.write_text(json.dumps(runs, indent=1), "utf-8")
    os.replace(temporary, file)


def estimate(file: Path, plan: Plan, pictures: int = 1) -> str:
    """``About 25 s, 4.1 GB of 6.8 GB free VRAM`` for so many pictures, or what is known before there was one."""
    known = _read(file).get(key_of(plan))
    if known is None:
        return _planned(plan)
    each = known["seconds_per_window_and_step"] * len(plan.windows) * _steps(plan)
    each += known["seconds_per_pixel"] * plan.request.pixels
    return f"About {words(pictures * each)}{_memory(known['peak_bytes'], plan.request.device)}"


def _steps(plan: Plan) -> int:
    return plan.request.steps - plan.request.start_step


def words(seconds: float) -> str:
    """Seconds, minutes or hours, as exact as such a guess may be."""
    if seconds < 10:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 90:
        return f"{5 * round(seconds / 5):.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _planned(plan: Plan) -> str:
    """Whether the model fits the card, and how it would; nothing is known of models of no published size."""
    needed = plan.memory_bytes()
    if needed is None:
        return UNKNOWN
    device = _device(plan.request.device)
    if device is None:
        return f"{TIME_UNKNOWN}. Takes about {needed / _GB:.0f} GB VRAM"
    from ..core.runtime.devices import resolve_dtype
    from ..core.runtime.memory import total_bytes

    number, total, kind = resolve_dtype(plan.request.dtype, device).itemsize, total_bytes(device), _kind(device)
    needed = plan.memory_bytes(number)
    line = f"Takes about {needed / _GB:.0f} GB of {total / _GB:.0f} GB {kind}"
    if fits(needed, total):
        return f"{TIME_UNKNOWN}. {line}"
    checkpointed = device.type == "cuda"  # elsewhere the engine does not know when memory is short
    less = plan.memory_bytes(number, checkpointed=checkpointed)
    if fits(less, total):
        return f"{TIME_UNKNOWN}. Takes about {less / _GB:.0f} GB of {total / _GB:.0f} GB {kind}, slower than with more"
    for way, changes in WAYS:
        less = plan.memory_bytes(number, checkpointed=checkpointed, **changes)
        if fits(less, total):
            return f"{line}: too much. With {way} it takes {less / _GB:.0f} GB"
    return f"{line}: too much, whatever is left out. Take a model with smaller windows"


def _memory(needed: int, device_name: str) -> str:
    """What is needed of what is free now. Empty where the engine is not loaded: it is not loaded for that."""
    device = _device(device_name)
    if device is None:
        return ""
    import psutil

    from ..core.runtime.memory import free_bytes

    free = free_bytes(device)
    if device.type == "cpu":
        free += psutil.Process().memory_info().rss  # the peak was the whole process's
    return f", {needed / _GB:.1f} GB of {free / _GB:.1f} GB free {_kind(device)}"


def _device(name: str) -> torch.device | None:
    """What a run would compute on; None where the engine is not loaded, or a card is not there or does not answer."""
    if "torch" not in sys.modules:
        return None
    from ..core.errors import DeviceError
    from ..core.runtime.devices import resolve_device

    try:
        return resolve_device(name)
    except (DeviceError, RuntimeError):
        return None


def _kind(device: torch.device) -> str:
    return "RAM" if device.type == "cpu" else "VRAM"


def _read(file: Path) -> dict[str, Any]:
    """An older version's file, or a damaged one, is no reason to fail."""
    try:
        runs = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    fields = {"seconds_per_window_and_step", "seconds_per_pixel", "peak_bytes"}
    return {key: run for key, run in runs.items() if fields <= run.keys()} if isinstance(runs, dict) else {}
