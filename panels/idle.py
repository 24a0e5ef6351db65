"""What can be set for the next picture."""

from __future__ import annotations

from typing import Any

import bpy

from ..blender import applying, camera, materials, world_nodes
from . import parts


def draw_settings(layout: Any, context: bpy.types.Context) -> None:
    """From the prompt to the number of variations."""
    settings = context.scene.syncdiffusion
    row = layout.row(align=True)
    row.prop(settings, "prompt", text="", placeholder="What the picture shows")
    row.operator("syncdiffusion.edit_prompt", text="", icon="TEXT")
    if len(settings.prompt) > parts.letters_across(context):
        parts.wrapped(layout, context, settings.prompt)
    layout.row().prop(settings, "target", expand=True)
    quality = layout.column(align=True)
    for names in (("DRAFT", "BALANCED"), ("PAPER", "CUSTOM")):  # four in a row would be cut off
        row = quality.row(align=True)
        for name in names:
            row.prop_enum(settings, "preset", name)
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    {"WORLD": _draw_world, "MATERIAL": _draw_material, "IMAGE": _draw_image}[settings.target](column, context)
    if settings.preset == "CUSTOM":
        column.prop(settings, "sync_weight")
    else:
        column.prop(settings, "coherence", slider=True)
    row = parts.named(column, "Seed").row(align=True)
    field = row.row(align=True)
    field.active = not settings.use_random_seed
    field.prop(settings, "seed", text="")
    row.prop(settings, "use_random_seed", text="", icon="FILE_REFRESH")
    column.prop(settings, "variations")


def _draw_world(column: Any, context: bpy.types.Context) -> None:
    settings = context.scene.syncdiffusion
    column.prop(settings, "world_menu")
    if settings.world_menu == "CUSTOM":
        column.prop(settings, "world_size", text="Width")
    column.prop(settings, "light_range")
    if settings.light_range == "EXPANDED":
        column.prop(settings, "peak")
    column.prop(settings, "poles")
    if text := camera.background(context.scene, settings.world_size):
        parts.note(column, text)
    if world_nodes.environment(context.scene.world) is not None:
        column.prop(settings, "world_mode")


def _draw_material(column: Any, context: bpy.types.Context) -> None:
    settings = context.scene.syncdiffusion
    _draw_canvas(column, settings, "tile_menu")
    column.prop(settings, "mapping")
    column.prop(settings, "texture_scale")
    selected = context.selected_objects
    able = sum(map(materials.can_take, selected))
    text = f"On {able} selected object{'' if able == 1 else 's'}"
    parts.note(column, text + (f", {len(selected) - able} skipped" if len(selected) > able else ""))


def _draw_image(column: Any, context: bpy.types.Context) -> None:
    settings = context.scene.syncdiffusion
    _draw_canvas(column, settings, "strip_menu")
    column.prop(settings, "image_use")
    if settings.image_use == "BACKDROP":
        column.prop(settings, "backdrop_shape")


def _draw_canvas(column: Any, settings: Any, menu: str) -> None:
    column.prop(settings, menu)
    if getattr(settings, menu) == "CUSTOM":
        column.prop(settings, "width")
        column.prop(settings, "height")


def draw_application(layout: Any, context: bpy.types.Context) -> None:
    """How pictures are applied: what there is no room for above."""
    settings = context.scene.syncdiffusion
    if settings.target == "MATERIAL":
        layout.prop(settings, "material_place")
        if settings.material_place == "NODE":
            return
        if settings.mapping == "BOX":
            layout.prop(settings, "box_blend")
        layout.prop(settings, "bump_strength")
        layout.prop(settings, "roughness_source")
        layout.prop(settings, "roughness", text=" " if settings.roughness_source == "VALUE" else "Around")
    elif settings.target == "IMAGE" and settings.image_use == "BACKDROP":
        reason = applying.why_not(context.scene, "IMAGE", applying.Choices.of(settings), ())
        if reason:
            parts.wrapped(layout, bpy.context, reason, "ERROR")
