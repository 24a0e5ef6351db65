"""The main panel, in the sidebars of the 3D View and the Image Editor."""

from __future__ import annotations

from typing import Any

import bpy

from ..blender.session import session
from ..operators.generate import missing_engine
from . import parts

CATEGORY = "SyncDiffusion"


class MainPanel:
    """What both panels show."""

    bl_label = "SyncDiffusion"
    bl_category = CATEGORY
    bl_region_type = "UI"

    def draw(self, context: bpy.types.Context) -> None:
        """Settings, the button, and what is going on."""
        layout, settings = self.layout, context.scene.syncdiffusion
        if missing := missing_engine():
            parts.wrapped(
                layout,
                context,
                f"The engine is not installed: Blender's Python does not find {', '.join(missing)}.",
                "INFO",
            )
        layout.prop(settings, "prompt", text="", placeholder="What the picture shows")
        if len(settings.prompt) > parts.letters_across(context):
            parts.wrapped(layout, context, settings.prompt)
        layout.row().prop(settings, "target", expand=True)
        _draw_choices(layout, settings)
        parts.draw_generate(layout)
        if session.running is not None:
            parts.draw_running(layout, context, session.running)
        if session.failure is not None:
            parts.draw_failure(layout, context)
        for notice in session.notices:
            parts.wrapped(layout, context, notice, "INFO")
        if session.finished is not None and session.running is None:
            parts.draw_finished(layout, context)
        parts.draw_world(layout, context)


def _draw_choices(layout: Any, settings: Any) -> None:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(settings, "preset")
    if settings.target == "WORLD":
        column.prop(settings, "world_menu")
    elif settings.target == "MATERIAL":
        column.prop(settings, "mapping")
        column.prop(settings, "texture_scale")
    if settings.preset == "CUSTOM":
        column.prop(settings, "sync_weight")
    else:
        column.prop(settings, "coherence", slider=True)
    row = column.row(align=True)
    row.active = not settings.use_random_seed
    row.prop(settings, "seed")
    row.prop(settings, "use_random_seed", text="", icon="FILE_REFRESH")
    column.prop(settings, "variations")


class SYNCDIFFUSION_PT_main_view(MainPanel, bpy.types.Panel):
    """In the 3D View."""

    bl_space_type = "VIEW_3D"


class SYNCDIFFUSION_PT_main_image(MainPanel, bpy.types.Panel):
    """In the Image Editor."""

    bl_space_type = "IMAGE_EDITOR"


CLASSES = (SYNCDIFFUSION_PT_main_view, SYNCDIFFUSION_PT_main_image)
