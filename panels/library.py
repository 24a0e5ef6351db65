"""The list of models, in the preferences."""

from __future__ import annotations

from typing import Any

import bpy

from ..blender import preferences as user
from ..blender.library import library
from ..blender.setup import setup
from ..core.engine_setup.machine import memory_bytes
from ..core.models.library import Entry, Place, list_backbones
from . import parts

_ICONS = {Place.BUILTIN: "PACKAGE", Place.CACHE: "DISK_DRIVE", Place.ADDED: "FILE_FOLDER", Place.OFFERED: "IMPORT"}


def draw_preferences(layout: Any, context: bpy.types.Context) -> None:
    """Models, then the networks of losses."""
    box = layout.box()
    row = box.row()
    row.label(text="Models", icon="ASSET_MANAGER")
    row.operator("syncdiffusion.list_models", text="", icon="FILE_REFRESH")
    row.operator("syncdiffusion.add_model", text="", icon="ADD")
    if library.entries is None:
        library.look()
    for entry in library.entries or ():
        _draw_entry(box, context, entry)
    box.label(text="Networks that losses look through")
    for backbone in list_backbones():
        row = box.row()
        row.label(text=f"{backbone.loss}: {backbone.megabytes} MB, {backbone.licence}", icon="VIEWZOOM")
        if backbone.there:
            row.label(text="", icon="CHECKMARK")
        else:
            row.operator("syncdiffusion.download_model", text="", icon="IMPORT").model = backbone.loss
    layout.operator("syncdiffusion.copy_report", icon="COPYDOWN")


def _draw_entry(layout: Any, context: bpy.types.Context, entry: Entry) -> None:
    row = layout.row()
    text = row.column(align=True)
    text.scale_y = 0.8
    text.label(text=entry.title, icon=_ICONS[entry.place])
    text.label(text=_facts(entry), icon="BLANK1")
    if entry.problem:
        parts.wrapped(text, context, entry.problem, "ERROR")
    buttons = row.row(align=True)
    if entry.place is Place.OFFERED:
        buttons.operator("syncdiffusion.download_model").model = entry.name
    elif not entry.problem:
        buttons.operator("syncdiffusion.use_model", depress=_is_used(context, entry)).model = entry.name
    if entry.place is Place.ADDED:
        buttons.operator("syncdiffusion.forget_model", text="", icon="X").model = entry.name


def _is_used(context: bpy.types.Context, entry: Entry) -> bool:
    return (context.scene.syncdiffusion.model.strip() or "builtin") == entry.name


def _facts(entry: Entry) -> str:
    """Where, licence, size, window, memory against what is at hand."""
    facts = [entry.place.value, entry.licence or "licence unknown"]
    if entry.bytes:
        facts.append(f"{entry.bytes / 1e9:.1f} GB")
    if entry.native_window:
        facts.append(f"{entry.native_window} px")
    if entry.memory_bytes:
        at_hand = _at_hand() / 2**30
        facts.append(f"takes about {entry.memory_bytes / 2**30:.0f} GB, of {at_hand:.0f} at hand")
        if way := entry.way(at_hand):
            facts.append(way)
    return ", ".join(facts)


def _at_hand() -> int:
    """Memory of the largest graphics card, else of the computer."""
    cards = setup.machine.nvidia if setup.machine is not None else ()
    return max((card.memory_bytes for card in cards), default=0) or memory_bytes()


def register() -> None:
    """Called when the extension is enabled."""
    user.sections.append(draw_preferences)


def unregister() -> None:
    """Called when it is disabled."""
    user.sections.remove(draw_preferences)
