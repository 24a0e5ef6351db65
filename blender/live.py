"""The picture that is coming, outside the panels: in Image Editors, and in the world where a viewport shows it."""

from __future__ import annotations

import time

import bpy

from . import live_editor, live_world
from .encode import Pixels
from .preferences import preferences
from .session import Task, session

SECONDS_BETWEEN = 1.0  # two pictures in the world

_in_editors: Pixels | None = None
_in_world: Pixels | None = None
_last = 0.0


def update(task: Task | None) -> None:
    """Show what is new of a task's picture."""
    global _in_editors
    picture = task.picture if task is not None else None
    if picture is None:
        return
    if picture is not _in_editors:
        _in_editors = picture
        live_editor.show(picture)
    _update_world(task, picture)


def _update_world(task: Task, picture: Pixels) -> None:
    global _in_world, _last
    session.suspended = ""
    scene = bpy.data.scenes.get(task.scene)
    if task.target != "WORLD" or task.file != session.files_opened or scene is None:
        return
    if not (preferences().live_preview and live_world.is_seen(scene)):
        live_world.remove()
        _in_world = None
        return
    session.suspended = live_world.why_not()
    if session.suspended or picture is _in_world or time.monotonic() - _last < SECONDS_BETWEEN:
        return
    _in_world, _last = picture, time.monotonic()
    live_world.show(scene, picture)


def stand_aside() -> None:
    """A render begins: it is to see the scene's own world. May be called from the render's thread."""
    global _in_world
    _in_world = None
    live_world.hide()


def remove() -> None:
    """Everything as it was. The next look shows the preview anew if there is still a task."""
    global _in_editors, _in_world
    _in_editors = _in_world = None
    live_world.remove()
    live_editor.clear()


def forget_world() -> None:
    """Give scenes their own worlds back: before a file is saved, after an undo, and when one is opened.

    The next look shows the preview anew.
    """
    global _in_world, _last
    _in_world, _last = None, 0.0
    live_world.remove()
