"""Whether a picture that closes shows where it does."""

from __future__ import annotations

import json

import bpy

from ..blender import seams
from ..blender.images import REQUEST
from ..blender.references import file_of
from ..core.files.images import ImageError
from .image import OnImage


class SYNCDIFFUSION_OT_check_seam(OnImage, bpy.types.Operator):
    """Roll a copy of the picture by half, so that its join lies in the middle, and say how the join stands"""

    bl_idname = "syncdiffusion.check_seam"
    bl_label = "Check Seam"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Make the copy, and measure."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        both = "y" in (json.loads(image[REQUEST]).get("wrap") or "")
        try:
            shown, words = seams.check(image.name, file_of(image), both)
        except (ImageError, ValueError) as error:
            self.report({"ERROR"}, f"{image.name}: {error}")
            return {"CANCELLED"}
        self.report({"INFO"}, f"{words}; {shown.name} has it in the middle")
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_check_seam,)
