"""In the Properties editor: the button and the finished controls, closed by default."""

from __future__ import annotations

import bpy

from . import finished, parts


class InProperties:
    """A tab of the Properties editor."""

    bl_label = "SyncDiffusion"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_generate(self, context: bpy.types.Context) -> None:
        """The button says what it makes: which tab is open makes no difference for that."""
        settings = context.scene.syncdiffusion
        target = settings.bl_rna.properties["target"].enum_items[settings.target].name
        parts.draw_generate(self.layout, context, f"Generate {target}")


class SYNCDIFFUSION_PT_world(InProperties, bpy.types.Panel):
    """Properties > World."""

    bl_context = "world"

    def draw(self, context: bpy.types.Context) -> None:
        """Generate, and the controls of a world of ours."""
        self.draw_generate(context)
        finished.draw_world(self.layout, context)


class SYNCDIFFUSION_PT_material(InProperties, bpy.types.Panel):
    """Properties > Material."""

    bl_context = "material"

    def draw(self, context: bpy.types.Context) -> None:
        """Generate, and the controls of the active object's material."""
        self.draw_generate(context)
        finished.draw_material(self.layout, context)


CLASSES = (SYNCDIFFUSION_PT_world, SYNCDIFFUSION_PT_material)
