"""What Blender tells by itself."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import live, storage
from .preferences import preferences
from .session import session


@persistent
def _on_load(*_: object) -> None:
    """Another file is open: what was begun for the one before is not for this one.

    It may hold a preview, if Auto Save wrote it.
    """
    session.files_opened += 1
    live.forget_world()


@persistent
def _before_save(*_: object) -> None:
    """No preview gets into a file."""
    live.forget_world()


@persistent
def _on_undo(*_: object) -> None:
    """The state that is back may hold a preview, and paths without their files."""
    live.forget_world()
    storage.find_moved()


@persistent
def _on_render_begin(*_: object) -> None:
    """A render and the engine would only slow each other down, and may not fit into memory both."""
    if session.tasks:
        session.pause("render", preferences().free_vram_on_render)
    live.stand_aside()


@persistent
def _on_render_end(*_: object) -> None:
    session.resume("render")


HANDLERS = {
    "load_post": _on_load,
    "save_pre": _before_save,
    "undo_post": _on_undo,
    "redo_post": _on_undo,
    "render_init": _on_render_begin,
    "render_complete": _on_render_end,
    "render_cancel": _on_render_end,
}


def register() -> None:
    """Called when the extension is enabled."""
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Called when it is disabled."""
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(handler)
