"""What Blender tells by itself."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import storage
from .session import session


@persistent
def _on_load(*_: object) -> None:
    """Another file is open: what was begun for the one before is not for this one."""
    session.files_opened += 1


@persistent
def _on_undo(*_: object) -> None:
    """Undo brings paths back, but not files."""
    storage.find_moved()


def register() -> None:
    """Called when the extension is enabled."""
    bpy.app.handlers.undo_post.append(_on_undo)
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    """Called when it is disabled."""
    bpy.app.handlers.load_post.remove(_on_load)
    bpy.app.handlers.undo_post.remove(_on_undo)
