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


def area(context: bpy.types.Context, kind: str) -> bpy.types.Area:
    """An area of this kind of editor: one that is open on the screen, else one in a new window."""
    found = next((area for area in context.screen.areas if area.type == kind), None)
    if found is None:
        bpy.ops.wm.window_new()
        found = context.window_manager.windows[-1].screen.areas[0]
        found.type = kind
    return found
