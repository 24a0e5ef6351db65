"""Pictures as materials."""

from __future__ import annotations

import bpy

from ..blender import materials
from .image import OnImage


class SYNCDIFFUSION_OT_apply_material(OnImage, bpy.types.Operator):
    """Give the selected objects a material of the picture; the material before is kept"""

    bl_idname = "syncdiffusion.apply_material"
    bl_label = "Apply Material"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether an object can take it."""
        cls.poll_message_set("No object is selected that can take a material")
        return any(map(materials.can_take, context.selected_objects))

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Apply it by the mapping and the scale of the settings."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        settings = context.scene.syncdiffusion
        names = [thing.name for thing in context.selected_objects]
        done, skipped = materials.apply(image, names, settings.mapping, settings.texture_scale)
        if skipped:
            self.report({"INFO"}, f"Applied to {done} objects; {skipped} cannot take a material or are linked")
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_apply_material,)
