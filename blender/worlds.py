"""Panoramas as worlds: a copy of the scene's world with other surface nodes, and the way back."""

from __future__ import annotations

import bpy

from . import suns, world_nodes
from .images import pack_applied
from .world_nodes import MAPPING, TEXTURE

# Custom properties of a world. Those that hold data-blocks are pointers: they survive renaming, saving and undo.
FORMER = "syncdiffusion_former"  # of a world of ours: the world before
NODES = "syncdiffusion_nodes"  # of a world of ours: its nodes' fingerprint
LENT_NODE = "syncdiffusion_node"  # of a user's world: the name of the node that was given a picture
LENT_IMAGE = "syncdiffusion_image"  # ... that picture
LENT_FORMER = "syncdiffusion_former_image"  # ... and the one before


def why_not(scene: bpy.types.Scene) -> str:
    """Why a world cannot be applied to a scene; empty if it can."""
    if scene.library is not None:
        return f'The scene "{scene.name}" is linked from another file'
    return ""


def why_not_image(image: bpy.types.Image) -> str:
    """Why a picture cannot be a world; empty if it can."""
    width, height = image.size
    if not width or not height:
        return f'The file of "{image.name}" cannot be read'
    if width != 2 * height:
        return (
            f"{image.name} is {width} × {height}; a world is twice as wide as high ({width} × {width // 2} would be): "
            "generate one for World, or use this one as a backdrop"
        )
    return ""


def is_ours(world: bpy.types.World | None) -> bool:
    """Whether a world was made here and still has what its controls belong to."""
    return world is not None and world.node_tree is not None and TEXTURE in world.node_tree.nodes


def has_picture(world: bpy.types.World | None) -> bool:
    """Whether a user's own world was given a picture."""
    return world is not None and LENT_NODE in world


def apply(scene: bpy.types.Scene, image: bpy.types.Image, mode: str = "COPY") -> bpy.types.World:
    """Make an equirectangular image the scene's world.

    The world before is kept, and is the one to restore. A world of ours only gets the new image. With the mode
    IMAGE_ONLY so does a user's own environment texture where there is one.
    """
    world = scene.world
    if mode == "IMAGE_ONLY" and world_nodes.environment(world) is not None:
        world = _lend(scene, image)
    else:
        if not is_ours(world):
            former, world = world, copy_of(world)
            world.name = image.name
            if former is not None:
                _keep(former)
                world[FORMER] = former
            world_nodes.build(world)
            world[NODES] = world_nodes.fingerprint(world)
            world_nodes.face(world, scene.camera)
            scene.world = world
        world.node_tree.nodes[TEXTURE].image = image
        suns.apply(scene)
    pack_applied(image)
    return world


def _lend(scene: bpy.types.Scene, image: bpy.types.Image) -> bpy.types.World:
    """Put the image into the user's own nodes. A linked world would lose it: it is made local first."""
    world = scene.world
    if world.library is not None:
        scene.world = world = world.copy()
    node = world_nodes.environment(world)
    if world.get(LENT_NODE) != node.name or node.image != world.get(LENT_IMAGE):
        world[LENT_NODE] = node.name
        world.pop(LENT_FORMER, None)
        if node.image is not None:
            world[LENT_FORMER] = node.image
    node.image = world[LENT_IMAGE] = image
    return world


def face_camera(scene: bpy.types.Scene) -> None:
    """Turn a world of ours so that its middle lies where the scene's camera looks."""
    world_nodes.face(scene.world, scene.camera)


def why_not_face(scene: bpy.types.Scene) -> str:
    """Why a world cannot be turned; empty if it can."""
    if not is_ours(scene.world) or MAPPING not in scene.world.node_tree.nodes:
        return "The scene's world was not made here"
    if scene.camera is None:
        return "The scene has no camera"
    return why_not(scene)


def why_not_restore(scene: bpy.types.Scene) -> str:
    """Why the world before cannot be brought back; empty if it can."""
    world = scene.world
    if world is not None and LENT_NODE in world:
        node = world.node_tree.nodes.get(world[LENT_NODE])
        if node is None or node.image != world[LENT_IMAGE]:
            return f'The image in "{world[LENT_NODE]}" has been changed since'
        return why_not(scene)
    if world is None or NODES not in world:
        return "The scene's world was not made here"
    if world_nodes.fingerprint(world) != world[NODES]:
        return f'The nodes of "{world.name}" have been changed since; choose the world before in World Properties'
    if FORMER in world and world[FORMER] is None:
        return "The world before has been deleted since"
    return why_not(scene)


def restore(scene: bpy.types.Scene) -> None:
    """Bring the world before back; where there was none, the scene has none again."""
    world = scene.world
    if LENT_NODE in world:
        world.node_tree.nodes[world[LENT_NODE]].image = world.get(LENT_FORMER)
        _forget_lent(world)
    else:
        suns.remove(scene)
        scene.world = world.get(FORMER)


def copy_of(world: bpy.types.World | None) -> bpy.types.World:
    """A local copy: mist, light groups and the render engines' settings stay. A linked world is copied likewise."""
    copy = world.copy() if world is not None else bpy.data.worlds.new("World")
    if bpy.app.version < (5, 0, 0):
        copy.use_nodes = True  # always so since 5.0, where setting it is deprecated
    _forget_lent(copy)
    return copy


def _forget_lent(world: bpy.types.World) -> None:
    for name in (LENT_NODE, LENT_IMAGE, LENT_FORMER):
        world.pop(name, None)


def _keep(world: bpy.types.World) -> None:
    """A world without a user would be gone when the file is opened again."""
    if world.library is None:
        world.use_fake_user = True
