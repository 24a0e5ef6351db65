"""The add-on's preferences: of this machine and its user, not of a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..core.engine_setup.builds import available
from ..core.engine_setup.machine import this_system

PACKAGE = __package__.rpartition(".")[0]  # bl_ext.user_default.syncdiffusion


# What panels add to the preferences below what is here, and who wants to know of another engine folder.
sections: list[Callable[[Any, bpy.types.Context], None]] = []
on_engine_folder: list[Callable[[], None]] = []

_BUILDS = (
    ("auto", "Automatic", "The build of torch that suits this computer"),
    *((build.key, build.label, f"From {build.index}") for build in available(this_system())),
)
_RUNNING = ("live_preview", "free_vram_on_render", "warm_up", "release_after_use")


def default_folder() -> str:
    """A visible folder for pictures of files that have not been saved yet."""
    pictures = Path.home() / "Pictures"
    return str((pictures if pictures.is_dir() else Path.home()) / "SyncDiffusion")


_DEVICES = (
    ("auto", "Automatic", "The graphics card where there is one", 0),
    ("cuda", "NVIDIA GPU", "The first CUDA device", 1),
    ("mps", "Apple GPU", "Metal", 2),
    ("cpu", "CPU", "Slow; well enough for the built-in model", 3),
)
_FIRST_CARD = 10  # the number of cuda:0 among the entries


@lru_cache(maxsize=1)  # Blender holds the texts of a list that is made, but does not keep them alive
def _entries(found: str) -> tuple[tuple[str, str, str, int], ...]:
    numbers = {identifier: number for identifier, _, _, number in _DEVICES}
    named = []
    for identifier, name, memory in json.loads(found) if found else ():
        number = numbers.get(identifier) or _FIRST_CARD + int(identifier.partition(":")[2])
        named.append((identifier, f"{name} ({memory / 2**30:.0f} GB)", identifier, number))
    known = {number for *_, number in named}
    return (*(entry for entry in _DEVICES if entry[3] not in known), *named)


def _device_items(self: SyncDiffusionPreferences, context: bpy.types.Context) -> tuple[tuple[str, str, str, int], ...]:
    return _entries(self.devices_found)


def _engine_folder_changed(_: bpy.types.AddonPreferences, __: bpy.types.Context) -> None:
    for told in on_engine_folder:
        told()


class SyncDiffusionPreferences(bpy.types.AddonPreferences):
    """Preferences."""

    bl_idname = PACKAGE

    device: EnumProperty(name="Device", description="What pictures are computed on", items=_device_items)
    devices_found: StringProperty(options={"HIDDEN"})
    """JSON: what ``core.runtime.devices.list_devices`` found; empty before it was asked."""
    dtype: EnumProperty(
        name="Precision",
        description="Numbers that the networks compute with",
        items=(
            ("auto", "Automatic", "Half on a graphics card, full on a CPU"),
            ("float16", "Half (float16)", "Half the memory"),
            ("bfloat16", "Half (bfloat16)", "Half the memory, on newer cards and CPUs"),
            ("float32", "Full (float32)", "Twice the memory, exact"),
        ),
    )
    folder: StringProperty(
        name="Folder",
        description="Where pictures go while the .blend is not saved; beside a saved one they go to //textures/",
        subtype="DIR_PATH",
        default=default_folder(),
    )
    packing: EnumProperty(
        name="Pack",
        description="Which pictures are stored inside the .blend, beside their files",
        items=(
            ("APPLIED", "Applied", "Those that the scene uses"),
            ("ALL", "All", "Every finished picture"),
            ("NONE", "None", "None: the .blend refers to the files"),
        ),
    )

    live_preview: BoolProperty(
        name="Live in Viewport",
        description="Show a world while it is made in viewports that show the scene's world; it never gets into a file",
        default=True,
    )
    free_vram_on_render: BoolProperty(
        name="Free VRAM at Render",
        description="Move the model into main memory while Blender renders and the picture pauses",
        default=False,
    )
    warm_up: BoolProperty(
        name="Load Model in Advance",
        description="Load the engine and the model while the panel is open, so that Generate begins at once",
        default=True,
    )
    release_after_use: BoolProperty(
        name="Release After Use",
        description="Give the model's memory back when the last picture of the queue is done",
        default=False,
    )

    engine_build: EnumProperty(
        name="Build", description="Which build of torch is installed: it depends on the graphics card", items=_BUILDS
    )
    added_models: StringProperty(options={"HIDDEN"})
    """JSON: folders and files of models that the user has added."""
    engine_folder: StringProperty(
        name="Engine Folder",
        description="Where torch is installed to, or lies already; empty is the extension's own folder",
        subtype="DIR_PATH",
        update=_engine_folder_changed,
    )

    def draw(self, context: bpy.types.Context) -> None:
        """The preferences, by topic."""
        layout = self.layout
        layout.use_property_split = True
        for names in (("device", "dtype"), ("folder", "packing"), _RUNNING):
            column = layout.column(heading="While It Runs" if names is _RUNNING else "")
            for name in names:
                row = column.row(align=True)
                row.prop(self, name)
                if name == "device":
                    row.operator("syncdiffusion.find_devices", text="", icon="FILE_REFRESH")
        row = layout.row()
        if bpy.app.online_access:
            row.label(text="Online Access is on: the engine and models can be downloaded", icon="INTERNET")
        else:
            row.label(text="Online Access is off: nothing is downloaded", icon="INTERNET_OFFLINE")
        row.prop(context.preferences.system, "use_online_access", text="Allow Online Access")
        for section in sections:
            section(layout, context)


_has_own_entry = False


def preferences() -> SyncDiffusionPreferences:
    """The add-on's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def register() -> None:
    """Called when the extension is enabled."""
    global _has_own_entry
    bpy.utils.register_class(SyncDiffusionPreferences)
    addons = bpy.context.preferences.addons
    if PACKAGE not in addons:  # enabled for this run only, as ``blender --addons`` does
        addons.new().module = PACKAGE
        _has_own_entry = True


def unregister() -> None:
    """Called when it is disabled."""
    global _has_own_entry
    addons = bpy.context.preferences.addons
    if _has_own_entry and PACKAGE in addons:
        addons.remove(addons[PACKAGE])
    _has_own_entry = False
    bpy.utils.unregister_class(SyncDiffusionPreferences)
