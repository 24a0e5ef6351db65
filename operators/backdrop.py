"""Pictures as backdrops."""

from __future__ import annotations

import bpy

from ..blender import backdrops
from .image import OnImage
from .reasons import Reasoned


class SYNCDIFFUSION_OT_apply_backdrop(OnImage, Reasoned, bpy.types.Operator):
    """Put the picture behind the scene, on an unlit surface that fills the camera's frame"""

    bl_idname = "syncdiffusion.apply_backdrop"
    bl_label = "Add Backdrop"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        """Why there is no camera for it."""
        return backdrops.why_not(context.scene, context.scene.syncdiffusion.backdrop_shape)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the object."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        backdrops.apply(context.scene, image, context.scene.syncdiffusion.backdrop_shape)
        return {"FINISHED"}


class SYNCDIFFUSION_OT_fit_backdrop(Reasoned, bpy.types.Operator):
    """Size and place the active backdrop anew, for the camera, the lens and the render resolution as they are now"""

    bl_idname = "syncdiffusion.fit_backdrop"
    bl_label = "Fit to Camera"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        """Why the active object cannot be fitted."""
        thing = context.active_object
        if not backdrops.is_backdrop(thing):
            return "The active object is not a backdrop that was made here"
        return backdrops.why_not(context.scene, thing[backdrops.SHAPE])

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Rebuild its mesh."""
        backdrops.fit(context.scene, context.active_object)
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_apply_backdrop, SYNCDIFFUSION_OT_fit_backdrop)
