"""Undo steps for what happens outside an operator."""

from __future__ import annotations

import bpy


def push(message: str) -> None:
    """A step of its own: without one, what a timer adds would vanish with the user's next undo."""
    if bpy.app.background:
        return
    windows = bpy.context.window_manager.windows
    if windows:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.ed.undo_push(message=message)
