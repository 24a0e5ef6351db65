"""The last picture, and the controls of what was applied: a world, a material, a backdrop."""

from __future__ import annotations

from typing import Any

import bpy

from ..blender import (
    backdrops,
    live_world,
    material_nodes,
    materials,
    preview,
    status,
    suns,
    world_nodes,
    world_view,
    worlds,
)
from ..blender.naming import short_name
from ..blender.session import session
from ..operators.variations import LARGE
from . import parts

# What a view transform does to a picture that is seen directly.
_VIEW_NOTES = {
    "AgX": "AgX shows the background softer and greyer than the picture; Standard shows it as it is.",
    "Filmic": "Filmic shows the background softer and greyer than the picture; Standard shows it as it is.",
}


def draw_finished(layout: Any, context: bpy.types.Context) -> None:
    """The last picture, and what can be done with it."""
    done = session.finished
    image = bpy.data.images.get(done.image)
    box = layout.box()
    seconds = status.duration(done.seconds).replace(" ", "\u00a0")  # in one line
    parts.wrapped(box, context, f"{short_name(done.path.stem)}, {seconds}", "CHECKMARK")
    if image is None:
        parts.wrapped(box, context, done.message or f"Its data-block is gone; the file is {done.path}", "INFO")
        return
    if len(session.variations) > 1:
        _draw_variations(box, context)
    else:
        parts.picture(box, context, preview.icon_ids(done.icon))
    if done.message:
        parts.wrapped(box, context, done.message, "INFO")
    draw_picture(box, context, image, done.target)
    column = box.column(align=True)
    column.operator("syncdiffusion.finish", icon="FULLSCREEN_ENTER").image = done.image
    row = column.row(align=True)
    row.prop(context.scene.syncdiffusion, "finish_scale")
    row.prop(context.scene.syncdiffusion, "finish_strength")
    if done.target == "WORLD" and image.size[0] < LARGE:
        column.operator("syncdiffusion.upscale").image = done.image


def _draw_variations(layout: Any, context: bpy.types.Context) -> None:
    """The pictures of a batch, two in a row, the chosen one marked."""
    grid = layout.grid_flow(row_major=True, columns=2, even_columns=True)
    for number, done in enumerate(session.variations):
        cell = grid.column(align=True)
        parts.picture(cell, context, preview.icon_ids(done.icon), columns=2)
        chosen = done is session.finished
        seed = f"{done.task.job.plan.request.seed:04d}"
        cell.operator("syncdiffusion.pick_variation", text=seed, depress=chosen).number = number


def draw_picture(layout: Any, context: bpy.types.Context, image: bpy.types.Image, target: str) -> None:
    """What can be done with a picture, and where it is stored."""
    column = layout.column(align=True)
    row = column.row(align=True)
    row.operator("syncdiffusion.open_image").image = image.name
    if target != "IMAGE":
        row.operator("syncdiffusion.check_seam").image = image.name
    row.operator("syncdiffusion.save_image", text="Save a Copy").image = image.name
    row = column.row(align=True)
    row.operator("syncdiffusion.recall_settings").image = image.name
    row.operator("syncdiffusion.reuse_seed").image = image.name
    row = column.row(align=True)
    if target == "WORLD":
        row.operator("syncdiffusion.apply_world").image = image.name
    elif target == "MATERIAL":
        row.operator("syncdiffusion.apply_material").image = image.name
    row.operator("syncdiffusion.apply_backdrop").image = image.name
    packed = f"Packed {_size(image.packed_file.size)}, " if image.packed_file else ""
    parts.remark(layout, context, packed + image.filepath)


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 2**10:.0f} KB"


def draw_applied(layout: Any, context: bpy.types.Context) -> None:
    """The controls of what the scene and the active object have of ours."""
    draw_world(layout, context)
    draw_material(layout, context)
    draw_backdrop(layout, context)


def draw_world(layout: Any, context: bpy.types.Context) -> None:
    """The controls of a world of ours, or of a user's that was given a picture."""
    world = context.scene.world
    if live_world.is_preview(world):  # not the scene's own: whatever is set there goes with it
        return
    if worlds.is_ours(world):
        nodes = world.node_tree.nodes
        column = layout.column(align=True)  # not split: the names are long, and fit into the fields
        if world_nodes.MAPPING in nodes:
            row = column.row(align=True)
            row.prop(nodes[world_nodes.MAPPING].inputs["Rotation"], "default_value", index=2, text="Rotation")
            row.operator("syncdiffusion.face_camera", text="", icon="CAMERA_DATA")
        if world_nodes.VIEW in nodes:
            for name in (world_view.HORIZON, world_view.TILT, world_view.MIRROR):
                column.prop(nodes[world_nodes.VIEW].inputs[name], "default_value", text=name)
        strengths = (
            (world_nodes.LIGHTING, "Lighting Strength"),
            (world_nodes.BACKGROUND, "Background Strength"),
        )
        for name, text in strengths:
            if name in nodes:
                column.prop(nodes[name].inputs["Strength"], "default_value", text=text)
        draw_sun(layout, context)
        if text := _VIEW_NOTES.get(context.scene.view_settings.view_transform):
            parts.wrapped(layout, context, text, "INFO")
    elif not worlds.has_picture(world):
        return
    row = layout.row(align=True)
    row.operator("syncdiffusion.restore_world")
    row.operator("syncdiffusion.mark_asset", text="", icon="ASSET_MANAGER").kind = "WORLD"


def draw_sun(layout: Any, context: bpy.types.Context) -> None:
    """Where the sun shines, or why there is none."""
    found = suns.of(context.scene.world)
    if found is None:
        parts.remark(layout, context, suns.why_none(context.scene.world))
        return
    layout.row().prop(context.scene.syncdiffusion, "sun", expand=True)


def draw_material(layout: Any, context: bpy.types.Context) -> None:
    """The controls of the active object's material, if it is ours."""
    thing = context.object
    material = thing.active_material if thing is not None else None
    if not materials.is_ours(material):
        return
    nodes = material.node_tree.nodes
    column = layout.column(align=True)
    if material_nodes.SCALE in nodes:
        column.prop(nodes[material_nodes.SCALE].outputs[0], "default_value", text="Scale")
    texture = nodes[material_nodes.TEXTURE]
    if texture.projection == "BOX":
        column.prop(texture, "projection_blend", text="Blend", slider=True)
    if material_nodes.BUMP in nodes:
        column.prop(nodes[material_nodes.BUMP].inputs["Strength"], "default_value", text="Luminance Bump")
    if material_nodes.SHADER in nodes and not nodes[material_nodes.SHADER].inputs["Roughness"].is_linked:
        column.prop(nodes[material_nodes.SHADER].inputs["Roughness"], "default_value", text="Roughness")
    if dense := materials.texels_per_metre(thing, material, context.scene):
        parts.note(layout, f"{dense:.0f} px/m on {thing.name}")
    row = layout.row(align=True)
    row.operator("syncdiffusion.make_unique")
    row.operator("syncdiffusion.mark_asset", text="", icon="ASSET_MANAGER").kind = "MATERIAL"


def draw_backdrop(layout: Any, context: bpy.types.Context) -> None:
    """The one control of a backdrop, if the active object is one."""
    if backdrops.is_backdrop(context.object):
        layout.operator("syncdiffusion.fit_backdrop", text="Fit Backdrop to Camera")
