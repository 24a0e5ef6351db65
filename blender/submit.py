"""From requests to tasks: checked, given a file each, and queued together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core.files.outputs import LIGHT, PICTURE, Outputs
from . import applying, folders, storage
from .encode import Encoder
from .naming import free_path, picture_name
from .preferences import preferences
from .session import Task, session


@dataclass(frozen=True)
class Purpose:
    """What pictures are for: a snapshot of what was chosen."""

    target: str
    scene: str
    choices: applying.Choices
    objects: tuple[str, ...]

    @classmethod
    def of(cls, context: bpy.types.Context, target: str = "") -> Purpose:
        """What is chosen now; ``target`` if not the one of the settings."""
        scene = context.scene
        target = target or scene.syncdiffusion.target
        objects = context.selected_objects if target == "MATERIAL" else ()
        names = tuple(thing.name for thing in objects)
        return cls(target, scene.name, applying.Choices.of(scene.syncdiffusion), names)


def submit(requests: Iterable[Mapping[str, Any]], purpose: Purpose) -> list[Task]:
    """Queue a picture for each request, as ``core.request.validation.prepare`` takes them: all or none.

    Raises SyncDiffusionError or OSError with a sentence for the user.
    """
    from ..core.request.validation import prepare

    folder, taken = storage.folder_for_new(), set()
    checked = []
    for given in requests:
        plan = prepare(given)
        name = picture_name(plan.request.prompt, plan.request.seed)
        suffix = LIGHT if plan.request.range == "expanded" else PICTURE
        path = free_path(folder, name, _is_taken(taken), suffix)
        taken.add(path)
        outputs = Outputs(output=path, replaces=False)
        outputs.check_space(plan.request.pixels)
        checked.append((plan, outputs))
    session.queue.keep_model = not preferences().release_after_use
    session.batches += 1
    session.failure = None
    session.notices.clear()
    tasks = [
        Task(
            job=session.queue.submit(plan, outputs, Encoder(plan, folders.latents(), folders.runs())),
            name=outputs.output.stem,
            path=outputs.output,
            target=purpose.target,
            scene=purpose.scene,
            file=session.files_opened,
            choices=purpose.choices,
            objects=purpose.objects,
            batch=session.batches,
        )
        for plan, outputs in checked
    ]
    session.tasks += tasks
    return tasks


def _is_taken(taken: set[Path]) -> Any:
    return lambda path: path in taken or session.is_taken(path)
