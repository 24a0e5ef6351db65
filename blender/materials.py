"""Pictures as materials."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

from .images import pack_applied

BLEND = 0.2  # of neighbouring sides of a box mapping
_COORDINATES = {"BOX": "Object", "UV": "UV", "GENERATED": "Generated"}


def can_take(thing: bpy.types.Object) -> bool:
    """Whether an object can get a material: it has surfaces, and neither it nor its data is linked."""
    return (
        hasattr(thing.data, "materials")
        and thing.library is None
        and thing.data.library is None
        and thing.type != "GREASEPENCIL"
    )


def make(image: bpy.types.Image, mapping: str, scale: float) -> bpy.types.Material:
    """A Principled material with the image as its base colour. ``mapping``: BOX, UV or GENERATED."""
    material = bpy.data.materials.new(image.name)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    tree = material.node_tree
    shader = next(node for node in tree.nodes if node.bl_idname == "ShaderNodeBsdfPrincipled")
    x, y = shader.location

    def add(kind: str, column: int) -> Any:
        node = tree.nodes.new(kind)
        node.location = (x - 260 * column, y)
        return node

    texture, place, coordinates = (
        add(kind, column)
        for column, kind in enumerate(("ShaderNodeTexImage", "ShaderNodeMapping", "ShaderNodeTexCoord"), 1)
    )
    texture.image = image
    if mapping == "BOX":
        texture.projection, texture.projection_blend = "BOX", BLEND
    place.inputs["Scale"].default_value = (scale, scale, scale)
    tree.links.new(coordinates.outputs[_COORDINATES[mapping]], place.inputs["Vector"])
    tree.links.new(place.outputs["Vector"], texture.inputs["Vector"])
    tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    return material


def apply(image: bpy.types.Image, objects: Iterable[str], mapping: str, scale: float) -> tuple[int, int]:
    """Give objects, by name, a material of the image, in their active slot. Returns how many have it, how many not.

    The material that was in a slot is kept.
    """
    objects = list(objects)
    things = [bpy.data.objects.get(name) for name in objects]
    able = [thing for thing in things if thing is not None and can_take(thing)]
    if able:
        material = make(image, mapping, scale)
        for thing in able:
            _put(thing, material)
        pack_applied(image)
    return len(able), len(objects) - len(able)


def _put(thing: bpy.types.Object, material: bpy.types.Material) -> None:
    if not thing.material_slots:
        thing.data.materials.append(material)
        return
    slot = thing.material_slots[thing.active_material_index]
    if slot.material is not None:
        slot.material.use_fake_user = True
    slot.material = material
