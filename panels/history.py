"""What was generated in this file, as a list or a grid."""

from __future__ import annotations

from typing import Any

import bpy

from ..blender import history, images
from ..blender.naming import short_name
from ..blender.requests import TARGET_NAMES
from . import finished, parts

GRID_COUNT = 12
_TARGETS = {theirs: ours for ours, theirs in TARGET_NAMES.items()}


class SYNCDIFFUSION_UL_history(bpy.types.UIList):
    """The images of this file that were generated here; the newest first."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: Any,
        data: Any,
        item: Any,
        icon: int,
        active_data: Any,
        active_property: str,
    ) -> None:
        """Thumbnail, name, and whether it is packed."""
        picture = item.preview.icon_id if item.preview is not None else icon
        layout.label(text=short_name(item.name), icon_value=picture)
        if item.packed_file is not None:
            layout.label(text="", icon="PACKAGE")

    def filter_items(self, context: bpy.types.Context, data: Any, propname: str) -> tuple[list[int], list[int]]:
        """Only what was generated, by its name if one is searched for, sorted by time."""
        all_images = getattr(data, propname)
        searched = self.filter_name.lower()
        flags = [
            self.bitflag_filter_item if images.is_generated(image) and searched in image.name.lower() else 0
            for image in all_images
        ]
        order = sorted(range(len(all_images)), key=lambda index: -all_images[index].get(images.MADE, 0.0))
        places = [0] * len(order)
        for place, index in enumerate(order):
            places[index] = place
        return flags, places


def draw_history(layout: Any, context: bpy.types.Context) -> None:
    """The pictures, and below them what can be done with the chosen one."""
    settings = context.scene.syncdiffusion
    row = layout.row(align=True)
    row.prop(settings, "history_view", expand=True)
    row.operator("syncdiffusion.find_pictures", text="", icon="VIEWZOOM")
    if not any(map(images.is_generated, bpy.data.images)):
        layout.label(text="Nothing has been generated in this file yet")
        return
    if settings.history_view == "LIST":
        layout.template_list("SYNCDIFFUSION_UL_history", "", bpy.data, "images", settings, "history_index", rows=4)
    else:
        _draw_grid(layout, settings)
    image = history.active(settings)
    if image is None:
        layout.label(text="Choose a picture", icon="INFO")
        return
    facts = history.facts(image)
    parts.wrapped(layout, context, facts["prompt"])
    parts.remark(layout, context, f"Seed {facts['seed']}, {image.name}")
    finished.draw_picture(layout, context, image, _TARGETS[facts["target"]])
    layout.operator("syncdiffusion.delete_image", icon="TRASH").image = image.name


def _draw_grid(layout: Any, settings: Any) -> None:
    chosen = history.active(settings)
    grid = layout.grid_flow(row_major=True, columns=3, even_columns=True, even_rows=True, align=True)
    for image in history.newest(GRID_COUNT):
        cell = grid.column(align=True)
        if image.preview is not None:
            cell.template_icon(icon_value=image.preview.icon_id, scale=3.0)
        button = cell.operator(
            "syncdiffusion.select_picture", text=str(history.seed_of(image)), depress=image == chosen
        )
        button.image = image.name


CLASSES = (SYNCDIFFUSION_UL_history,)
