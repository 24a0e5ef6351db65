"""Panels: they draw what the settings and the session hold, and do no work."""

from __future__ import annotations

import bpy

from . import main, properties, subpanels

CLASSES = (*main.CLASSES, *subpanels.CLASSES, *properties.CLASSES)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
