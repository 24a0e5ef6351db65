"""Pictures as backdrops: an unlit surface behind the scene that fills the camera's frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import bpy
from mathutils import Vector

from .images import pack_applied
from .material_nodes import Frame

IMAGE_NODE = "SyncDiffusion Backdrop"
SHAPE = "syncdiffusion_backdrop"  # custom property of a backdrop: its shape
EMPTY_DISTANCE = 20.0  # where there is nothing in front of the camera
BEHIND = 1.1  # times the distance of the farthest point
MARGIN = 1.002  # so that no edge of the frame falls between two pixels
COLUMNS = 64  # of a curved backdrop
WITH_EXTENT = {"MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME"}  # what it stands behind
FULL_TURN = math.radians(350)  # a picture that would go round farther is cropped

Corners = list[tuple[float, float, float]]


def why_not(scene: bpy.types.Scene, shape: str) -> str:
    """Why a scene cannot have a backdrop; empty if it can."""
    if scene.library is not None:
        return f'The scene "{scene.name}" is linked from another file'
    camera = scene.camera
    if camera is None:
        return "The scene has no camera for a backdrop to face"
    if camera.type != "CAMERA" or camera.data.type == "PANO":
        return f'"{camera.name}" has no flat frame; a backdrop takes a perspective or orthographic camera'
    if shape == "CURVED" and camera.data.type == "ORTHO":
        return f'"{camera.name}" is orthographic; choose Plane, or a perspective camera'
    return ""


def apply(scene: bpy.types.Scene, image: bpy.types.Image, shape: str) -> bpy.types.Object:
    """Put a backdrop of the image behind everything the camera has in front of it. ``shape``: PLANE or CURVED."""
    mesh = bpy.data.meshes.new(image.name)
    mesh.materials.append(_material(image))
    backdrop = bpy.data.objects.new(image.name, mesh)
    backdrop[SHAPE] = shape
    # It is a picture of light, not a thing in it: it shades nothing and is no lamp.
    backdrop.visible_shadow = backdrop.visible_diffuse = backdrop.visible_volume_scatter = False
    scene.collection.objects.link(backdrop)
    fit(scene, backdrop, image)
    pack_applied(image)
    return backdrop


def is_backdrop(thing: bpy.types.Object | None) -> bool:
    """Whether an object is a backdrop made here."""
    return thing is not None and thing.type == "MESH" and SHAPE in thing and _image(thing) is not None


def fit(scene: bpy.types.Scene, backdrop: bpy.types.Object, image: bpy.types.Image | None = None) -> None:
    """Shape and place a backdrop so that it fills the frame at the render resolution, behind everything else."""
    image = image or _image(backdrop)
    camera = scene.camera
    location, rotation, _ = camera.matrix_world.decompose()
    frame, distance = Frame.of(camera, scene), _distance(scene, backdrop)
    aspect = image.size[0] / image.size[1] if image.size[1] else 1.0
    build = _curved if backdrop[SHAPE] == "CURVED" else _plane
    corners, uvs = build(frame, aspect, distance)
    _fill(backdrop.data, corners, uvs)
    backdrop.location = location
    backdrop.rotation_mode = "QUATERNION"
    backdrop.rotation_quaternion = rotation
    backdrop.scale = (1.0, 1.0, 1.0)


def _plane(frame: Frame, aspect: float, distance: float) -> tuple[Corners, list[tuple[float, float]]]:
    """Lower and upper corners of a rectangle before the camera, in its space, with their UVs."""
    width, height = (MARGIN * size / 2 for size in frame.covered(aspect))
    reach = distance if frame.perspective else 1.0
    columns = [
        ((frame.x + side * width) * reach, (frame.y + up * height) * reach, -distance)
        for side in (-1, 1)
        for up in (-1, 1)
    ]
    return columns, [(0, 0), (0, 1), (1, 0), (1, 1)]


def _curved(frame: Frame, aspect: float, distance: float) -> tuple[Corners, list[tuple[float, float]]]:
    """Lower and upper points of a part of a cylinder round the camera's upright axis, in its space, with their UVs."""
    half_width, half_height = abs(frame.x) + frame.width / 2, abs(frame.y) + frame.height / 2
    # A ray (x, y, -1) meets the cylinder at the angle atan(x), and at most y above its axis.
    height = MARGIN * max(2 * half_height, 2 * math.atan(half_width) / aspect)
    angle = height * aspect
    shown = min(angle, FULL_TURN) / angle
    corners, uvs = [], []
    for column in range(COLUMNS + 1):
        share = column / COLUMNS - 0.5
        turn = share * shown * angle
        for up in (-0.5, 0.5):
            corners.append((distance * math.sin(turn), distance * up * height, -distance * math.cos(turn)))
            uvs.append((0.5 + share * shown, 0.5 + up))
    return corners, uvs


def _fill(mesh: bpy.types.Mesh, corners: Corners, uvs: list[tuple[float, float]]) -> None:
    """Quads between neighbouring columns, each of a lower and an upper corner."""
    mesh.clear_geometry()
    quads = [(left, left + 2, left + 3, left + 1) for left in range(0, len(corners) - 2, 2)]
    mesh.from_pydata(corners, [], quads)
    layer = mesh.uv_layers.new(name="UVMap") if not mesh.uv_layers else mesh.uv_layers[0]
    for loop in mesh.loops:
        layer.data[loop.index].uv = uvs[loop.vertex_index]
    mesh.update()


def _distance(scene: bpy.types.Scene, backdrop: bpy.types.Object) -> float:
    """Behind the farthest thing in front of the camera, and inside what it can see."""
    to_camera = scene.camera.matrix_world.inverted_safe()
    depths = [(to_camera @ point).length for thing in _others(scene, backdrop) for point in _box(thing)]
    farthest = max(depths, default=EMPTY_DISTANCE / BEHIND)
    data = scene.camera.data
    return min(max(farthest * BEHIND, 2 * data.clip_start), 0.5 * data.clip_end)


def _others(scene: bpy.types.Scene, backdrop: bpy.types.Object) -> Iterator[bpy.types.Object]:
    for thing in scene.objects:
        if thing != backdrop and not thing.hide_render and SHAPE not in thing and thing.type in WITH_EXTENT:
            yield thing


def _box(thing: bpy.types.Object) -> Iterable[Vector]:
    return (thing.matrix_world @ Vector(corner) for corner in thing.bound_box)


def _image(backdrop: bpy.types.Object) -> bpy.types.Image | None:
    for material in backdrop.data.materials:
        node: Any = material and material.node_tree and material.node_tree.nodes.get(IMAGE_NODE)
        if node:
            return node.image
    return None


def _material(image: bpy.types.Image) -> bpy.types.Material:
    """Emission as bright as the picture, for the camera and for reflections; it lights nothing."""
    material = bpy.data.materials.new(image.name)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.name, texture.label, texture.location = IMAGE_NODE, "Picture", (-300, 0)
    texture.image, texture.extension = image, "EXTEND"
    emission = tree.nodes.new("ShaderNodeEmission")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    output.location = (200, 0)
    tree.links.new(texture.outputs["Color"], emission.inputs["Color"])
    tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return material
