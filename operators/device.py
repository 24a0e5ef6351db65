"""What pictures are computed on."""

from __future__ import annotations

import time

import bpy

from ..blender import devices
from ..blender.setup import setup


class SYNCDIFFUSION_OT_find_devices(bpy.types.Operator):
    """Look what this machine can compute on, to name it in the list"""

    bl_idname = "syncdiffusion.find_devices"
    bl_label = "Find Devices"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is an engine to ask."""
        reason = setup.why_no_engine()
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask the worker; in a background Blender, wait for its answer."""
        look = devices.find()
        while bpy.app.background and (seconds := look()) is not None:
            time.sleep(seconds)
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_find_devices,)
