"""What the machine can compute on. The worker asks: torch is never imported on the main thread."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable

import bpy

from .preferences import preferences
from .session import session

INTERVAL = 0.25  # seconds between two looks
PATIENCE = 240  # looks: a running picture has its turn first


def find() -> Callable[[], float | None]:
    """Ask; what is found gets into the preferences. Returns the look that takes it in: a timer's function."""
    found: queue.SimpleQueue[list[tuple[str, str, int]]] = queue.SimpleQueue()
    looks = iter(range(PATIENCE))

    def work() -> None:
        from ..core.runtime.devices import list_devices

        found.put(list_devices())

    def look() -> float | None:
        try:
            preferences().devices_found = json.dumps(found.get_nowait())
        except queue.Empty:
            return INTERVAL if next(looks, None) is not None else None
        return None

    session.queue.call(work)
    if not bpy.app.background:
        bpy.app.timers.register(look, first_interval=INTERVAL)
    return look
