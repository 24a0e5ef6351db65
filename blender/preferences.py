"""The add-on's preferences: of this machine and its user, not of a file."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

PACKAGE = __package__.rpartition(".")[0]  # bl_ext.user_default.syncdiffusion


def default_folder() -> str:
    """A visible folder for pictures of files that have not been saved yet."""
    pictures = Path.home() / "Pictures"
    return str((pictures if pictures.is_dir() else Path.home()) / "SyncDiffusion")


class SyncDiffusionPreferences(bpy.types.AddonPreferences):
    """Preferences."""

    bl_idname = PACKAGE

    device: EnumProperty(
        name="Device",
        description="What pictures are computed on",
        items=(
            ("auto", "Automatic", "The graphics card where there is one"),
            ("cuda", "NVIDIA GPU", "CUDA"),
            ("mps", "Apple GPU", "Metal"),
            ("cpu", "CPU", "Slow; well enough for the built-in model"),
        ),
    )
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

    def draw(self, context: bpy.types.Context) -> None:
        """The preferences, one below the other."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "device")
        layout.prop(self, "dtype")
        layout.prop(self, "folder")
        layout.prop(self, "packing")


def preferences() -> SyncDiffusionPreferences:
    """The add-on's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def register() -> None:
    """Called when the extension is enabled."""
    bpy.utils.register_class(SyncDiffusionPreferences)


def unregister() -> None:
    """Called when it is disabled."""
    bpy.utils.unregister_class(SyncDiffusionPreferences)
