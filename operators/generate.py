"""Generate, and what can be done while it runs."""

from __future__ import annotations

import random
from importlib.util import find_spec

import bpy

from ..blender import applying, prompts, pump, storage
from ..blender.naming import free_path, picture_name
from ..blender.preferences import preferences
from ..blender.references import anchor_of
from ..blender.requests import request_settings
from ..blender.session import Failure, Task, session
from ..core.errors import SyncDiffusionError
from ..core.files.outputs import Outputs

MAX_SEED = 2**31 - 1
ENGINE = ("torch", "diffusers", "transformers")


def missing_engine() -> list[str]:
    """What of the engine Blender's Python does not find. Nothing is imported for it."""
    return [name for name in ENGINE if find_spec(name) is None]


def why_not(context: bpy.types.Context) -> str:
    """Why nothing can be generated now; empty if it can."""
    settings = context.scene.syncdiffusion
    if missing := missing_engine():
        return f"The engine is not installed: Blender's Python does not find {', '.join(missing)}"
    if not settings.prompt.strip():
        return "The prompt is empty: say what the picture should show"
    return applying.why_not(context.scene, settings.target, applying.Choices.of(settings), context.selected_objects)


class SYNCDIFFUSION_OT_generate(bpy.types.Operator):
    """Generate a picture from the prompt, in the background"""

    bl_idname = "syncdiffusion.generate"
    bl_label = "Generate"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is what it takes."""
        reason = why_not(context)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Queue a job for every variation; in the background, carry them out."""
        settings = context.scene.syncdiffusion
        prompts.read_back()
        if settings.use_random_seed:
            settings.seed = random.randint(0, MAX_SEED)
        session.failure = None
        session.notices.clear()
        submitted = []
        try:
            for number in range(settings.variations):
                submitted.append(submit(context, min(settings.seed + number, MAX_SEED)))
                session.tasks.append(submitted[-1])
        except (SyncDiffusionError, OSError) as error:
            for task in submitted:  # all variations or none
                task.job.cancel()
            if submitted:
                pump.start()
            session.failure = Failure(str(error))
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not bpy.app.background:
            pump.start()
            pump.redraw()
            return {"FINISHED"}
        pump.run_to_end()
        if session.failure is not None:
            self.report({"ERROR"}, session.failure.sentence)
            return {"CANCELLED"}
        return {"FINISHED"}


def submit(context: bpy.types.Context, seed: int) -> Task:
    """Check a request, and put it in the queue with what is to become of its picture.

    Raises SyncDiffusionError or OSError with a sentence for the user.
    """
    from ..core.request.validation import prepare

    settings, preference = context.scene.syncdiffusion, preferences()
    given = request_settings(settings, seed, preference.device, preference.dtype, bpy.app.online_access)
    plan = prepare(given | {"anchor": anchor_of(settings)})
    path = free_path(storage.folder_for_new(), picture_name(settings.prompt, seed), session.is_taken)
    outputs = Outputs(output=path)
    outputs.check_space(plan.request.pixels)
    objects = context.selected_objects if settings.target == "MATERIAL" else ()
    return Task(
        job=session.queue.submit(plan, outputs),
        name=path.stem,
        path=path,
        target=settings.target,
        scene=context.scene.name,
        file=session.files_opened,
        choices=applying.Choices.of(settings),
        objects=tuple(thing.name for thing in objects),
    )


class SYNCDIFFUSION_OT_cancel(bpy.types.Operator):
    """Cancel the running picture, or all of them; nothing is changed by it"""

    bl_idname = "syncdiffusion.cancel"
    bl_label = "Cancel"

    everything: bpy.props.BoolProperty(
        name="Everything", description="Cancel the waiting pictures too", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is something to cancel."""
        cls.poll_message_set("Nothing is running")
        return session.running is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask the jobs to stop; they do within one batch of windows."""
        for task in session.tasks if self.everything else session.tasks[:1]:
            task.job.cancel()
        return {"FINISHED"}


class SYNCDIFFUSION_OT_dismiss(bpy.types.Operator):
    """Take the message away"""

    bl_idname = "syncdiffusion.dismiss"
    bl_label = "Dismiss"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Forget the failure and the notices."""
        session.failure = None
        session.notices.clear()
        return {"FINISHED"}


class SYNCDIFFUSION_OT_copy_details(bpy.types.Operator):
    """Copy what went wrong, with where in the code, for a report"""

    bl_idname = "syncdiffusion.copy_details"
    bl_label = "Copy Details"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether something went wrong."""
        cls.poll_message_set("Nothing went wrong")
        return session.failure is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Put the sentence and the traceback on the clipboard."""
        failure = session.failure
        context.window_manager.clipboard = "\n".join(filter(None, (failure.sentence, failure.details)))
        return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_generate, SYNCDIFFUSION_OT_cancel, SYNCDIFFUSION_OT_dismiss, SYNCDIFFUSION_OT_copy_details)
