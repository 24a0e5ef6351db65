"""Panels: they draw what the settings and the session hold, and do no work."""

from __future__ import annotations

import bpy

from . import history, main, properties, subpanels

CLASSES = (*history.CLASSES, *main.CLASSES, *subpanels.CLASSES, *properties.CLASSES)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
