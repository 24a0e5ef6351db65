"""The list of models, in the preferences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from ..blender import preferences as user
from ..blender.library import library
from ..blender.setup import Topic, setup
from ..core.engine_setup.machine import memory_bytes
from ..core.models.library import SUGGESTED, Entry, Place, list_backbones
from . import parts
from .engine import draw_activity

_ICONS = {Place.BUILTIN: "PACKAGE", Place.CACHE: "DISK_DRIVE", Place.ADDED: "FILE_FOLDER", Place.OFFERED: "IMPORT"}


def draw_preferences(layout: Any, context: bpy.types.Context) -> None:
    """Models, then the networks of losses, then the report."""
    setup.detect_machine()
    box = layout.box()
    row = box.row()
    row.label(text="Models", icon="ASSET_MANAGER")
    row.operator("syncdiffusion.list_models", text="", icon="FILE_REFRESH")
    row.operator("syncdiffusion.add_model", text="", icon="ADD")
    if setup.topic is Topic.MODELS:
        draw_activity(box, context)
    if library.entries is None:
        library.look()
        box.label(text="Looking for models...")
    for entry in library.entries or ():
        _draw_entry(box, context, entry)
    box = layout.box()
    box.label(text="Distances", icon="VIEWZOOM")
    parts.wrapped(box, context, "What windows are compared by. The built-in model has its own; others need LPIPS.")
    for backbone in list_backbones():
        text, buttons = _line(box)
        text.label(text=backbone.title, icon="BLANK1")
        text.label(text=f"{backbone.megabytes} MB, {backbone.licence}", icon="BLANK1")
        if backbone.there:
            buttons.label(text="Downloaded", icon="CHECKMARK")
        else:
            buttons.operator("syncdiffusion.download_model").model = backbone.loss
    layout.operator("syncdiffusion.copy_report", icon="COPYDOWN")


def _line(layout: Any) -> tuple[Any, Any]:
    """A line of the list: the column for what it is, and the row for what can be done."""
    row = layout.split(factor=0.78)
    text = row.column(align=True)
    text.scale_y = 0.8
    return text, row.row(align=True)


def _draw_entry(layout: Any, context: bpy.types.Context, entry: Entry) -> None:
    text, buttons = _line(layout)
    suggested = entry.name == SUGGESTED and setup.machine is not None and setup.machine.nvidia
    text.label(text=f"{entry.title} (suggested)" if suggested else entry.title, icon=_ICONS[entry.place])
    for line in (entry.problem,) if entry.problem else _facts(entry):
        text.label(text=line, icon="ERROR" if entry.problem else "BLANK1")
    if entry.place is Place.OFFERED:
        buttons.operator("syncdiffusion.download_model").model = entry.name
    elif not entry.problem:
        buttons.operator("syncdiffusion.use_model", depress=_is_used(context, entry)).model = entry.name
    if entry.place is Place.ADDED:
        buttons.operator("syncdiffusion.forget_model", text="", icon="X").model = entry.name


def _is_used(context: bpy.types.Context, entry: Entry) -> bool:
    return (context.scene.syncdiffusion.model.strip() or "builtin") == entry.name


def _facts(entry: Entry) -> Iterator[str]:
    """Where it is, size, window, licence; then memory against what is at hand."""
    facts = [entry.place.value]
    if entry.bytes:
        facts.append(_size(entry.bytes))
    if entry.native_window:
        facts.append(f"windows of {entry.native_window} px")
    yield ", ".join([*facts, entry.licence or "licence unknown"])
    if entry.memory_bytes:
        at_hand = _at_hand() / 2**30
        way = entry.way(at_hand)
        how = "" if way == "exact" else f"; to fit: {way}"
        yield f"memory: about {entry.memory_bytes / 2**30:.0f} GB if exact, {at_hand:.0f} GB at hand{how}"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _at_hand() -> int:
    """Memory of the largest graphics card, else of the computer."""
    machine = setup.machine
    cards = (*machine.nvidia, *machine.amd) if machine is not None else ()
    return max((card.memory_bytes for card in cards), default=0) or memory_bytes()


def register() -> None:
    """Called when the extension is enabled."""
    user.sections.append(draw_preferences)


def unregister() -> None:
    """Called when it is disabled."""
    user.sections.remove(draw_preferences)
