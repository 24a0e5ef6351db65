"""Pictures as materials of objects."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import bpy

from . import material_nodes
from .images import pack_applied
from .material_nodes import PROJECTION, SCALE, TEXTURE, Look

MAPPING = "syncdiffusion_mapping"  # custom property of a material of ours
UV_DENSITY = "syncdiffusion_uv_density"  # ... UV units to a unit of length on its objects when it was made
_WITHOUT_SURFACE = {"GPENCIL", "GREASEPENCIL", "VOLUME"}


def can_take(thing: bpy.types.Object) -> bool:
    """Whether an object can get a material: it has surfaces, and neither it nor its data is linked."""
    return (
        hasattr(thing.data, "materials")
        and thing.library is None
        and thing.data.library is None
        and thing.type not in _WITHOUT_SURFACE
    )


def is_ours(material: bpy.types.Material | None) -> bool:
    """Whether a material was made here and still has what its controls belong to."""
    if material is None or material.node_tree is None or MAPPING not in material:
        return False
    return TEXTURE in material.node_tree.nodes


def why_not(scene: bpy.types.Scene, things: Iterable[bpy.types.Object], mapping: str, place: str) -> str:
    """Why objects cannot get a material; empty if one of them can."""
    able = [thing for thing in things if can_take(thing)]
    if not able:
        return "No object is selected that can take a material"
    if place == "NODE" and not any(material_nodes.image_node(thing.active_material) for thing in able):
        return "No selected object has a material with an image texture; choose Active Slot under Into"
    if place == "SLOT" and mapping == "CAMERA":
        return why_not_camera(scene)
    return ""


def why_not_camera(scene: bpy.types.Scene) -> str:
    """Why nothing can be projected from the scene's camera; empty if it can."""
    if scene.camera is None:
        return "The scene has no camera"
    if scene.camera.type != "CAMERA" or scene.camera.data.type == "PANO":
        return f'"{scene.camera.name}" has no flat frame; it takes a perspective or orthographic camera'
    return ""


def make(image: bpy.types.Image, look: Look, scene: bpy.types.Scene) -> bpy.types.Material:
    """A Principled material with the image as its base colour."""
    material = bpy.data.materials.new(image.name)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    material_nodes.build(material, image, look, scene)
    material[MAPPING] = look.mapping
    return material


def apply(
    image: bpy.types.Image, objects: Iterable[str], look: Look, place: str, scene: bpy.types.Scene
) -> tuple[int, int]:
    """Give objects, by name, a material of the image. Returns how many have it, how many not.

    ``place``: SLOT puts a new material into their active slots and keeps the one before; NODE puts the image into the
    image texture of the materials they have.
    """
    objects = list(objects)
    things = [bpy.data.objects.get(name) for name in objects]
    able = [thing for thing in things if thing is not None and can_take(thing)]
    if place == "NODE":
        able = [thing for thing in able if material_nodes.image_node(thing.active_material) is not None]
        for thing in able:
            material_nodes.image_node(thing.active_material).image = image
    elif able:
        material = make(image, look, scene)
        for thing in able:
            _put(thing, material)
        if look.mapping == "UV" and (dense := _uv_density(able)):
            material[UV_DENSITY] = dense
    if able:
        pack_applied(image)
    return len(able), len(objects) - len(able)


def _put(thing: bpy.types.Object, material: bpy.types.Material) -> None:
    """Into the active slot. Where others share the object's data, the slot becomes the object's own."""
    if not thing.material_slots:
        thing.data.materials.append(None)
    slot = thing.material_slots[thing.active_material_index]
    former = slot.material
    if thing.data.users > 1:
        slot.link = "OBJECT"
    if former is not None and former.library is None:
        former.use_fake_user = True
    slot.material = material


def why_not_unique(things: Iterable[bpy.types.Object]) -> str:
    """Why objects cannot get materials of their own; empty if one can."""
    if not any(_shares(thing) for thing in things):
        return "No selected object shares a material that was made here"
    return ""


def make_unique(things: Iterable[bpy.types.Object]) -> int:
    """Give every object that shares a material of ours a copy of its own. Returns how many got one."""
    count = 0
    for thing in things:
        if _shares(thing):
            slot = thing.material_slots[thing.active_material_index]
            copy = slot.material.copy()
            if thing.data.users > 1:
                slot.link = "OBJECT"
            slot.material = copy
            count += 1
    return count


def _shares(thing: bpy.types.Object) -> bool:
    material = thing.active_material if can_take(thing) else None
    if not is_ours(material):
        return False
    through_data = thing.material_slots[thing.active_material_index].link == "DATA" and thing.data.users > 1
    return through_data or material.users - material.use_fake_user > 1


def texels_per_metre(thing: bpy.types.Object, material: bpy.types.Material, scene: bpy.types.Scene) -> float | None:
    """How many of the picture's pixels lie on a metre of an object, at the material's mapping and scale.

    None where nothing is known (a UV map that was not measured). Arithmetic only, for panels.
    """
    nodes = material.node_tree.nodes
    image, scale = nodes[TEXTURE].image, nodes.get(SCALE)
    if image is None or scale is None:
        return None
    if material[MAPPING] == "UV":
        across = 1.0 / material[UV_DENSITY] if UV_DENSITY in material else 0.0
    else:
        across = _units_across(thing, material, scene)
    metres = across * scene.unit_settings.scale_length
    return image.size[0] * scale.outputs[0].default_value / metres if metres > 0 else None


def _units_across(thing: bpy.types.Object, material: bpy.types.Material, scene: bpy.types.Scene) -> float:
    """How much of an object one repetition of the picture covers at the scale 1, in Blender's units."""
    mapping = material[MAPPING]
    if mapping == "GENERATED":
        return max(thing.dimensions)
    if mapping == "BOX":
        return sum(map(abs, thing.matrix_world.to_scale())) / 3
    fit = material.node_tree.nodes.get(PROJECTION)
    if fit is None or scene.camera is None:
        return 0.0
    away = scene.camera.matrix_world.inverted_safe() @ thing.matrix_world.translation
    return (-away.z if scene.camera.data.type != "ORTHO" else 1.0) / fit.inputs["Scale"].default_value[0]


def _uv_density(things: Iterable[bpy.types.Object]) -> float | None:
    """UV units to a unit of length on the objects' surfaces, on the mean over their area; None without UV maps."""
    in_uv = in_space = 0.0
    for thing in things:
        mesh: Any = thing.data
        if thing.type == "MESH" and mesh.uv_layers.active is not None and mesh.polygons:
            uv, space = _areas(mesh)
            size = sum(map(abs, thing.matrix_world.to_scale())) / 3
            in_uv, in_space = in_uv + uv, in_space + space * size**2
    return math.sqrt(in_uv / in_space) if in_uv > 0 and in_space > 0 else None


def _areas(mesh: bpy.types.Mesh) -> tuple[float, float]:
    """The area of a mesh's triangles in its UV map, and in its own space."""
    import numpy as np

    mesh.calc_loop_triangles()
    triangles = np.empty(3 * len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("loops", triangles)
    uv = np.empty(2 * len(mesh.loops), np.float32)
    mesh.uv_layers.active.data.foreach_get("uv", uv)
    space = np.empty(len(mesh.loop_triangles), np.float32)
    mesh.loop_triangles.foreach_get("area", space)
    corners = uv.reshape(-1, 2)[triangles.reshape(-1, 3)]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return float(np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2), float(space.sum())
