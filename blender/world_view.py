"""How a world's panorama is seen: its horizon raised, the whole leant, mirrored. All afterwards, in the world's nodes.

The strip is a cylinder round the viewer, so its horizon is raised by moving the cylinder: a direction (x, y, z) shows
what was seen towards (x, y, z - r tan(horizon)), r the length of (x, y). That is the re-projection of the strip itself,
and goes on to the poles, which stay where they are.
"""

from __future__ import annotations

import math
from typing import Any

import bpy

NAME = "SyncDiffusion View"
MARK = "syncdiffusion_view"  # custom property of the group: its version
VERSION = 1
HORIZON, TILT, MIRROR = "Horizon", "Tilt", "Mirror"
MOST_HORIZON = math.radians(60.0)


def group() -> bpy.types.NodeTree:
    """The node group, made where the file has none."""
    found = next((tree for tree in bpy.data.node_groups if tree.get(MARK) == VERSION and tree.library is None), None)
    return found or _built()


def _built() -> bpy.types.NodeTree:
    tree = bpy.data.node_groups.new(NAME, "ShaderNodeTree")
    tree[MARK] = VERSION
    add_socket = tree.interface.new_socket
    add_socket("Vector", in_out="INPUT", socket_type="NodeSocketVector")
    for name, most, text in (
        (HORIZON, MOST_HORIZON, "How far the panorama's horizon is raised"),
        (TILT, math.pi, "How far the panorama leans to the side, seen towards its middle"),
    ):
        socket = add_socket(name, in_out="INPUT", socket_type="NodeSocketFloat", description=text)
        socket.subtype = "ANGLE"
        socket.min_value, socket.max_value = -most, most
    add_socket(MIRROR, in_out="INPUT", socket_type="NodeSocketBool", description="Left and right are swapped")
    add_socket("Vector", in_out="OUTPUT", socket_type="NodeSocketVector")

    def add(kind: str, left: float, up: float, operation: str = "") -> Any:
        node = tree.nodes.new(kind)
        node.location = (left, up)
        if operation:
            node.operation = operation
        return node

    given, result = add("NodeGroupInput", -900, 0), add("NodeGroupOutput", 900, 0)
    lean = add("ShaderNodeVectorRotate", -680, 0)
    lean.rotation_type = "X_AXIS"
    parts = add("ShaderNodeSeparateXYZ", -460, 0)
    side = add("ShaderNodeMath", -460, -180, "MULTIPLY_ADD")  # 1, or mirrored -1
    side.inputs[1].default_value, side.inputs[2].default_value = -2.0, 1.0
    across = add("ShaderNodeMath", -240, -120, "MULTIPLY")
    level = add("ShaderNodeCombineXYZ", -20, 0)
    distance = add("ShaderNodeVectorMath", 200, 120, "LENGTH")
    slope = add("ShaderNodeMath", 200, -40, "TANGENT")
    height = add("ShaderNodeMath", 420, 0, "MULTIPLY")
    lowered = add("ShaderNodeMath", 420, -180, "SUBTRACT")
    seen = add("ShaderNodeCombineXYZ", 660, 0)
    link = tree.links.new
    link(given.outputs["Vector"], lean.inputs["Vector"])
    link(given.outputs[TILT], lean.inputs["Angle"])
    link(lean.outputs["Vector"], parts.inputs["Vector"])
    link(given.outputs[MIRROR], side.inputs[0])
    link(parts.outputs["Y"], across.inputs[0])
    link(side.outputs[0], across.inputs[1])
    link(parts.outputs["X"], level.inputs["X"])
    link(across.outputs[0], level.inputs["Y"])
    link(level.outputs["Vector"], distance.inputs[0])
    link(given.outputs[HORIZON], slope.inputs[0])
    link(distance.outputs["Value"], height.inputs[0])
    link(slope.outputs[0], height.inputs[1])
    link(parts.outputs["Z"], lowered.inputs[0])
    link(height.outputs[0], lowered.inputs[1])
    link(parts.outputs["X"], seen.inputs["X"])
    link(across.outputs[0], seen.inputs["Y"])
    link(lowered.outputs[0], seen.inputs["Z"])
    link(seen.outputs["Vector"], result.inputs["Vector"])
    return tree
