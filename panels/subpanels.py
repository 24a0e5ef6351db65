"""What is folded away below the main panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ..blender import storage
from ..blender.choices import SCHEDULERS
from ..blender.idle import upcoming
from ..blender.preferences import preferences
from . import history, idle, lists, parts
from .main import CATEGORY, MAIN_PANELS

if TYPE_CHECKING:
    from ..core.request.request import Request

_SAMPLERS = {identifier: label for identifier, label, _ in SCHEDULERS}


class Subpanel:
    """Closed by default."""

    bl_category = CATEGORY
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """The settings of the topic."""
        self.layout.use_property_split = True
        self.layout.use_property_decorate = False
        self.draw_topic(self.layout, context)


class NegativePrompt(Subpanel):
    """What the picture should not show."""

    bl_label = "Negative Prompt"

    def draw_topic(self, layout: Any, context: bpy.types.Context) -> None:
        """One line."""
        layout.prop(context.scene.syncdiffusion, "negative_prompt", text="", placeholder="What it should not show")


class Directions(Subpanel):
    """Prompts by direction."""

    bl_label = "Directions"

    def draw_topic(self, layout: Any, context: bpy.types.Context) -> None:
        """A row for each."""
        lists.draw_directions(layout, context)


class Sampling(Subpanel):
    """What the quality stands for, and the canvas."""

    bl_label = "Sampling"

    def draw_topic(self, layout: Any, context: bpy.types.Context) -> None:
        """Fields if Quality is Custom, else the values that it has, with the w behind Coherence."""
        settings, request = context.scene.syncdiffusion, upcoming()
        column = layout.column()
        if settings.preset == "CUSTOM":
            for name in ("scheduler", "steps", "guidance_scale", "sync_weight"):
                column.prop(settings, name)
        else:
            if request is not None:
                draw_upcoming(column, request)
            column.operator("syncdiffusion.customize")
        column = layout.column()
        column.prop(settings, "width", text="Canvas Width")
        column.prop(settings, "height", text="Height")
        if request is not None:
            parts.note(column, f"0 is by the model; now {request.width} × {request.height}")


def draw_upcoming(layout: Any, request: Request) -> None:
    """What a quality stands for with the chosen model."""
    parts.fact(layout, "Sampler", _SAMPLERS[request.scheduler])
    parts.fact(layout, "Steps", str(request.steps))
    parts.fact(layout, "Guidance Scale", f"{request.guidance_scale:g}")
    parts.fact(layout, "Sync Weight", f"w = {request.sync_weight:.4g} at first")


class Reference(Subpanel):
    """What the picture starts from, and what all its parts are drawn towards."""

    bl_label = "Reference"

    def draw_topic(self, layout: Any, context: bpy.types.Context) -> None:
        """The image to start from, and the anchor."""
        settings = context.scene.syncdiffusion
        layout.prop(settings, "init_mode")
        if settings.init_mode != "NOISE":
            layout.template_ID(settings, "init_image", open="image.open")
        if settings.init_mode == "REFINE":
            layout.prop(settings, "strength")
        layout.prop(settings, "anchor")
        if settings.anchor == "WINDOW":
            layout.prop(settings, "anchor_window")
        elif settings.anchor == "IMAGE":
            layout.template_ID(settings, "anchor_image", open="image.open")


class Model(Subpanel):
    """Which model."""

    bl_label = "Model"

    def draw_topic(self, layout: Any, context: bpy.types.Context) -> None:
        """Its name, what is added to it, and how much memory it may take."""
        layout.prop(context.scene.syncdiffusion, "model")
        lists.draw_additions(layout, context)
        layout.prop(context.scene.syncdiffusion, "low_memory")


class Output(Subpanel):
    """How pictures are applied, and where they are stored."""

    bl_label = "Output"

    def draw_topic(self, layout: Any, context: bpy.types.Context) -> None:
        """The application first, then the files."""
        idle.draw_application(layout, context)
        layout.prop(preferences(), "packing")
        if bpy.data.filepath:
            parts.fact(layout, "Folder", storage.PROJECT_FOLDER)
        else:
            layout.prop(preferences(), "folder")
        layout.operator("syncdiffusion.move_to_project")


class History(Subpanel):
    """What was generated in this file."""

    bl_label = "History"

    def draw(self, context: bpy.types.Context) -> None:
        """A list or a grid."""
        history.draw_history(self.layout, context)


TOPICS = (NegativePrompt, Directions, Sampling, Reference, Model, Output, History)


def _below(parent: type, topic: type) -> type:
    """The panel of a topic below one of the main panels."""
    name = f"{parent.__name__}_{topic.__name__.lower()}"
    return type(
        name, (topic, bpy.types.Panel), {"bl_space_type": parent.bl_space_type, "bl_parent_id": parent.__name__}
    )


CLASSES = tuple(_below(parent, topic) for parent in MAIN_PANELS for topic in TOPICS)
