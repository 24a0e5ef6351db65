"""What a world's size means to the scene's camera. Arithmetic only, for panels."""

from __future__ import annotations

import bpy

from .material_nodes import Frame
from .sizes import panorama_pixels


def background(scene: bpy.types.Scene, world_size: int) -> str:
    """How many of a 360° picture's pixels span the picture that is rendered; empty without a camera."""
    camera = scene.camera
    if camera is None or camera.type != "CAMERA":
        return ""
    if camera.data.type == "PANO":
        return f"Background: all {world_size} px at {camera.name}"
    if camera.data.type == "ORTHO":
        return f"Background: a single color at {camera.name} (orthographic)"
    frame = Frame.of(camera, scene)
    pixels = panorama_pixels(world_size, frame.x - frame.width / 2, frame.x + frame.width / 2)
    rendered = scene.render.resolution_x * scene.render.resolution_percentage // 100
    return f"Background: {pixels} of {rendered} px at {camera.name}"
