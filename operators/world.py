"""Panoramas as worlds."""

from __future__ import annotations

import bpy

from ..blender import worlds
from .image import OnImage
from .reasons import Reasoned


class SYNCDIFFUSION_OT_apply_world(OnImage, Reasoned, bpy.types.Operator):
    """Make the panorama the scene's world; the world before is kept"""

    bl_idname = "syncdiffusion.apply_world"
    bl_label = "Apply World"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        """Why the scene cannot have another world."""
        return worlds.why_not(context.scene)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Apply an image that is twice as wide as high."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        if reason := worlds.why_not_image(image):
            self.report({"ERROR"}, reason)
            return {"CANCELLED"}
        worlds.apply(context.scene, image, context.scene.syncdiffusion.world_mode)
        return {"FINISHED"}


class SYNCDIFFUSION_OT_restore_world(Reasoned, bpy.types.Operator):
    """Bring back the world, or the image in it, that the scene had before"""

    bl_idname = "syncdiffusion.restore_world"
    bl_label = "Restore Previous World"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        """Why there is none to bring back."""
        return worlds.why_not_restore(context.scene)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Put it in its place."""
        worlds.restore(context.scene)
        return {"FINISHED"}


class SYNCDIFFUSION_OT_face_camera(Reasoned, bpy.types.Operator):
    """Turn the world so that the middle of the panorama lies where the camera looks"""

    bl_idname = "syncdiffusion.face_camera"
    bl_label = "Face Camera"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        """Why there is no world of ours to turn, or no camera."""
        return worlds.why_not_face(context.scene)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the rotation."""
        worlds.face_camera(context.scene)
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_apply_world, SYNCDIFFUSION_OT_restore_world, SYNCDIFFUSION_OT_face_camera)
