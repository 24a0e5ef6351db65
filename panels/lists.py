"""The lists among the settings, each a few rows with a button below."""

from __future__ import annotations

from typing import Any

import bpy

from . import parts


def draw_directions(layout: Any, context: bpy.types.Context) -> None:
    """Directions of a world or a tile in degrees, places along a picture in per cent; what stands there."""
    settings = context.scene.syncdiffusion
    layout.use_property_split = False
    place = "position" if settings.target == "IMAGE" else "azimuth"
    if len(settings.regions):
        parts.note(layout, "From the left end" if place == "position" else "Degrees: 0 is +Y, 90 is +X")
    for index, region in enumerate(settings.regions):
        row = _row(layout, "regions", index)
        split = row.split(factor=0.3, align=True)
        split.prop(region, place, text="")
        split.prop(region, "prompt", text="", placeholder="What stands there")
    _draw_add(layout, "regions", "Add Direction")


def draw_additions(layout: Any, context: bpy.types.Context) -> None:
    """LoRAs with their weights, learned words, another VAE, a tiny decoder."""
    settings = context.scene.syncdiffusion
    column = layout.column()
    column.use_property_split = False
    for index, lora in enumerate(settings.loras):
        row = _row(column, "loras", index)
        split = row.split(factor=0.7, align=True)
        split.prop(lora, "path", text="")
        split.prop(lora, "weight", text="")
    _draw_add(column, "loras", "Add LoRA")
    for index, embedding in enumerate(settings.embeddings):
        _row(column, "embeddings", index).prop(embedding, "path", text="")
    _draw_add(column, "embeddings", "Add Word (Textual Inversion)")
    layout.prop(settings, "vae")
    layout.prop(settings, "tiny_decoder")


def _row(layout: Any, entries: str, index: int) -> Any:
    """A row that ends in a button which removes it; what is drawn into the returned part comes before that."""
    row = layout.row(align=True)
    content = row.row(align=True)
    remove = row.operator("syncdiffusion.remove_entry", text="", icon="X")
    remove.entries, remove.index = entries, index
    return content


def _draw_add(layout: Any, entries: str, text: str) -> None:
    layout.operator("syncdiffusion.add_entry", text=text, icon="ADD").entries = entries
