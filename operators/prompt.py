"""Writing the prompt, and the settings of a preset made one's own."""

from __future__ import annotations

import bpy

from ..blender import prompts, screen
from ..blender.requests import SAMPLING, preset_request


class SYNCDIFFUSION_OT_edit_prompt(bpy.types.Operator):
    """Write the prompt in the Text Editor; what you type there becomes the prompt"""

    bl_idname = "syncdiffusion.edit_prompt"
    bl_label = "Edit Prompt"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Show the prompt's Text in an open Text Editor, else in a new window."""
        text = prompts.open_text(context.scene)
        if bpy.app.background:
            return {"FINISHED"}
        space = screen.area(context, "TEXT_EDITOR").spaces.active
        space.text, space.show_word_wrap = text, True
        return {"FINISHED"}


class SYNCDIFFUSION_OT_customize(bpy.types.Operator):
    """Take the values of this quality over into Custom, where each can be changed"""

    bl_idname = "syncdiffusion.customize"
    bl_label = "Customize"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Copy the preset's values, as they are on the model that is set."""
        settings = context.scene.syncdiffusion
        if settings.preset == "CUSTOM":
            return {"FINISHED"}
        request = preset_request(settings)
        if request is None:
            self.report({"ERROR"}, "The settings cannot be used as they are; Generate says why")
            return {"CANCELLED"}
        for name in SAMPLING:
            setattr(settings, name, getattr(request, name))
        settings.preset = "CUSTOM"
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_edit_prompt, SYNCDIFFUSION_OT_customize)
