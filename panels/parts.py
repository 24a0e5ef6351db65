"""Parts that several panels draw."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

from ..blender import preview
from ..blender.session import Task, session
from ..core.events import Phase

_LETTER = 7.0  # pixels of a letter at scale 1, about
_PHASES = {
    Phase.QUEUED: "Waiting",
    Phase.LOADING: "Loading Model",
    Phase.SAMPLING: "Sampling",
    Phase.DECODING: "Decoding",
    Phase.SAVING: "Saving",
}


def letters_across(context: bpy.types.Context) -> int:
    """About how many letters a line of the region holds."""
    return max(int(context.region.width / (_LETTER * context.preferences.system.ui_scale)) - 5, 16)


def wrapped(layout: Any, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """A text over as many lines as it takes."""
    letters = letters_across(context)
    column = layout.column(align=True)
    column.scale_y = 0.75
    for number, line in enumerate(textwrap.wrap(text, letters)):
        column.label(text=line, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE"))


def fact(layout: Any, name: str, value: str) -> None:
    """A value that cannot be set here, in line with the fields."""
    row = layout.split(factor=0.4)
    left = row.row()
    left.alignment = "RIGHT"
    left.label(text=name)
    row.label(text=value)


def note(layout: Any, text: str) -> None:
    """A short remark below a field, in line with the fields."""
    row = layout.row()
    row.active = False
    row.alignment = "RIGHT"
    row.label(text=text)


def draw_generate(layout: Any, context: bpy.types.Context) -> None:
    """The button; where it is grey, why."""
    row = layout.row()
    row.scale_y = 1.4
    row.operator("syncdiffusion.generate", text="Add to Queue" if session.tasks else "Generate")


def draw_running(layout: Any, context: bpy.types.Context, task: Task) -> None:
    """Progress, the picture that is coming, and the way out."""
    box = layout.box()
    box.progress(text=_progress_text(task), factor=_progress_factor(task))
    if task.coherence_gain:
        box.label(text=f"Coherence: {100 * task.coherence_gain:.0f} % nearer than at the start")
    if icon := preview.icon_id():
        box.template_icon(icon_value=icon, scale=8.0)
    kind = {"WORLD": f'World in "{task.scene}"', "MATERIAL": f"Material on {len(task.objects)} objects"}
    box.label(text=f"Target: {kind.get(task.target, 'Image')}")
    row = box.row(align=True)
    row.operator("syncdiffusion.cancel")
    if len(session.tasks) > 1:
        row.operator("syncdiffusion.cancel", text=f"Cancel All {len(session.tasks)}").everything = True


def _progress_text(task: Task) -> str:
    if task.job.cancelled:
        return "Cancelling"
    progress = task.progress
    if progress is None:
        return _PHASES[Phase.QUEUED]
    text = _PHASES.get(progress.phase, "")
    if progress.total:
        text += f" {progress.step}/{progress.total}"
    if progress.seconds_left:
        text += f"   {duration(progress.seconds_left)} left"
    return text


def _progress_factor(task: Task) -> float:
    """Sampling is nearly all of it."""
    progress = task.progress
    if progress is None or progress.phase in (Phase.QUEUED, Phase.LOADING):
        return 0.0
    return progress.step / progress.total if progress.total else 1.0


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def draw_failure(layout: Any, context: bpy.types.Context) -> None:
    """What went wrong, and what can be done about it."""
    box = layout.box()
    wrapped(box, context, session.failure.sentence, "ERROR")
    row = box.row(align=True)
    row.operator("syncdiffusion.copy_details")
    row.operator("syncdiffusion.dismiss")
