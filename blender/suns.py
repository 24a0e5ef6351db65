"""The sun of a world of ours: in the world, as a Sun light, or nowhere."""

from __future__ import annotations

import json
import math
from typing import Any

import bpy

from .images import REQUEST
from .world_nodes import LIGHTING, MAPPING, SUN_LIMIT, TEXTURE, UNLIMITED, VIEW
from .world_view import HORIZON, MIRROR, TILT

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
    if SUN_LIMIT not in nodes or VIEW not in nodes:
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
    """A Sun light in the sun's place. Drivers let it follow how the panorama is turned, and its strength."""
    lamp = _lamp(scene)
    if lamp is None:
        lamp = bpy.data.objects.new(NAME, bpy.data.lights.new(NAME, "SUN"))
        lamp[NAME] = True
        scene.collection.objects.link(lamp)
    brightest = max(sun["colour"])
    lamp.data.color = [channel / brightest for channel in sun["colour"]]
    lamp.data.angle = 2 * sun["radius"]
    across, ahead, up, spread = _seen(sun)
    # As Blender turns what points along +Z: first away from the zenith, then round it.
    _drive(lamp, "rotation_euler", 1, f"atan2(sqrt({ahead}*{ahead}+pow({across},2)),{up})", world)
    _drive(lamp, "rotation_euler", 2, f"atan2({across},{ahead})-r", world)
    _drive(lamp.data, "energy", -1, f"{sun['irradiance'] * brightest:.9g}*s*pow({spread},1.5)", world)


def _seen(sun: dict[str, Any]) -> tuple[str, str, str, str]:
    """Where the world's nodes show the picture's sun, as expressions for drivers, before the rotation round the zenith.

    To the side, ahead and up, in any length; and by how much a piece of the picture there is seen larger, to the power
    2/3. They undo ``world_view``: a sun at the slope T of the cylinder is seen at T + tan(h), then leant back.
    """
    # An equirectangular picture's middle is at +X, and its columns run clockwise seen from above.
    azimuth, slope = math.pi - sun["azimuth"], math.tan(sun["elevation"])
    ahead, side = (f"({value:.9g})" for value in (math.cos(azimuth), math.sin(azimuth)))
    raised = f"({slope:.9g}+tan(h))"
    across = f"((1-2*m)*{side}*cos(t)+{raised}*sin(t))"
    up = f"({raised}*cos(t)-(1-2*m)*{side}*sin(t))"
    return across, ahead, up, f"({1 + slope**2:.9g}/(1+pow({raised},2)))"


def _drive(owner: Any, path: str, index: int, expression: str, world: bpy.types.World) -> None:
    """Drive a property by an expression of r, h, t, m (the panorama's rotation, horizon, tilt, mirroring) and s, the
    strength of its lighting. It needs no Python, so it runs where scripts may not."""
    owner.driver_remove(path, index)
    driver = owner.driver_add(path, index).driver
    for name, node, socket in (
        ("r", MAPPING, '"Rotation"].default_value[2]'),
        ("h", VIEW, f'"{HORIZON}"].default_value'),
        ("t", VIEW, f'"{TILT}"].default_value'),
        ("m", VIEW, f'"{MIRROR}"].default_value'),
        ("s", LIGHTING, '"Strength"].default_value'),
    ):
        variable = driver.variables.new()
        variable.name = name
        target = variable.targets[0]
        target.id_type, target.id = "WORLD", world
        target.data_path = f'node_tree.nodes["{node}"].inputs[{socket}'
    driver.expression = expression
