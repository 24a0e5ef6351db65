"""The nodes of a material of ours, and the numbers behind its mappings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

TEXTURE, PLACEMENT, SCALE = "SyncDiffusion Texture", "SyncDiffusion Placement", "SyncDiffusion Scale"
BUMP, SHADER, PROJECTION = "SyncDiffusion Bump", "SyncDiffusion Shader", "SyncDiffusion Projection"
BUMP_DISTANCE = 0.05  # metres between black and white at strength 1
ROUGHNESS_RANGE = 0.25  # how far luminance moves the roughness, each way


@dataclass(frozen=True)
class Look:
    """How a picture becomes a material. ``mapping``: BOX, UV, GENERATED or CAMERA; the rest as in the settings."""

    mapping: str = "BOX"
    scale: float = 1.0
    blend: float = 0.2
    bump: float = 0.0
    roughness_source: str = "VALUE"
    roughness: float = 0.5


@dataclass(frozen=True)
class Frame:
    """What a camera sees at the distance 1 (an orthographic one: at any): centre and size, in its own x and y."""

    x: float
    y: float
    width: float
    height: float
    perspective: bool

    @classmethod
    def of(cls, camera: bpy.types.Object, scene: bpy.types.Scene) -> Frame:
        """The frame at the scene's render resolution, with the lens's shift."""
        corners = camera.data.view_frame(scene=scene)
        perspective = camera.data.type != "ORTHO"
        depth = -corners[0].z if perspective else 1.0
        xs, ys = [corner.x / depth for corner in corners], [corner.y / depth for corner in corners]
        left, right, bottom, top = min(xs), max(xs), min(ys), max(ys)
        return cls((left + right) / 2, (bottom + top) / 2, right - left, top - bottom, perspective)

    def covered(self, aspect: float) -> tuple[float, float]:
        """Width and height of a picture of this aspect (width / height) that just fills the frame."""
        width = max(self.width, self.height * aspect)
        return width, width / aspect


def build(material: bpy.types.Material, image: bpy.types.Image, look: Look, scene: bpy.types.Scene) -> None:
    """Fill a new material: a Principled shader whose base colour, bump and roughness come from the image."""
    tree = material.node_tree
    tree.nodes.clear()

    def add(kind: str, x: float, y: float, name: str = "", label: str = "") -> Any:
        node = tree.nodes.new(kind)
        node.location = (x, y)
        if name:
            node.name = name
        node.label = label
        return node

    link = tree.links.new
    output = add("ShaderNodeOutputMaterial", 300, 0)
    shader = add("ShaderNodeBsdfPrincipled", 0, 0, SHADER)
    texture = add("ShaderNodeTexImage", -760, 0, TEXTURE, "Picture")
    placement = add("ShaderNodeMapping", -980, 0, PLACEMENT, "Placement")
    scale = add("ShaderNodeValue", -1180, -220, SCALE, "Scale")
    texture.image = image
    scale.outputs[0].default_value = look.scale
    link(scale.outputs[0], placement.inputs["Scale"])
    link(_coordinates(tree, add, look.mapping, image, scene), placement.inputs["Vector"])
    link(placement.outputs["Vector"], texture.inputs["Vector"])
    if look.mapping == "BOX":
        texture.projection, texture.projection_blend = "BOX", look.blend
    if look.mapping == "CAMERA":
        placement.inputs["Location"].default_value = (0.5, 0.5, 0.0)
    link(texture.outputs["Color"], shader.inputs["Base Color"])

    luminance = add("ShaderNodeRGBToBW", -440, -260, label="Luminance")
    bump = add("ShaderNodeBump", -220, -340, BUMP, "Height Derived from Luminance")
    bump.inputs["Strength"].default_value = look.bump
    bump.inputs["Distance"].default_value = BUMP_DISTANCE
    link(texture.outputs["Color"], luminance.inputs["Color"])
    link(luminance.outputs["Val"], bump.inputs["Height"])
    link(bump.outputs["Normal"], shader.inputs["Normal"])
    shader.inputs["Roughness"].default_value = look.roughness
    if look.roughness_source == "IMAGE":
        spread = add("ShaderNodeMapRange", -220, -60, label="Roughness Derived from Luminance")
        spread.inputs["To Min"].default_value = min(look.roughness + ROUGHNESS_RANGE, 1.0)
        spread.inputs["To Max"].default_value = max(look.roughness - ROUGHNESS_RANGE, 0.0)
        link(luminance.outputs["Val"], spread.inputs["Value"])
        link(spread.outputs["Result"], shader.inputs["Roughness"])
    link(shader.outputs["BSDF"], output.inputs["Surface"])


def _coordinates(tree: Any, add: Any, mapping: str, image: bpy.types.Image, scene: bpy.types.Scene) -> Any:
    """The socket of a mapping's coordinates, in which the picture is one unit across (and, but for boxes, centred)."""
    if mapping != "CAMERA":
        names = {"BOX": "Object", "UV": "UV", "GENERATED": "Generated"}
        return add("ShaderNodeTexCoord", -1180, 0).outputs[names[mapping]]
    # Points of the scene as the camera has them, by where it stands now: it may move away through what it has painted.
    camera, frame = scene.camera, Frame.of(scene.camera, scene)
    location, rotation, _ = camera.matrix_world.decompose()
    position = add("ShaderNodeNewGeometry", -2260, 0)
    view = add("ShaderNodeMapping", -2060, 0, label="Seen from the Camera")
    view.vector_type = "TEXTURE"
    view.inputs["Location"].default_value = location
    view.inputs["Rotation"].default_value = rotation.to_euler()
    tree.links.new(position.outputs["Position"], view.inputs["Vector"])
    point = view.outputs["Vector"]
    if frame.perspective:
        parts = add("ShaderNodeSeparateXYZ", -1840, -200)
        depth = add("ShaderNodeMath", -1660, -200, label="Depth")
        depth.operation = "MULTIPLY"
        depth.inputs[1].default_value = -1.0
        divide = add("ShaderNodeVectorMath", -1480, 0, label="Perspective")
        divide.operation = "DIVIDE"
        tree.links.new(point, parts.inputs[0])
        tree.links.new(parts.outputs["Z"], depth.inputs[0])
        tree.links.new(point, divide.inputs[0])
        tree.links.new(depth.outputs[0], divide.inputs[1])
        point = divide.outputs["Vector"]
    width, height = frame.covered(image.size[0] / image.size[1])
    fit = add("ShaderNodeMapping", -1260, 120, PROJECTION, "Fills the Frame")
    fit.inputs["Location"].default_value = (-frame.x / width, -frame.y / height, 0.0)
    fit.inputs["Scale"].default_value = (1.0 / width, 1.0 / height, 1.0)
    tree.links.new(point, fit.inputs["Vector"])
    return fit.outputs["Vector"]


def image_node(material: bpy.types.Material | None) -> Any:
    """The image texture of a material that would get a picture: the active one, else the first; None without any."""
    if material is None or material.node_tree is None or material.library is not None:
        return None
    nodes = material.node_tree.nodes
    found = [node for node in nodes if node.bl_idname == "ShaderNodeTexImage"]
    return nodes.active if nodes.active in found else next(iter(found), None)
