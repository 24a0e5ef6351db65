"""Adding to the lists among the settings, and taking from them."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, IntProperty

LISTS = (
    ("regions", "Directions", "Directions with prompts of their own"),
    ("loras", "LoRAs", "LoRAs that are put into the model"),
    ("embeddings", "Words", "Words learned by textual inversion"),
)


class SYNCDIFFUSION_OT_add_entry(bpy.types.Operator):
    """Add an entry to this list"""

    bl_idname = "syncdiffusion.add_entry"
    bl_label = "Add"
    bl_options = {"UNDO"}  # there is nothing to adjust afterwards

    entries: EnumProperty(items=LISTS)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """An empty one; a direction a quarter turn from the last."""
        entries = getattr(context.scene.syncdiffusion, self.entries)
        before = entries[-1] if len(entries) else None
        azimuth = (before.azimuth + 90.0) % 360.0 if self.entries == "regions" and before is not None else None
        entry = entries.add()
        if azimuth is not None:
            entry.azimuth = azimuth
        return {"FINISHED"}


class SYNCDIFFUSION_OT_remove_entry(bpy.types.Operator):
    """Remove this entry from its list"""

    bl_idname = "syncdiffusion.remove_entry"
    bl_label = "Remove"
    bl_options = {"UNDO"}  # there is nothing to adjust afterwards

    entries: EnumProperty(items=LISTS)
    index: IntProperty(min=0)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """The one of that number."""
        entries = getattr(context.scene.syncdiffusion, self.entries)
        if self.index >= len(entries):
            self.report({"ERROR"}, f"there is no entry {self.index}; the list has {len(entries)}")
            return {"CANCELLED"}
        entries.remove(self.index)
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_add_entry, SYNCDIFFUSION_OT_remove_entry)
