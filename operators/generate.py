"""Generate."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import bpy

from ..blender import applying, prompts, pump, screen
from ..blender.preferences import preferences
from ..blender.references import reference_settings
from ..blender.requests import request_settings
from ..blender.session import Failure, session
from ..blender.setup import setup
from ..blender.submit import Purpose, submit
from ..core.errors import SyncDiffusionError

MAX_SEED = 2**31 - 1


def why_not(context: bpy.types.Context) -> str:
    """Why nothing can be generated now; empty if it can."""
    settings = context.scene.syncdiffusion
    if reason := setup.why_no_engine():
        return reason
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
        """Queue a picture for every variation; in a background Blender, carry them out."""
        settings, preference = context.scene.syncdiffusion, preferences()
        prompts.read_back()
        if settings.use_random_seed:
            settings.seed = random.randint(0, MAX_SEED)
        seeds = [min(settings.seed + number, MAX_SEED) for number in range(settings.variations)]
        references = reference_settings(settings)
        requests = [
            request_settings(settings, seed, preference.device, preference.dtype) | references for seed in seeds
        ]
        return carry_out(self, requests, Purpose.of(context))


def carry_out(operator: bpy.types.Operator, requests: Sequence[Mapping[str, Any]], purpose: Purpose) -> set[str]:
    """Queue the pictures; without a window, wait for them. What is wrong is reported, and shown in the panel."""
    try:
        submit(requests, purpose)
    except (SyncDiffusionError, OSError) as error:
        session.failure = Failure.of(error)
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    if not bpy.app.background:
        if bpy.app.is_job_running("RENDER"):
            session.pause("render", preferences().free_vram_on_render)
        pump.start()
        screen.redraw()
        return {"FINISHED"}
    pump.run_to_end()
    if session.failure is not None:
        operator.report({"ERROR"}, session.failure.sentence)
        return {"CANCELLED"}
    return {"FINISHED"}


CLASSES = (SYNCDIFFUSION_OT_generate,)
