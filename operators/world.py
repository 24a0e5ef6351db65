"""Panoramas as worlds."""

from __future__ import annotations

import bpy

from ..blender import worlds
from .image import OnImage


class SYNCDIFFUSION_OT_apply_world(OnImage, bpy.types.Operator):
    """Make the panorama the scene's world; the world before is kept"""

    bl_idname = "syncdiffusion.apply_world"
    bl_label = "Apply World"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the scene can have another world."""
        reason = worlds.why_not(context.scene)
        cls.poll_message_set(reason)
        return not reason

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


class SYNCDIFFUSION_OT_restore_world(bpy.types.Operator):
    """Bring back the world, or the image in it, that the scene had before"""

    bl_idname = "syncdiffusion.restore_world"
    bl_label = "Restore Previous World"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is one to bring back."""
        reason = worlds.why_not_restore(context.scene)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Put it in its place."""
        worlds.restore(context.scene)
        return {"FINISHED"}


class SYNCDIFFUSION_OT_face_camera(bpy.types.Operator):
    """Turn the world so that the middle of the panorama lies where the camera looks"""

    bl_idname = "syncdiffusion.face_camera"
    bl_label = "Face Camera"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is a world of ours and a camera."""
        reason = worlds.why_not_face(context.scene)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the rotation."""
        worlds.face_camera(context.scene)
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_apply_world, SYNCDIFFUSION_OT_restore_world, SYNCDIFFUSION_OT_face_camera)
