"""What is folded away below the main panel."""

from __future__ import annotations

from typing import Any

import bpy

from ..blender import images
from .main import CATEGORY
from .main import CLASSES as MAIN_PANELS


class Subpanel:
    """Closed by default."""

    bl_category = CATEGORY
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """The settings of the topic."""
        self.layout.use_property_split = True
        self.layout.use_property_decorate = False
        self.draw_topic(self.layout, context.scene.syncdiffusion)


class NegativePrompt(Subpanel):
    """What the picture should not show."""

    bl_label = "Negative Prompt"

    def draw_topic(self, layout: Any, settings: Any) -> None:
        """One line."""
        layout.prop(settings, "negative_prompt", text="")


class Sampling(Subpanel):
    """What the Custom quality takes, and the canvas."""

    bl_label = "Sampling"

    def draw_topic(self, layout: Any, settings: Any) -> None:
        """Grey unless Quality is Custom."""
        column = layout.column()
        column.prop(settings, "width")
        column.prop(settings, "height")
        column = layout.column()
        column.active = settings.preset == "CUSTOM"
        for name in ("scheduler", "steps", "guidance_scale", "sync_weight"):
            column.prop(settings, name)


class Model(Subpanel):
    """Which model."""

    bl_label = "Model"

    def draw_topic(self, layout: Any, settings: Any) -> None:
        """The model's name, and its memory."""
        layout.prop(settings, "model")
        layout.operator("syncdiffusion.release_model")


class History(Subpanel):
    """What was generated in this file."""

    bl_label = "History"

    def draw_topic(self, layout: Any, settings: Any) -> None:
        """A line for every picture, the newest first."""
        made = images.generated()
        if not made:
            layout.label(text="Nothing has been generated in this file yet")
        for image in reversed(made):
            row = layout.row(align=True)
            row.label(text=image.name, icon="IMAGE_DATA")
            row.operator("syncdiffusion.recall_settings", text="", icon="LOOP_BACK").image = image.name
            row.operator("syncdiffusion.apply_world", text="", icon="WORLD").image = image.name
            row.operator("syncdiffusion.apply_material", text="", icon="MATERIAL").image = image.name


def _below(parent: type, topic: type) -> type:
    """The panel of a topic below one of the main panels."""
    name = f"{parent.__name__}_{topic.__name__.lower()}"
    return type(
        name, (topic, bpy.types.Panel), {"bl_space_type": parent.bl_space_type, "bl_parent_id": parent.__name__}
    )


CLASSES = tuple(_below(parent, topic) for parent in MAIN_PANELS for topic in (NegativePrompt, Sampling, Model, History))
