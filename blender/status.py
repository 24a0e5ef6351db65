"""What is going on, in a line: for the panel and for the status bar."""

from __future__ import annotations

import bpy

from ..core.events import Phase
from .session import Task, session

_PHASES = {
    Phase.QUEUED: "Waiting",
    Phase.LOADING: "Loading Model",
    Phase.SAMPLING: "Sampling",
    Phase.DECODING: "Decoding",
    Phase.SAVING: "Saving",
}

_shown = ""


def text(task: Task) -> str:
    """``Sampling 12/20   9 s left``."""
    progress = task.progress
    if task.job.cancelled:
        return "Cancelling"
    if session.paused:
        return "Paused: Rendering" if session.is_paused_for("render") else "Paused"
    if progress is None:
        return _PHASES[Phase.QUEUED]
    if task.job.stopped and progress.phase is Phase.SAMPLING:
        return "Stopping after This Step"
    line = _PHASES.get(progress.phase, "")
    if progress.total:
        line += f" {progress.step}/{progress.total}"
    if progress.seconds_left:
        line += f"   {duration(progress.seconds_left)} left"
    return line


def factor(task: Task) -> float:
    """How much is done, from 0 to 1. Sampling is nearly all of it."""
    progress = task.progress
    if progress is None or progress.phase in (Phase.QUEUED, Phase.LOADING):
        return 0.0
    return progress.step / progress.total if progress.total else 1.0


def duration(seconds: float) -> str:
    """Seconds, or minutes where those are many."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def show(task: Task | None) -> None:
    """Put the line into the status bars, unless an operator needs them for its keys."""
    global _shown
    line = f"SyncDiffusion: {text(task)}" if task is not None else ""
    windows = bpy.context.window_manager.windows
    if any(window.modal_operators for window in windows) or line == _shown:
        return
    _shown = line
    for window in windows:
        window.workspace.status_text_set(line or None)


def clear() -> None:
    """Give the status bars back."""
    global _shown
    if _shown:
        _shown = ""
        for window in bpy.context.window_manager.windows:
            window.workspace.status_text_set(None)
