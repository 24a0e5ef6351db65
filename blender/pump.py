"""From the worker's events to the session and the screen: a timer on the main thread.

Timers never fire in a background Blender; there ``run_to_end`` waits and pumps itself. No tick does more than one thing
that takes time: pictures come encoded from the worker (``encode``), and one that is finished is applied in a tick of
its own.
"""

from __future__ import annotations

import queue
import time
import traceback
from typing import TYPE_CHECKING

import bpy

from ..core.events import Cancelled, Failed, Notice
from . import idle, live, preview, screen, status
from .deliver import deliver
from .encode import Finish, Update
from .session import Failure, Finished, Task, session

if TYPE_CHECKING:
    from ..core.result import Result

INTERVAL = 0.1  # seconds between two looks while there are tasks
IDLE_INTERVAL = 0.5

_drawn: tuple[str, str, bool] | None = None  # what panels showed last


def start() -> None:
    """See to it that the events of the tasks are looked at soon."""
    stop()
    bpy.app.timers.register(tick, first_interval=INTERVAL, persistent=True)


def stop() -> None:
    """No more looks."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)


def run_to_end() -> None:
    """Wait for all tasks; for a Blender without a window."""
    while session.tasks:
        drain()
        time.sleep(0.02)


def tick() -> float:
    """One look. Returns the seconds until the next one."""
    try:
        if session.tasks:
            _resume_after_render()
            finished = drain()
            if not finished:
                live.update(session.running)
            status.show(session.running)
        else:
            idle.update()
        _redraw_if_changed()
    except Exception:  # one that escapes would end the timer, and the panel would stand still for ever
        session.failure = Failure("An unexpected error in the add-on; Copy Details has it", traceback.format_exc())
        screen.redraw()
    return INTERVAL if session.tasks else IDLE_INTERVAL


def _redraw_if_changed() -> None:
    """Pauses are no events, nor is a model that is loaded or released; panels show them too."""
    global _drawn
    state = status.text(session.running) if session.running else "", session.suspended, session.holds_model
    if state != _drawn:
        _drawn = state
        screen.redraw()


def _resume_after_render() -> None:
    """A file that is loaded while Blender renders ends that without a word."""
    if session.is_paused_for("render") and not bpy.app.is_job_running("RENDER"):
        session.resume("render")


def drain() -> bool:
    """Take in what the tasks have posted, up to the first that is done. Returns whether one was."""
    for task in list(session.tasks):
        while (event := _next(task)) is not None:
            if isinstance(event, Update):
                _take(task, event)
            elif isinstance(event, Notice):
                session.notices.append(event.text)
            else:
                session.tasks.remove(task)
                _finish(task, event)
                screen.redraw()
                return True
            screen.redraw()
    return False


def _next(task: Task) -> object:
    try:
        return task.job.events.get_nowait()
    except queue.Empty:
        return None


def _take(task: Task, update: Update) -> None:
    """The newest state; a preview that a later event does not have stays."""
    task.progress = update.progress
    if task.first_loss is None:
        task.first_loss = update.progress.loss
    if update.progress.loss is not None:
        task.loss = update.progress.loss
    if update.picture is not None:
        task.picture = update.picture
        preview.show(preview.COMING, update.tiles)


def _finish(task: Task, event: Finish | Cancelled | Failed) -> None:
    """Whatever the end was, the previews are gone before anything else is done."""
    task.picture = None
    preview.forget(preview.COMING)
    live.remove()
    if not session.tasks:
        status.clear()
    if isinstance(event, Failed):
        session.failure = Failure.of(event.error, event.details)
    elif isinstance(event, Finish):
        task.path = event.result.output  # another Blender may have taken the name meanwhile
        task.name = task.path.stem
        image, message = _deliver(task, event.result)
        seconds = event.result.report["seconds"]["total"]
        for gone in session.finish(Finished(image, task.path, task.target, task.scene, seconds, message, task)):
            preview.forget(gone.icon)
        preview.show(session.variations[-1].icon, event.tiles)


def _deliver(task: Task, result: Result) -> tuple[str, str]:
    """The image's name and what the user should know."""
    try:
        image, message = deliver(task, result)
    except Exception:  # whatever a scene may hold: the picture is on the disk, and must not be forgotten there
        image, message = "", f"The picture could not be loaded or applied; it is in {task.path}"
        session.failure = Failure(message, traceback.format_exc())
    if result.stopped_after is not None:
        request = task.job.plan.request
        done, total = result.stopped_after - request.start_step, request.steps - request.start_step
        message = " ".join(filter(None, (f"Stopped after step {done} of {total}.", message)))
    return image, message
