"""The main panel, in the sidebars of the 3D View and the Image Editor."""

from __future__ import annotations

import time
from pathlib import PurePath

import bpy
from bl_ui.utils import PresetPanel

from ..blender.session import session
from ..operators.preset import SUBDIRECTORY, SYNCDIFFUSION_MT_presets, SYNCDIFFUSION_OT_add_preset
from . import engine, finished, idle, parts, running

CATEGORY = "SyncDiffusion"


class SYNCDIFFUSION_PT_presets(PresetPanel, bpy.types.Panel):
    """The menu of presets in a panel's header."""

    bl_label = "SyncDiffusion Presets"
    preset_subdir = SUBDIRECTORY
    preset_operator = SYNCDIFFUSION_MT_presets.preset_operator
    preset_add_operator = SYNCDIFFUSION_OT_add_preset.bl_idname


class MainPanel:
    """What both panels show."""

    bl_label = "SyncDiffusion"
    bl_category = CATEGORY
    bl_region_type = "UI"

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """The presets."""
        SYNCDIFFUSION_PT_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        """Settings, the button, and what is going on."""
        session.panel_drawn = time.monotonic()
        layout = self.layout
        engine.draw_missing(layout, context)
        if session.running is not None:
            running.draw_running(layout, context, session.running)
        idle.draw_settings(layout, context)
        if session.running is None:
            parts.draw_generate(layout, context)
        draw_model(layout, context)
        if session.failure is not None:
            running.draw_failure(layout, context, session.failure)
        for notice in session.notices:
            parts.wrapped(layout, context, notice, "INFO")
        if session.finished is not None and session.running is None:
            finished.draw_finished(layout, context)
        finished.draw_applied(layout, context)


def draw_model(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Which model it will be, and the way to get its memory back."""
    model = context.scene.syncdiffusion.model.strip() or "builtin"
    row = layout.row()
    row.label(text="Built-in Model" if model == "builtin" else PurePath(model).name)
    row.operator("syncdiffusion.release_model")


class SYNCDIFFUSION_PT_main_view(MainPanel, bpy.types.Panel):
    """In the 3D View."""

    bl_space_type = "VIEW_3D"


class SYNCDIFFUSION_PT_main_image(MainPanel, bpy.types.Panel):
    """In the Image Editor."""

    bl_space_type = "IMAGE_EDITOR"


CLASSES = (SYNCDIFFUSION_PT_presets, SYNCDIFFUSION_PT_main_view, SYNCDIFFUSION_PT_main_image)
MAIN_PANELS = (SYNCDIFFUSION_PT_main_view, SYNCDIFFUSION_PT_main_image)
