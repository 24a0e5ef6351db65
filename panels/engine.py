"""The engine's state: in the preferences always, in the main panel as long as something is missing or going on."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import bpy

from ..blender import preferences as user
from ..blender.setup import Topic, setup, why_offline
from ..core.activity import Activity, State
from ..core.engine_setup.builds import TORCH
from ..core.engine_setup.found import find_torch, site_in
from ..core.engine_setup.machine import this_system
from . import parts


def draw_missing(layout: Any, context: bpy.types.Context) -> None:
    """In the main panel: what is missing and what can be done, and nothing when all is there."""
    if reason := setup.why_no_engine():
        box = layout.box()
        parts.wrapped(box, context, f"{reason}.", "INFO")
        if find_torch() is None and not setup.busy:
            _draw_offer(box, context)
        draw_activity(box, context)
    elif setup.activity is not None:
        draw_activity(layout.box(), context)


def draw_preferences(layout: Any, context: bpy.types.Context) -> None:
    """In the preferences."""
    box = layout.box()
    box.label(text="Engine", icon="SYSTEM")
    found, reason = find_torch(), setup.why_no_engine()
    if reason:
        parts.wrapped(box, context, f"{reason}.", "INFO")
    else:
        record = setup.folder.record if found.folder == setup.folder.site else {}
        device = f", computes on {record['name']}" if record else ""
        parts.wrapped(box, context, f"torch {found.version} in {found.folder}{device}", "CHECKMARK")
    if found is None and not setup.busy:
        _draw_offer(box, context)
    if setup.topic is Topic.ENGINE:
        draw_activity(box, context)
    column = box.column()
    column.use_property_split = True
    column.prop(user.preferences(), "engine_folder", placeholder=str(setup.folder.root))
    if site_in(setup.folder.root) is not None or setup.folder.kept_bytes:
        row = box.row(align=True)
        row.operator("syncdiffusion.repair_engine")
        row.operator("syncdiffusion.remove_engine")


def _draw_offer(layout: Any, context: bpy.types.Context) -> None:
    """What will be installed, from where, how large, into which folder; and the buttons."""
    build, why = setup.build()
    if why:
        parts.wrapped(layout, context, why)
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(user.preferences(), "engine_build")
    if build is not None:
        download, disk = build.systems[this_system()]
        source = urlsplit(build.index).netloc
        facts = f"torch {TORCH} from {source}: about {download:g} GB to download, {disk:g} GB on the disk"
        parts.wrapped(layout, context, f"{facts}, into {setup.folder.root}")
        if kept := setup.folder.kept_bytes:
            parts.wrapped(layout, context, f"{kept / 1e9:.2f} GB of an earlier try are there already")
    if offline := why_offline():
        parts.wrapped(layout, context, offline, "INTERNET_OFFLINE")
        layout.operator("extensions.userpref_allow_online", text="Allow Online Access", icon="INTERNET")
    row = layout.row()
    row.scale_y = 1.4
    row.active = row.enabled = build is not None and not offline
    row.operator("syncdiffusion.install_engine", icon="IMPORT")
    column = layout.column(align=True)
    column.operator("syncdiffusion.install_from_wheels")
    column.operator("syncdiffusion.use_engine_folder")


def draw_activity(layout: Any, context: bpy.types.Context) -> None:
    """What is being installed or downloaded, or how it ended."""
    activity = setup.activity
    if activity is None:
        return
    row = None
    if activity.running:
        layout.progress(text=_progress_text(activity), factor=activity.amount.share)
        parts.wrapped(layout, context, activity.amount.what)
        row = layout.row(align=True)
        row.operator("syncdiffusion.cancel_setup")
    else:
        icon = {State.DONE: "CHECKMARK", State.FAILED: "ERROR"}.get(activity.state, "INFO")
        message = activity.message
        parts.wrapped(layout, context, message[:1].upper() + message[1:], icon)
        row = layout.row(align=True)
        row.operator("syncdiffusion.dismiss_setup")
    row.operator("syncdiffusion.copy_setup_log")


def _progress_text(activity: Activity) -> str:
    if activity.cancelled:
        return "Cancelling"
    amount = activity.amount
    if not amount.total:
        return amount.what.partition(" ")[0] or "Working"
    text = f"{amount.done / 1e6:.0f} of {amount.total / 1e6:.0f} MB"
    if amount.bytes_per_second:
        text += f", {amount.bytes_per_second / 1e6:.1f} MB/s"
    if amount.seconds_left:
        text += f", {parts.duration(amount.seconds_left)} left"
    return text


def register() -> None:
    """Called when the extension is enabled."""
    user.sections.append(draw_preferences)


def unregister() -> None:
    """Called when it is disabled."""
    user.sections.remove(draw_preferences)
