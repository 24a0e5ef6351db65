"""What is going on: progress, the picture that is coming, the queue; and what went wrong."""

from __future__ import annotations

from typing import Any

import bpy

from ..blender import preview, status
from ..blender.library import needed_by
from ..blender.preferences import preferences
from ..blender.session import Failure, Task, session
from ..core.errors import Remedy
from .parts import picture, wrapped

_REMEDIES = {
    Remedy.LOW_MEMORY: "Use Low VRAM",
    Remedy.CPU: "Use CPU",
    Remedy.OTHER_MODEL: "Choose Model...",
    Remedy.ONLINE: "Allow Online Access",
    Remedy.DOWNLOAD: "Download What Is Missing",
    Remedy.OTHER_FOLDER: "Choose Folder...",
}


def draw_running(layout: Any, context: bpy.types.Context, task: Task) -> None:
    """Progress, the picture that is coming, what it is for, and the ways out."""
    box = layout.box()
    box.progress(text=status.text(task), factor=status.factor(task))
    picture(box, context, preview.icon_ids(preview.COMING))
    column = box.column(align=True)
    column.scale_y = 0.8
    if task.coherence_gain is not None:
        column.label(text=f"Coherence: {100 * task.coherence_gain:.0f} % nearer than at the start")
    column.label(text=f"Target: {_target(task)}")
    if task.target == "WORLD":
        suspended = session.suspended and preferences().live_preview
        text = f"Live (Paused: {session.suspended})" if suspended else "Live in Viewport"  # both would be cut off
        box.prop(preferences(), "live_preview", text=text)
    row = box.row(align=True)
    row.operator("syncdiffusion.cancel")
    row.operator("syncdiffusion.stop")
    user_paused = session.is_paused_for("user")
    row.operator("syncdiffusion.pause", text="", icon="PLAY" if user_paused else "PAUSE", depress=user_paused)
    box.operator("syncdiffusion.generate", text="Add to Queue", icon="ADD")
    _draw_queue(box)


def _target(task: Task) -> str:
    if task.target == "WORLD":
        return f'World in "{task.scene}"'
    if task.target == "MATERIAL":
        count = len(task.objects)
        return f"Material on {count} object{'' if count == 1 else 's'}"
    return "Image"


def _draw_queue(layout: Any) -> None:
    waiting = session.waiting
    if not waiting:
        return
    header, body = layout.panel("syncdiffusion_queue", default_closed=True)
    header.label(text=f"Queue ({len(waiting)})")
    if body is None:
        return
    column = body.column(align=True)
    for task in waiting:
        row = column.row(align=True)
        row.label(text=task.name)
        row.operator("syncdiffusion.remove_from_queue", text="", icon="X", emboss=False).number = task.job.number
    body.operator("syncdiffusion.clear_queue")


def draw_failure(layout: Any, context: bpy.types.Context, failure: Failure) -> None:
    """What went wrong, and the buttons that would help."""
    box = layout.box()
    wrapped(box, context, failure.sentence, "ERROR")
    left_out = {Remedy.ONLINE if bpy.app.online_access else Remedy.DOWNLOAD}
    if Remedy.DOWNLOAD in failure.remedies and not needed_by(context.scene.syncdiffusion):
        left_out = {Remedy.ONLINE, Remedy.DOWNLOAD}
    remedies = [remedy for remedy in failure.remedies if remedy not in left_out]
    if remedies:
        column = box.column(align=True)
        for remedy in remedies:
            column.operator("syncdiffusion.remedy", text=_REMEDIES[remedy]).kind = remedy.value
    row = box.row(align=True)
    row.operator("syncdiffusion.copy_details")
    row.operator("syncdiffusion.dismiss")
