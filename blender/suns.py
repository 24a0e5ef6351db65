"""The sun of a world of ours: in the world, as a Sun light, or nowhere."""

from __future__ import annotations

import json
import math
from typing import Any

import bpy

from .images import REQUEST
from .world_nodes import LIGHTING, MAPPING, SUN_LIMIT, TEXTURE, UNLIMITED

NAME = "SyncDiffusion Sun"


def of(world: bpy.types.World | None) -> dict[str, Any] | None:
    """The sun found in a world's picture, as ``core.panorama.light.Sun.to_json`` has it; None where there is none."""
    return _request(world).get("sun")


def why_none(world: bpy.types.World | None) -> str:
    """Why a world has no sun."""
    if _request(world).get("range") == "expanded":
        return "No sun: the picture shows no compact highlight"
    return "No sun: the picture is LDR; generate with Range: Expanded"


def apply(scene: bpy.types.Scene) -> None:
    """Let the sun shine where the scene's settings say. Does nothing where the world is not ours."""
    world = scene.world
    nodes = world.node_tree.nodes if world is not None and world.node_tree is not None else {}
    if SUN_LIMIT not in nodes:
        remove(scene)
        return
    sun, where = of(world), scene.syncdiffusion.sun
    # What is brighter than the peak is the sun alone.
    limit = _request(world)["peak"] if sun is not None and where != "WORLD" else UNLIMITED
    nodes[SUN_LIMIT].inputs[1].default_value = (limit,) * 3
    if sun is None or where != "LAMP":
        remove(scene)
    else:
        _shine(scene, world, sun)


def remove(scene: bpy.types.Scene) -> None:
    """Take the Sun light away."""
    lamp = _lamp(scene)
    if lamp is not None:
        light = lamp.data
        bpy.data.objects.remove(lamp)
        if not light.users:
            bpy.data.lights.remove(light)


def _request(world: bpy.types.World | None) -> dict[str, Any]:
    tree = world.node_tree if world is not None else None
    node = tree.nodes.get(TEXTURE) if tree is not None else None
    image = node.image if node is not None else None
    return json.loads(image[REQUEST]) if image is not None and REQUEST in image else {}


def _lamp(scene: bpy.types.Scene) -> bpy.types.Object | None:
    return next((thing for thing in scene.objects if NAME in thing and thing.type == "LIGHT"), None)


def _shine(scene: bpy.types.Scene, world: bpy.types.World, sun: dict[str, Any]) -> None:
    """A Sun light in the sun's place. Drivers let it follow the world's rotation and its strength."""
    lamp = _lamp(scene)
    if lamp is None:
        lamp = bpy.data.objects.new(NAME, bpy.data.lights.new(NAME, "SUN"))
        lamp[NAME] = True
        scene.collection.objects.link(lamp)
    brightest = max(sun["colour"])
    lamp.data.color = [channel / brightest for channel in sun["colour"]]
    lamp.data.angle = 2 * sun["radius"]
    # An equirectangular picture's middle is at +X, and its columns run clockwise seen from above.
    lamp.rotation_euler = (0.0, math.pi / 2 - sun["elevation"], 0.0)
    azimuth = math.pi - sun["azimuth"]
    rotation = f'node_tree.nodes["{MAPPING}"].inputs["Rotation"].default_value[2]'
    strength = f'node_tree.nodes["{LIGHTING}"].inputs["Strength"].default_value'
    _drive(lamp, "rotation_euler", 2, f"{azimuth!r} - value", world, rotation)
    _drive(lamp.data, "energy", -1, f"{sun['irradiance'] * brightest!r} * value", world, strength)


def _drive(owner: Any, path: str, index: int, expression: str, world: bpy.types.World, source: str) -> None:
    owner.driver_remove(path, index)
    driver = owner.driver_add(path, index).driver
    variable = driver.variables.new()
    variable.name = "value"
    target = variable.targets[0]
    target.id_type, target.id, target.data_path = "WORLD", world, source
    driver.expression = expression
