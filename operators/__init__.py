"""Operators: each polls, takes a snapshot of the settings, and hands over."""

from __future__ import annotations

import bpy

from . import (
    asset,
    backdrop,
    device,
    engine,
    errors,
    generate,
    history,
    image,
    jobs,
    library,
    lists,
    material,
    preset,
    prompt,
    seam,
    variations,
    world,
)

CLASSES = (
    *engine.CLASSES,
    *library.CLASSES,
    *generate.CLASSES,
    *jobs.CLASSES,
    *variations.CLASSES,
    *world.CLASSES,
    *material.CLASSES,
    *backdrop.CLASSES,
    *image.CLASSES,
    *seam.CLASSES,
    *history.CLASSES,
    *errors.CLASSES,
    *prompt.CLASSES,
    *lists.CLASSES,
    *preset.CLASSES,
    *asset.CLASSES,
    *device.CLASSES,
)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
