"""Operators: each polls, takes a snapshot of the settings, and hands over."""

from __future__ import annotations

import bpy

from . import generate, image, material, model, world

CLASSES = (*generate.CLASSES, *world.CLASSES, *material.CLASSES, *image.CLASSES, *model.CLASSES)


def register() -> None:
    """Called when the extension is enabled."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Called when it is disabled."""
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
