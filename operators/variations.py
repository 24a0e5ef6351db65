"""Variations: one of a batch is chosen, and finished at full size."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import bpy

from ..blender import applying, drafts, folders, references
from ..blender.images import REQUEST
from ..blender.preferences import preferences
from ..blender.requests import TARGET_NAMES, request_settings
from ..blender.session import session
from ..blender.setup import setup
from ..blender.submit import Purpose
from .generate import carry_out
from .image import OnImage
from .reasons import Reasoned

GRID = 64  # pixels: a multiple of every model's latent factor
LARGE = 8192  # pixels round the horizon


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


class Again(OnImage, Reasoned):
    """An operator that makes a picture again, larger: enlarged, put under some noise, and drawn anew."""

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        """Why there is no engine."""
        return setup.why_no_engine()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Queue it."""
        image = self.chosen()
        if image is None:
            return {"CANCELLED"}
        request = json.loads(image[REQUEST])
        if reason := self.why_not_again(image, request):
            self.report({"ERROR"}, reason)
            return {"CANCELLED"}
        given = _finishing(request, context.scene.syncdiffusion) | self.start_and_size(image, request)
        return carry_out(self, [given], _purpose(context, image, request))

    def why_not_again(self, image: bpy.types.Image, request: dict[str, Any]) -> str:
        """Why not with this picture; empty if it can be."""
        return ""

    def start_and_size(self, image: bpy.types.Image, request: dict[str, Any]) -> dict[str, Any]:
        """What is enlarged, and to what."""
        raise NotImplementedError


class SYNCDIFFUSION_OT_finish(Again, bpy.types.Operator):
    """Make this very picture again, larger and at full quality: enlarged, put under some noise, and drawn anew"""

    bl_idname = "syncdiffusion.finish"
    bl_label = "Finish at Full Size"

    def start_and_size(self, image: bpy.types.Image, request: dict[str, Any]) -> dict[str, Any]:
        """Its latents where they are kept, at the size that the settings say."""
        latents = drafts.path_of(folders.latents(), request)
        return {"init_image": str(latents if latents.exists() else references.file_of(image))}


class SYNCDIFFUSION_OT_upscale(Again, bpy.types.Operator):
    """Enlarge the world's picture, put it under some noise and draw it anew, sky and ground too"""

    bl_idname = "syncdiffusion.upscale"
    bl_label = f"Upscale to {LARGE} × {LARGE // 2}"

    def why_not_again(self, image: bpy.types.Image, request: dict[str, Any]) -> str:
        """Only worlds have a sky and a ground."""
        return "" if request["target"] == "world" else f"{image.name} is no world; use Finish at Full Size"

    def start_and_size(self, image: bpy.types.Image, request: dict[str, Any]) -> dict[str, Any]:
        """The whole picture."""
        height = round(request["height"] * LARGE / request["width"] / GRID) * GRID
        return {"init_image": str(references.file_of(image)), "width": LARGE, "height": height, "world_size": LARGE}


def _finishing(request: dict[str, Any], settings: Any) -> dict[str, Any]:
    """The request that finishes a picture with this ``request``, at the quality and on the model that are set."""
    preference = preferences()
    names = (property.identifier for property in settings.bl_rna.properties)
    values = {name: getattr(settings, name) for name in names if name != "rna_type"}
    values |= {name: request[name] for name in ("prompt", "negative_prompt")}
    values["target"] = _target(request)
    values["world_size"] = max(request["world_size"] or 0, settings.world_size)
    values |= {name: round(request[name] * settings.finish_scale / GRID) * GRID for name in ("width", "height")}
    if settings.preset == "DRAFT":
        values["preset"] = "BALANCED"
    if not request["sync_weight"]:  # made without bringing windows together, and finished so
        values["coherence"] = values["sync_weight"] = 0.0
    chosen = SimpleNamespace(**values)
    given = request_settings(chosen, request["seed"], preference.device, preference.dtype)
    return given | {"init_mode": "refine", "strength": settings.finish_strength}


def _target(request: dict[str, Any]) -> str:
    return next(ours for ours, theirs in TARGET_NAMES.items() if theirs == request["target"])


def _purpose(context: bpy.types.Context, image: bpy.types.Image, request: dict[str, Any]) -> Purpose:
    """What the picture was for; one of another session is for what is chosen now."""
    for done in session.variations:
        if done.image == image.name:
            return Purpose(done.target, done.scene, done.task.choices, done.task.objects)
    return Purpose.of(context, _target(request))


CLASSES = (SYNCDIFFUSION_OT_pick_variation, SYNCDIFFUSION_OT_finish, SYNCDIFFUSION_OT_upscale)
