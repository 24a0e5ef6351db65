"""Panels: they draw what the settings and the session hold, and do no work."""

from __future__ import annotations

import bpy

from . import engine, history, library, main, properties, subpanels

CLASSES = (*history.CLASSES, *main.CLASSES, *subpanels.CLASSES, *properties.CLASSES)

_register, _unregister = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    """Called when the extension is enabled."""
    _register()
    engine.register()
    library.register()


def unregister() -> None:
    """Called when it is disabled."""
    library.unregister()
    engine.unregister()
    _unregister()
