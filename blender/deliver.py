"""What becomes of a finished picture: a data-block, and what it was made for."""

from __future__ import annotations

import json
from typing import Any

import bpy

from . import images, materials, worlds
from .session import Task, session


def deliver(task: Task, request: dict[str, Any]) -> tuple[str, str]:
    """Load a task's picture and apply it. Returns the image's name and, where it was not applied, why.

    Two undo steps: one for the image, one for its application. Nothing is changed in a file it was not made for.
    """
    if task.file != session.files_opened:
        return "", f"Another file is open now; the picture is in {task.path}"
    image = images.load(task.path, task.name, json.dumps(request))
    _undo_step(f"Generate {image.name}")
    scene = bpy.data.scenes.get(task.scene)
    if task.target == "WORLD":
        reason = "Its scene is gone" if scene is None else worlds.why_not(scene)
        if reason:
            return image.name, f"{reason}, so the picture was not applied"
        worlds.apply(scene, image)
        _undo_step("Apply World")
    elif task.target == "MATERIAL":
        done, skipped = materials.apply(image, task.objects, task.mapping, task.texture_scale)
        _undo_step("Apply Material")
        if skipped:
            return image.name, f"Applied to {done} objects; {skipped} are linked or gone"
    return image.name, ""


def _undo_step(message: str) -> None:
    """Without a step of its own what a timer adds would vanish with the user's next undo."""
    if bpy.app.background:
        return
    windows = bpy.context.window_manager.windows
    if windows:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.ed.undo_push(message=message)
