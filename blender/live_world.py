"""The picture that is coming, in the world of its scene, where a viewport shows that.

A preview is a world of its own that stands in for the scene's. It is found by its marks, not by a reference that an
undo would break, and it points to the world it stands in for. So it can always be put right: before a file is saved,
after an undo, and when a file is opened that Auto Save wrote while it stood there (Auto Save calls no handler).
"""

from __future__ import annotations

import bpy

from . import world_nodes, worlds
from .encode import Pixels

MARK = "syncdiffusion_preview"  # custom property of the world and its image
STANDS_FOR = "syncdiffusion_stands_for"  # of the world: a pointer to the scene's own; absent where there was none
NAME = "SyncDiffusion Preview"
# Whoever drags or paints something does not want the viewport to start anew under his hands. (Not all of RENDER_OT_:
# the operator of a render lives on until the next event, its job is what counts.)
_BUSY_OPERATORS = ("TRANSFORM_OT_", "SCULPT_OT_", "PAINT_OT_", "RENDER_OT_opengl")


def is_preview(world: bpy.types.World | None) -> bool:
    """Whether a world is a preview."""
    return world is not None and MARK in world


def is_seen(scene: bpy.types.Scene) -> bool:
    """Whether a viewport shows the scene's world."""
    for window in bpy.context.window_manager.windows:
        if window.scene != scene:
            continue
        for area in window.screen.areas:
            if area.type == "VIEW_3D" and _shows_world(area.spaces.active.shading):
                return True
    return False


def _shows_world(shading: bpy.types.View3DShading) -> bool:
    if shading.type == "RENDERED":
        return shading.use_scene_world_render
    return shading.type == "MATERIAL" and shading.use_scene_world


def why_not() -> str:
    """Why no world is to be changed now; empty if one may be."""
    if bpy.app.is_job_running("RENDER"):
        return "Rendering"
    for window in bpy.context.window_manager.windows:
        if window.screen.is_animation_playing:
            return "Playing"
        if any(operator.bl_idname.startswith(_BUSY_OPERATORS) for operator in window.modal_operators):
            return "Editing"
    return ""


def show(scene: bpy.types.Scene, picture: Pixels) -> None:
    """Show an equirectangular picture as the scene's world."""
    if not is_preview(scene.world):
        remove()  # one that a render has put aside
        _stand_in(scene)
    world = scene.world
    texture = world.node_tree.nodes[world_nodes.TEXTURE]
    if texture.image is None or tuple(texture.image.size) != (picture.width, picture.height):
        former, texture.image = texture.image, _new_image(picture)
        if former is not None and MARK in former:
            bpy.data.images.remove(former)
    texture.image.pixels.foreach_set(picture.values)
    texture.image.update()
    world.update_tag()


def _new_image(picture: Pixels) -> bpy.types.Image:
    image = bpy.data.images.new(NAME, picture.width, picture.height)
    image[MARK] = True
    return image


def _stand_in(scene: bpy.types.Scene) -> None:
    """A copy of the scene's world with the nodes of a panorama, in its place."""
    former = scene.world
    world = worlds.copy_of(former)
    world.name = NAME
    world.use_fake_user = False
    world[MARK] = True
    if former is not None:
        world[STANDS_FOR] = former
    if not worlds.is_ours(world):
        world_nodes.build(world)
        world_nodes.face(world, scene.camera)
    world.node_tree.nodes[world_nodes.TEXTURE].image = None
    scene.world = world


def hide() -> None:
    """Give every scene its own world back. Removes nothing, so that it may be called while a render begins."""
    for scene in bpy.data.scenes:
        if is_preview(scene.world):
            scene.world = scene.world.get(STANDS_FOR)


def remove() -> None:
    """Give every scene its own world back, and forget the previews. Does nothing where there are none."""
    hide()
    for world in [world for world in bpy.data.worlds if MARK in world]:
        bpy.data.worlds.remove(world)
    for image in [image for image in bpy.data.images if MARK in image]:
        bpy.data.images.remove(image)
