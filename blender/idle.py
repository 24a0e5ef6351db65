"""What is prepared while nothing runs and somebody looks at the panel: the model in memory, what the panel foresees."""

from __future__ import annotations

import queue
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..core.errors import SyncDiffusionError
from . import estimates, folders, screen
from .preferences import preferences
from .requests import ANY_PROMPT, request_settings
from .session import Foreseen, session
from .setup import setup

if TYPE_CHECKING:
    from ..core.request.request import Request

LOOKED_AT = 5.0  # seconds for which a panel that was drawn counts as looked at
# What makes no difference for time and memory.
_NO_MATTER = ("prompt", "negative_prompt", "seed")

_answers: queue.SimpleQueue[tuple[str, Foreseen | None]] = queue.SimpleQueue()
_estimated: Any = None
_warmed: Any = None


def update() -> None:
    """Hand the worker what is to be prepared, and take in what it has found out."""
    global _estimated, _warmed
    while not _answers.empty():
        session.estimate, session.foreseen = _answers.get()
        screen.redraw()
    looked_at = time.monotonic() - session.panel_drawn < LOOKED_AT
    if not looked_at or bpy.app.is_job_running("RENDER"):
        return
    preference, given = preferences(), _given()
    ready = not setup.why_no_engine()
    count = bpy.context.scene.syncdiffusion.variations
    # Once the engine is loaded, it is known what it computes on.
    key = (count, session.batches, len(session.variations), ready, setup.engine_loaded, _what(given))
    if key != _estimated:
        _estimated = key
        session.queue.call(partial(_look_ahead, folders.runs() if ready else None, given, count))
    model = (given["model"], given["device"], given["dtype"], given["sync_weight"] not in (0, "0x"))
    if ready and preference.warm_up and not preference.release_after_use and model != _warmed:
        _warmed = model
        session.queue.warm_up(given)


def upcoming() -> Request | None:
    """What the settings make of the next picture; None while that is not known, or where they cannot be used."""
    foreseen = session.foreseen
    return foreseen.request if foreseen is not None and foreseen.of == _what(_given()) else None


def _given() -> dict[str, Any]:
    """What would be asked for now, whatever the prompt."""
    preference = preferences()
    given = request_settings(bpy.context.scene.syncdiffusion, 0, preference.device, preference.dtype)
    return {**given, "prompt": ANY_PROMPT}


def _what(given: dict[str, Any]) -> tuple[Any, ...]:
    """Those of the settings that make a difference for sampling, time and memory."""
    return tuple((name, str(value)) for name, value in given.items() if name not in _NO_MATTER)


def reset() -> None:
    """Forget what has been prepared."""
    global _estimated, _warmed
    _estimated = _warmed = None


def _look_ahead(runs: Path | None, given: dict[str, Any], count: int) -> None:
    """On the worker. ``runs`` None: nothing can be made, and so nothing is estimated.

    What is wrong with the settings is said when a picture is asked for.
    """
    from ..core.request.validation import prepare

    try:
        plan = prepare(given)
        estimate = estimates.estimate(runs, plan, count) if runs else ""
        _answers.put((estimate, Foreseen(_what(given), plan.request)))
    except SyncDiffusionError:
        _answers.put(("", None))
