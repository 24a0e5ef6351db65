"""What is prepared while nothing runs and somebody looks at the panel: the model in memory, the estimate."""

from __future__ import annotations

import queue
import time
from functools import partial
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import SyncDiffusionError
from . import estimates, folders, screen
from .preferences import preferences
from .requests import request_settings
from .session import session
from .setup import setup

LOOKED_AT = 5.0  # seconds for which a panel that was drawn counts as looked at
ANY_PROMPT = "a picture"
# What makes no difference for time and memory.
_NO_MATTER = ("prompt", "negative_prompt", "seed")

_answers: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()  # what it takes, the canvas
_estimated: Any = None
_warmed: Any = None


def update() -> None:
    """Hand the worker what is to be prepared, and take in what it has found out."""
    global _estimated, _warmed
    while not _answers.empty():
        session.estimate, session.canvas = _answers.get()
        screen.redraw()
    looked_at = time.monotonic() - session.panel_drawn < LOOKED_AT
    if not looked_at or setup.why_no_engine() or bpy.app.is_job_running("RENDER"):
        return
    settings, preference = bpy.context.scene.syncdiffusion, preferences()
    given = request_settings(settings, 0, preference.device, preference.dtype)
    given["prompt"] = ANY_PROMPT
    count = settings.variations
    done = session.batches, len(session.variations)
    key = (count, done, *(value for name, value in given.items() if name not in _NO_MATTER))
    model = (given["model"], given["device"], given["dtype"], given.get("sync_weight") != 0)
    if preference.warm_up and not preference.release_after_use and model != _warmed:
        _warmed = model
        session.queue.warm_up(given)
    if key != _estimated:
        _estimated = key
        session.queue.call(partial(_estimate, folders.runs(), given, count))


def reset() -> None:
    """Forget what has been prepared."""
    global _estimated, _warmed
    _estimated = _warmed = None


def _estimate(runs: Path, given: dict[str, Any], count: int) -> None:
    """On the worker. What is wrong with the settings is said when a picture is asked for."""
    from ..core.request.validation import prepare

    try:
        plan = prepare(given)
        _answers.put((estimates.estimate(runs, plan, count), f"{plan.request.width} × {plan.request.height}"))
    except SyncDiffusionError:
        _answers.put(("", ""))
