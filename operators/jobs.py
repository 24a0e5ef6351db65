"""What can be done with pictures that are being made or wait."""

from __future__ import annotations

import bpy

from ..blender import screen
from ..blender.session import session

USER = "user"  # the reason of a pause that the user asked for


class OnRunning:
    """An operator that needs something to run."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether something runs."""
        cls.poll_message_set("Nothing is running")
        return session.running is not None


class SYNCDIFFUSION_OT_cancel(OnRunning, bpy.types.Operator):
    """Cancel the running picture, or all of them; nothing is changed by it"""

    bl_idname = "syncdiffusion.cancel"
    bl_label = "Cancel"

    everything: bpy.props.BoolProperty(
        name="Everything", description="Cancel the waiting pictures too", options={"SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask the jobs to stop; they do within one batch of windows."""
        for task in list(session.tasks) if self.everything else session.tasks[:1]:
            task.job.cancel()
        session.resume(USER)
        screen.redraw()
        return {"FINISHED"}


class SYNCDIFFUSION_OT_stop(OnRunning, bpy.types.Operator):
    """End the running picture after this step, and keep it as it is then"""

    bl_idname = "syncdiffusion.stop"
    bl_label = "Stop and Keep"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask the running job; it decodes and saves what there is."""
        session.running.job.stop()
        session.resume(USER)
        screen.redraw()
        return {"FINISHED"}


class SYNCDIFFUSION_OT_pause(OnRunning, bpy.types.Operator):
    """Have the running picture wait, or go on"""

    bl_idname = "syncdiffusion.pause"
    bl_label = "Pause"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """It waits before its next batch of windows."""
        if session.is_paused_for(USER):
            session.resume(USER)
        else:
            session.pause(USER)
        screen.redraw()
        return {"FINISHED"}


class SYNCDIFFUSION_OT_remove_from_queue(bpy.types.Operator):
    """Take a waiting picture out of the queue"""

    bl_idname = "syncdiffusion.remove_from_queue"
    bl_label = "Remove from Queue"

    number: bpy.props.IntProperty(name="Number", description="The number of the job", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Cancel the job of this number, if it still waits."""
        for task in session.waiting:
            if task.job.number == self.number:
                task.job.cancel()
        return {"FINISHED"}


class SYNCDIFFUSION_OT_clear_queue(bpy.types.Operator):
    """Take all waiting pictures out of the queue; the running one goes on"""

    bl_idname = "syncdiffusion.clear_queue"
    bl_label = "Clear Queue"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether something waits."""
        cls.poll_message_set("Nothing is waiting")
        return bool(session.waiting)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Cancel the jobs that have not begun."""
        for task in session.waiting:
            task.job.cancel()
        return {"FINISHED"}


class SYNCDIFFUSION_OT_release_model(bpy.types.Operator):
    """Give the memory of the loaded model back. A picture that is being made pauses for it"""

    bl_idname = "syncdiffusion.release_model"
    bl_label = "Free VRAM"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is something to give back."""
        cls.poll_message_set("No model is loaded")
        return session.holds_model

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Forget the model; of a running picture, move it into main memory until the picture goes on."""
        if session.running is not None:
            session.pause(USER, free_memory=True)
        else:
            session.queue.release_model()
        screen.redraw()
        return {"FINISHED"}


CLASSES = (
    SYNCDIFFUSION_OT_cancel,
    SYNCDIFFUSION_OT_stop,
    SYNCDIFFUSION_OT_pause,
    SYNCDIFFUSION_OT_remove_from_queue,
    SYNCDIFFUSION_OT_clear_queue,
    SYNCDIFFUSION_OT_release_model,
)
