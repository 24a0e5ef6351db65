"""Puts a panorama into a Blender file as its world and renders the file: what the demo ends with.

    python demo/world.py PANORAMA.png OUT.blend OUT.png

Needs the module ``bpy``. The camera looks along +Y, where a quarter of an equirectangular picture's width lies.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

PICTURE_SIZE = (640, 360)
SAMPLES = 32


def make_world(panorama: Path) -> None:
    """Makes the panorama the scene's world: it surrounds the scene and is its only light."""
    image = bpy.data.images.load(str(panorama))
    image.pack()
    world = bpy.data.worlds.new("Panorama")
    if bpy.app.version < (5, 0, 0):
        world.use_nodes = True  # always so since 5.0, where setting it is deprecated
    nodes = world.node_tree.nodes
    texture = nodes.new("ShaderNodeTexEnvironment")
    texture.image = image
    background = next(node for node in nodes if node.bl_idname == "ShaderNodeBackground")
    world.node_tree.links.new(texture.outputs["Color"], background.inputs["Color"])
    bpy.context.scene.world = world


def make_material(name: str, color: tuple[float, float, float], **inputs: float) -> Any:
    """A material of the principled shader with the given inputs."""
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.bl_idname == "ShaderNodeBsdfPrincipled")
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    for label, value in inputs.items():
        shader.inputs[label].default_value = value
    return material


def add_object(name: str, material: Any) -> None:
    """Names the object that was just added and gives it a smooth surface of the material."""
    thing = bpy.context.object
    thing.name = name
    thing.data.materials.append(material)
    for polygon in thing.data.polygons:
        polygon.use_smooth = True


def make_objects() -> None:
    """A mirror, a rough and a coloured surface on a round floor: each shows another part of the light."""
    add = bpy.ops.mesh
    add.primitive_circle_add(vertices=128, radius=2.8, fill_type="NGON")
    add_object("Floor", make_material("Floor", (0.8, 0.8, 0.8), Roughness=0.2))
    add.primitive_uv_sphere_add(segments=64, ring_count=32, radius=0.8, location=(-1.65, 0.3, 0.8))
    add_object("Mirror", make_material("Mirror", (0.95, 0.95, 0.95), Metallic=1.0, Roughness=0.0))
    add.primitive_monkey_add(size=1.5, location=(0.4, -0.1, 0.62), rotation=(math.radians(-18), 0, math.radians(10)))
    bpy.context.object.modifiers.new("Subdivision", "SUBSURF").render_levels = 2
    add_object("Suzanne", make_material("Clay", (0.9, 0.87, 0.82), Roughness=0.5))
    add.primitive_torus_add(major_radius=0.6, minor_radius=0.22, location=(2.0, 0.2, 0.22))
    add_object("Ring", make_material("Copper", (0.9, 0.5, 0.3), Metallic=1.0, Roughness=0.25))


def make_camera() -> None:
    """A camera in front of the objects, a little above them, looking along +Y."""
    bpy.ops.object.camera_add(location=(0, -6.5, 1.5), rotation=(math.radians(87), 0, 0))
    bpy.context.object.data.lens = 32
    bpy.context.scene.camera = bpy.context.object


def set_up_render(picture: Path) -> None:
    """Cycles on the CPU; the view transform under which the panorama keeps its colours."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = False
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x, scene.render.resolution_y = PICTURE_SIZE
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(picture)


@contextmanager
def silence() -> Iterator[None]:
    """Drops what Cycles, which is no Python, says on standard output: a line for every stage. Errors go elsewhere."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def main(panorama: Path, blend: Path, picture: Path) -> None:
    """Makes the scene, saves it, renders it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.filepaths.save_version = 0  # no .blend1 beside the result
    make_world(panorama)
    make_objects()
    make_camera()
    set_up_render(picture)
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), check_existing=False)
    with silence():
        bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:4]))
    sys.stdout.flush()
    os._exit(0)  # some versions of bpy hang while the interpreter shuts down
