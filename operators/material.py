"""Pictures as materials."""

from __future__ import annotations

import bpy

from ..blender import materials
from ..blender.applying import Choices
from .image import OnImage
from .reasons import Reasoned


class SYNCDIFFUSION_OT_apply_material(OnImage, Reasoned, bpy.types.Operator):
    """Give the selected objects a material of the picture; the material before is kept"""

    bl_idname = "syncdiffusion.apply_material"
    bl_label = "Apply Material"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        """Why no object can take it."""
        choices = Choices.of(context.scene.syncdiffusion)
        return materials.why_not(context.scene, context.selected_objects, choices.look.mapping, choices.material_place)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Apply it as the settings say."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        choices = Choices.of(context.scene.syncdiffusion)
        names = [thing.name for thing in context.selected_objects]
        done, skipped = materials.apply(image, names, choices.look, choices.material_place, context.scene)
        if skipped:
            self.report({"INFO"}, f"Applied to {done} objects; {skipped} cannot take a material or are linked")
        return {"FINISHED"}


class SYNCDIFFUSION_OT_make_unique(Reasoned, bpy.types.Operator):
    """Give every selected object a copy of its own of the material it shares, so that each can be placed by itself"""

    bl_idname = "syncdiffusion.make_unique"
    bl_label = "Make Unique"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        """Why no selected object shares a material of ours."""
        return materials.why_not_unique(context.selected_objects)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Copy the materials."""
        count = materials.make_unique(context.selected_objects)
        self.report({"INFO"}, f"{count} objects have a material of their own now")
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_apply_material, SYNCDIFFUSION_OT_make_unique)
