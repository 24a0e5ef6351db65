"""From the worker's events to the session and the screen: a timer on the main thread while there are tasks.

Timers never fire in a background Blender; there ``run_to_end`` waits and pumps itself.
"""

from __future__ import annotations

import queue
import time
import traceback
from collections.abc import Iterator

import bpy

from ..core.events import Cancelled, Done, Failed, Notice, Progress
from . import preview
from .deliver import deliver
from .session import Failure, Finished, Task, session

INTERVAL = 0.1  # seconds between two looks


def start() -> None:
    """See to it that the events of the tasks are looked at."""
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=INTERVAL, persistent=True)


def stop() -> None:
    """No more looks."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


def run_to_end() -> None:
    """Wait for all tasks; for a Blender without a window."""
    while session.tasks:
        drain()
        time.sleep(0.02)


def _tick() -> float | None:
    try:
        drain()
    except Exception:  # one that escapes would end the timer, and the panel would stand still for ever
        session.failure = Failure("an unexpected error in the add-on; Copy Details has it", traceback.format_exc())
    return INTERVAL if session.tasks else None


def drain() -> None:
    """Take in what the tasks have posted, and finish those that are done."""
    for task in list(session.tasks):
        events = list(_waiting(task))
        progress = [event for event in events if isinstance(event, Progress)]
        if progress:
            _take(task, progress)
        for event in events:
            if isinstance(event, Notice):
                session.notices.append(event.text)
            elif isinstance(event, Done | Cancelled | Failed):
                session.tasks.remove(task)
                _finish(task, event)
        if events:
            redraw()


def _waiting(task: Task) -> Iterator[object]:
    while True:
        try:
            yield task.job.events.get_nowait()
        except queue.Empty:
            return


def _take(task: Task, events: list[Progress]) -> None:
    """The newest state; a preview that a later event does not have stays."""
    task.progress = events[-1]
    for event in events:
        if event.loss is not None and task.first_loss is None:
            task.first_loss = event.loss
    shown = next((event.preview for event in reversed(events) if event.preview is not None), None)
    if shown is not None and not bpy.app.background:
        preview.show(shown)


def _finish(task: Task, event: Done | Cancelled | Failed) -> None:
    preview.clear()
    if isinstance(event, Failed):
        session.failure = Failure(str(event.error), event.details)
    elif isinstance(event, Done):
        image, message = deliver(task, event.result)
        seconds = time.monotonic() - task.started
        session.finished = Finished(image, task.path, task.target, task.scene, seconds, message)


def redraw() -> None:
    """Have the panels drawn again that show what has changed."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "IMAGE_EDITOR", "PROPERTIES", "PREFERENCES"):
                area.tag_redraw()
