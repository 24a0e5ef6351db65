"""Panels: they draw what the settings and the session hold, and do no work."""

from __future__ import annotations

import bpy

from . import main, properties, subpanels

CLASSES = (*main.CLASSES, *subpanels.CLASSES, *properties.CLASSES)


def register() -> None:
    """Called when the extension is enabled."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Called when it is disabled."""
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
