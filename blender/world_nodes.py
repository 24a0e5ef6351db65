"""The nodes of a world: ours built into it, a user's found in it."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import bpy
from mathutils import Vector

from . import world_view

MAPPING, VIEW, TEXTURE = "SyncDiffusion Mapping", "SyncDiffusion View", "SyncDiffusion Panorama"
SUN_LIMIT = "SyncDiffusion Sun Limit"
UNLIMITED = 1e9
LIGHTING, BACKGROUND = "SyncDiffusion Lighting", "SyncDiffusion Background"


def build(world: bpy.types.World) -> None:
    """Replace what leads to the surface by a panorama; what leads to the volume stays."""
    tree = world.node_tree
    output = _output(tree) or tree.nodes.new("ShaderNodeOutputWorld")
    kept = upstream(output.inputs["Volume"]) | {output}
    for node in upstream(output.inputs["Surface"]) - kept:
        tree.nodes.remove(node)
    x, y = output.location

    def add(kind: str, left: float, up: float, name: str, label: str) -> Any:
        node = tree.nodes.new(kind)
        node.name, node.label = name, label
        node.location = (x - left, y + up)
        return node

    coordinates = add("ShaderNodeTexCoord", 1520, 0, "SyncDiffusion Coordinates", "")
    mapping = add("ShaderNodeMapping", 1320, 0, MAPPING, "Rotation")
    view = add("ShaderNodeGroup", 1100, 0, VIEW, "Horizon, Tilt, Mirror")
    view.node_tree = world_view.group()
    texture = add("ShaderNodeTexEnvironment", 900, 0, TEXTURE, "Panorama")
    limit = add("ShaderNodeVectorMath", 620, 0, SUN_LIMIT, "Brightest")
    path = add("ShaderNodeLightPath", 420, 360, "SyncDiffusion Light Path", "Seen by the Camera?")
    lighting = add("ShaderNodeBackground", 420, 0, LIGHTING, "Lighting")
    background = add("ShaderNodeBackground", 420, -160, BACKGROUND, "Background")
    mix = add("ShaderNodeMixShader", 200, 0, "SyncDiffusion Mix", "Lighting or Background")
    link = tree.links.new
    link(coordinates.outputs["Generated"], mapping.inputs["Vector"])
    link(mapping.outputs["Vector"], view.inputs["Vector"])
    link(view.outputs["Vector"], texture.inputs["Vector"])
    limit.operation = "MINIMUM"
    limit.inputs[1].default_value = (UNLIMITED,) * 3
    link(texture.outputs["Color"], limit.inputs[0])
    link(limit.outputs["Vector"], lighting.inputs["Color"])
    link(limit.outputs["Vector"], background.inputs["Color"])
    # What the camera sees directly is the background; all else that meets the world is lighting.
    link(path.outputs["Is Camera Ray"], mix.inputs[0])
    link(lighting.outputs["Background"], mix.inputs[1])
    link(background.outputs["Background"], mix.inputs[2])
    link(mix.outputs["Shader"], output.inputs["Surface"])


def environment(world: bpy.types.World | None) -> Any:
    """The user's own environment texture that the surface shows, or None. Of several the active one, else the first."""
    tree = world.node_tree if world is not None else None
    output = _output(tree) if tree is not None else None
    if output is None or TEXTURE in tree.nodes:
        return None
    seen = upstream(output.inputs["Surface"])
    found = [node for node in tree.nodes if node in seen and node.bl_idname == "ShaderNodeTexEnvironment"]
    return tree.nodes.active if tree.nodes.active in found else next(iter(found), None)


def face(world: bpy.types.World, camera: bpy.types.Object | None) -> None:
    """Turn the panorama so that its middle, which Blender has at +X, lies where the camera looks."""
    world.node_tree.nodes[MAPPING].inputs["Rotation"].default_value[2] = -_heading(camera)


def _heading(camera: bpy.types.Object | None) -> float:
    """The direction of a camera's view on the ground, from +X; looking straight up or down, of its upper edge."""
    if camera is not None:
        turn = camera.matrix_world.to_3x3()
        for direction in (Vector((0.0, 0.0, -1.0)), Vector((0.0, 1.0, 0.0))):
            ahead = turn @ direction
            if ahead.xy.length > 1e-3 * ahead.length:
                return math.atan2(ahead.y, ahead.x)
    return math.pi / 2  # the front view's


def fingerprint(world: bpy.types.World) -> str:
    """What the nodes are and how they are linked, not what values they have: differs when a user has rebuilt them."""
    tree = world.node_tree
    nodes = sorted(f"{node.name}:{node.bl_idname}" for node in tree.nodes)
    links = sorted(
        f"{link.from_node.name}.{link.from_socket.identifier}>{link.to_node.name}.{link.to_socket.identifier}"
        for link in tree.links
    )
    return hashlib.sha256("\n".join((*nodes, *links)).encode()).hexdigest()


def upstream(socket: Any) -> set[Any]:
    """All nodes that lead to an input."""
    found: set[Any] = set()
    waiting = [link.from_node for link in socket.links]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [link.from_node for socket in node.inputs for link in socket.links]
    return found


def _output(tree: Any) -> Any:
    return next((n for n in tree.nodes if n.bl_idname == "ShaderNodeOutputWorld" and n.is_active_output), None)
