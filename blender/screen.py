"""What Blender shows."""

from __future__ import annotations

import bpy

_SHOWING_PANELS = ("VIEW_3D", "IMAGE_EDITOR", "PROPERTIES", "PREFERENCES")


def redraw() -> None:
    """Have the panels drawn again that show what has changed."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in _SHOWING_PANELS:
                area.tag_redraw()
