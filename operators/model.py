"""The model in memory."""

from __future__ import annotations

import bpy

from ..blender.session import session


class SYNCDIFFUSION_OT_release_model(bpy.types.Operator):
    """Give the memory of the loaded model back, after the pictures that are in the queue"""

    bl_idname = "syncdiffusion.release_model"
    bl_label = "Free Memory"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask the worker to forget the model."""
        session.queue.release_model()
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_release_model,)
