"""Variations: one of a batch is chosen, and finished at full size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy

from ..blender import applying, drafts, folders, references
from ..blender.images import REQUEST
from ..blender.preferences import preferences
from ..blender.requests import PRESET_NAMES, TARGET_NAMES
from ..blender.session import session
from ..blender.setup import setup
from ..blender.submit import Purpose
from .generate import carry_out
from .image import OnImage

# What makes a picture the one it is; the rest is the quality that it is finished at.
_COMPOSITION = ("prompt", "negative_prompt", "target", "seed", "guidance_scale", "method")


class SYNCDIFFUSION_OT_pick_variation(bpy.types.Operator):
    """Choose this picture of the variations, and apply it"""

    bl_idname = "syncdiffusion.pick_variation"
    bl_label = "Pick Variation"
    bl_options = {"REGISTER", "UNDO"}

    number: bpy.props.IntProperty(name="Number", description="Counted from 0", min=0, options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Apply it as the first was applied."""
        if self.number >= len(session.variations):
            self.report({"ERROR"}, f"There is no variation {self.number}; there are {len(session.variations)}")
            return {"CANCELLED"}
        done = session.variations[self.number]
        image, scene = bpy.data.images.get(done.image), bpy.data.scenes.get(done.scene)
        if image is None or scene is None:
            self.report({"ERROR"}, f"{'Its scene' if image else 'The image'} is gone; the file is {done.path}")
            return {"CANCELLED"}
        session.finished = done
        if done.target != "IMAGE" or done.task.choices.image_use != "DATA":
            message = applying.apply(image, scene, done.target, done.task.choices, done.task.objects)
            if message:
                self.report({"INFO"}, message)
        return {"FINISHED"}


class SYNCDIFFUSION_OT_finish(OnImage, bpy.types.Operator):
    """Make this very picture again, larger and at full quality: enlarged, put under some noise, and drawn anew"""

    bl_idname = "syncdiffusion.finish"
    bl_label = "Finish at Full Size"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is an engine."""
        cls.poll_message_set("The engine is not installed")
        return not setup.why_no_engine()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Queue it."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        request = json.loads(image[REQUEST])
        settings, preference = context.scene.syncdiffusion, preferences()
        given = _finishing(request, settings, _start_of(image, request)) | {
            "device": preference.device,
            "dtype": preference.dtype,
            "offline": not bpy.app.online_access,
        }
        return carry_out(self, [given], _purpose(context, image, request))


def _start_of(image: bpy.types.Image, request: dict[str, Any]) -> Path:
    """The latents of a picture where they are kept, else the picture itself."""
    latents = drafts.path_of(folders.latents(), request)
    return latents if latents.exists() else references.file_of(image)


def _finishing(request: dict[str, Any], settings: Any, start: Path) -> dict[str, Any]:
    """The request that finishes a picture with this ``request``, at the quality that is set."""
    given = {name: request[name] for name in _COMPOSITION}
    # A picture knows the name of a model's folder, not where it lies.
    here = Path(settings.model).name == request["model"]
    scale = settings.finish_scale
    width = request["width"] * scale
    given |= {
        "model": settings.model if here else request["model"],
        "preset": "balanced" if settings.preset == "DRAFT" else PRESET_NAMES[settings.preset],
        "init_image": str(start),
        "init_mode": "refine",
        "strength": settings.finish_strength,
        "width": round(width / 64) * 64,
    }
    if not request["sync_weight"]:
        given["sync_weight"] = 0.0  # it was made without bringing windows together, and is finished so
    if request["target"] == "world":
        given |= {"horizon": request["horizon"], "world_size": max(request["world_size"], settings.world_size)}
    return given


def _purpose(context: bpy.types.Context, image: bpy.types.Image, request: dict[str, Any]) -> Purpose:
    """What the picture was for; one of another session is for what is chosen now."""
    for done in session.variations:
        if done.image == image.name:
            return Purpose(done.target, done.scene, done.task.choices, done.task.objects)
    targets = {theirs: ours for ours, theirs in TARGET_NAMES.items()}
    return Purpose.of(context, targets[request["target"]])


CLASSES = (SYNCDIFFUSION_OT_pick_variation, SYNCDIFFUSION_OT_finish)
