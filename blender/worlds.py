"""Panoramas as worlds: a copy of the scene's world with other surface nodes, and the way back."""

from __future__ import annotations

import math
from typing import Any

import bpy
from mathutils import Vector

from .images import pack_applied

FORMER = "syncdiffusion_former"  # the custom property that points to the world before
MAPPING, TEXTURE = "SyncDiffusion Mapping", "SyncDiffusion Panorama"
LIGHTING, BACKGROUND = "SyncDiffusion Lighting", "SyncDiffusion Background"


def why_not(scene: bpy.types.Scene) -> str:
    """Why a world cannot be applied to a scene; empty if it can."""
    if scene.library is not None:
        return f'The scene "{scene.name}" is linked from another file'
    return ""


def is_ours(world: bpy.types.World | None) -> bool:
    """Whether a world was made here and still has what its controls belong to."""
    return world is not None and world.node_tree is not None and TEXTURE in world.node_tree.nodes


def apply(scene: bpy.types.Scene, image: bpy.types.Image) -> bpy.types.World:
    """Make an equirectangular image the scene's world.

    The world before is kept, and is the one to restore. A world of ours only gets the new image.
    """
    world = scene.world
    if not is_ours(world):
        former, world = world, _copy_of(world)
        world.name = image.name
        if former is not None:
            former.use_fake_user = True
            world[FORMER] = former
        _build(world)
        _face(world, scene.camera)
        scene.world = world
    world.node_tree.nodes[TEXTURE].image = image
    pack_applied(image)
    return world


def why_not_restore(scene: bpy.types.Scene) -> str:
    """Why the world before cannot be brought back; empty if it can."""
    if not is_ours(scene.world):
        return "The scene's world was not made here, or has been changed since"
    return why_not(scene)


def restore(scene: bpy.types.Scene) -> None:
    """Bring the world before back; where there was none, the scene has none again."""
    scene.world = scene.world.get(FORMER)


def _copy_of(world: bpy.types.World | None) -> bpy.types.World:
    """A local copy: mist, light groups and the render engines' settings stay. A linked world is copied likewise."""
    copy = world.copy() if world is not None else bpy.data.worlds.new("World")
    if bpy.app.version < (5, 0, 0):
        copy.use_nodes = True  # always so since 5.0, where setting it is deprecated
    return copy


def _build(world: bpy.types.World) -> None:
    """Replace what leads to the surface; what leads to the volume stays."""
    tree = world.node_tree
    output = next((n for n in tree.nodes if n.bl_idname == "ShaderNodeOutputWorld" and n.is_active_output), None)
    if output is None:
        output = tree.nodes.new("ShaderNodeOutputWorld")
    kept = _upstream(output.inputs["Volume"]) | {output}
    for node in _upstream(output.inputs["Surface"]) - kept:
        tree.nodes.remove(node)
    x, y = output.location

    def add(kind: str, column: int, row: float, name: str, label: str) -> Any:
        node = tree.nodes.new(kind)
        node.name, node.label = name, label
        node.location = (x - 220 * column, y - 180 * row)
        return node

    coordinates = add("ShaderNodeTexCoord", 5, 0, "SyncDiffusion Coordinates", "")
    mapping = add("ShaderNodeMapping", 4, 0, MAPPING, "Rotation")
    texture = add("ShaderNodeTexEnvironment", 3, 0, TEXTURE, "Panorama")
    path = add("ShaderNodeLightPath", 2, -1.9, "SyncDiffusion Light Path", "")
    lighting = add("ShaderNodeBackground", 2, 0, LIGHTING, "Lighting")
    background = add("ShaderNodeBackground", 2, 1, BACKGROUND, "Background")
    mix = add("ShaderNodeMixShader", 1, 0, "SyncDiffusion Mix", "")
    link = tree.links.new
    link(coordinates.outputs["Generated"], mapping.inputs["Vector"])
    link(mapping.outputs["Vector"], texture.inputs["Vector"])
    link(texture.outputs["Color"], lighting.inputs["Color"])
    link(texture.outputs["Color"], background.inputs["Color"])
    # What the camera sees directly is the background; all else that meets the world is lighting.
    link(path.outputs["Is Camera Ray"], mix.inputs[0])
    link(lighting.outputs["Background"], mix.inputs[1])
    link(background.outputs["Background"], mix.inputs[2])
    link(mix.outputs["Shader"], output.inputs["Surface"])


def _upstream(socket: Any) -> set[Any]:
    """All nodes that lead to an input."""
    found: set[Any] = set()
    waiting = [link.from_node for link in socket.links]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [link.from_node for socket in node.inputs for link in socket.links]
    return found


def _face(world: bpy.types.World, camera: bpy.types.Object | None) -> None:
    """Turn the panorama so that its middle, which Blender has at +X, lies where the camera looks."""
    heading = math.pi / 2  # the front view's
    if camera is not None:
        ahead = camera.matrix_world.to_3x3() @ Vector((0.0, 0.0, -1.0))
        if ahead.xy.length > 1e-6:
            heading = math.atan2(ahead.y, ahead.x)
    world.node_tree.nodes[MAPPING].inputs["Rotation"].default_value[2] = -heading
