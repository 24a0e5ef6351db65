"""What a picture is applied to, and how: a snapshot of the settings, and the way from it to the scene."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import bpy

from . import backdrops, materials, worlds
from .material_nodes import Look


@dataclass(frozen=True)
class Choices:
    """How a picture is applied, as in the settings of the same names."""

    world_mode: str
    look: Look
    material_place: str
    image_use: str
    backdrop_shape: str

    @classmethod
    def of(cls, settings: Any) -> Choices:
        """What the settings say now."""
        look = Look(
            mapping=settings.mapping,
            scale=settings.texture_scale,
            blend=settings.box_blend,
            bump=settings.bump_strength,
            roughness_source=settings.roughness_source,
            roughness=settings.roughness,
        )
        return cls(settings.world_mode, look, settings.material_place, settings.image_use, settings.backdrop_shape)


def why_not(scene: bpy.types.Scene, target: str, choices: Choices, things: Iterable[bpy.types.Object]) -> str:
    """Why a picture for this target could not be applied; empty if it could."""
    if target == "WORLD":
        return worlds.why_not(scene)
    if target == "MATERIAL":
        return materials.why_not(scene, things, choices.look.mapping, choices.material_place)
    if choices.image_use == "BACKDROP":
        return backdrops.why_not(scene, choices.backdrop_shape)
    return ""


def apply(image: bpy.types.Image, scene: bpy.types.Scene, target: str, choices: Choices, objects: Iterable[str]) -> str:
    """Apply a picture, of a world's shape if the target is WORLD.

    Returns what the user should know: why it was not applied, or to how many objects it was.
    """
    objects = tuple(objects)
    things = [thing for thing in map(bpy.data.objects.get, objects) if thing is not None]
    reason = why_not(scene, target, choices, things)
    if reason:
        return f"{reason}, so the picture was not applied"
    if target == "WORLD":
        worlds.apply(scene, image, choices.world_mode)
    elif target == "MATERIAL":
        done, skipped = materials.apply(image, objects, choices.look, choices.material_place, scene)
        if skipped:
            return f"Applied to {done} objects; {skipped} are linked, gone or cannot take it"
    elif choices.image_use == "BACKDROP":
        backdrops.apply(scene, image, choices.backdrop_shape)
    return ""
