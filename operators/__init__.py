"""Operators: each polls, takes a snapshot of the settings, and hands over."""

from __future__ import annotations

import bpy

from . import backdrop, generate, history, image, material, model, world

CLASSES = (
    *generate.CLASSES,
    *world.CLASSES,
    *material.CLASSES,
    *backdrop.CLASSES,
    *image.CLASSES,
    *history.CLASSES,
    *model.CLASSES,
)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
