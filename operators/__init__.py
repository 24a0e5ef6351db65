"""Operators: each polls, takes a snapshot of the settings, and hands over."""

from __future__ import annotations

import bpy

from . import asset, backdrop, generate, history, image, material, model, preset, prompt, world

CLASSES = (
    *generate.CLASSES,
    *world.CLASSES,
    *material.CLASSES,
    *backdrop.CLASSES,
    *image.CLASSES,
    *history.CLASSES,
    *model.CLASSES,
    *prompt.CLASSES,
    *preset.CLASSES,
    *asset.CLASSES,
)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
