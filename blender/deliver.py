"""What becomes of a finished picture: a data-block, and what it was made for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import bpy

from . import applying, images, undo
from .session import Task, session

if TYPE_CHECKING:
    from ..core.result import Result

STEPS = {"WORLD": "Apply World", "MATERIAL": "Apply Material", "IMAGE": "Apply Backdrop"}


def deliver(task: Task, result: Result) -> tuple[str, str]:
    """Load a task's picture and apply it. Returns the image's name and what the user should know, such as why not.

    Two undo steps: one for the image, one for its application. Nothing is changed in a file it was not made for.
    """
    if task.file != session.files_opened:
        return "", f"Another file is open now; the picture is in {task.path}"
    from ..core.pictures import displayed

    image = images.load(task.path, task.name, json.dumps(result.request))
    images.set_thumbnail(image, displayed(images.small(result.pixels)))
    scene = bpy.data.scenes.get(task.scene)
    if scene is not None and scene.library is None:
        scene.syncdiffusion.history_picture = image.name
    undo.push(f"Generate {image.name}")
    if scene is None:
        return image.name, "Its scene is gone, so the picture was not applied"
    if session.has_variation_of(task):  # which of them is applied, the user chooses
        return image.name, ""
    if task.target == "IMAGE" and task.choices.image_use == "DATA":
        return image.name, ""
    message = applying.apply(image, scene, task.target, task.choices, task.objects)
    undo.push(STEPS[task.target])
    return image.name, message
