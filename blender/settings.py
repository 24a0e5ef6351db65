"""``scene.syncdiffusion``: the settings of the next picture, saved with the file."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

TARGETS = (
    ("WORLD", "World", "A panorama that closes round the scene, as its world", "WORLD", 0),
    ("MATERIAL", "Material", "A picture that repeats, as a material of the selected objects", "MATERIAL", 1),
    ("IMAGE", "Image", "A wide picture, as an image data-block", "IMAGE_DATA", 2),
)
PRESETS = (
    ("DRAFT", "Draft", "Fast and rough, to find a composition", 0),
    ("BALANCED", "Balanced", "Good quality in reasonable time", 1),
    ("PAPER", "Exact (Slow)", "The settings of the paper: many steps, a gradient at every one", 2),
    ("CUSTOM", "Custom", "Steps, guidance and sync weight as set under Sampling", 3),
)
SCHEDULERS = (
    ("dpmpp-2m", "DPM++ 2M", "Good pictures in 10 to 25 steps"),
    ("unipc", "UniPC", "Good pictures in 10 to 25 steps"),
    ("euler", "Euler", "Simple and steady, 20 to 40 steps"),
    ("ddim", "DDIM", "The paper's, 50 steps"),
)
MAPPINGS = (
    ("BOX", "Box", "From all sides, needs no UV map"),
    ("UV", "UV", "By the object's active UV map"),
    ("GENERATED", "Generated", "By the object's bounding box"),
)


class SyncDiffusionSettings(bpy.types.PropertyGroup):
    """Settings of the next picture."""

    prompt: StringProperty(name="Prompt", description="What the picture shows")
    negative_prompt: StringProperty(name="Negative Prompt", description="What the picture should not show")
    target: EnumProperty(name="Target", description="What the picture becomes", items=TARGETS)
    preset: EnumProperty(name="Quality", description="Time against quality", items=PRESETS, default="BALANCED")
    model: StringProperty(
        name="Model",
        description="builtin, a folder in diffusers layout, a .safetensors checkpoint, or a hub id (owner/name)",
        default="builtin",
    )
    width: IntProperty(
        name="Width",
        description="Width of the canvas in pixels; 0 takes six windows of the model",
        default=0,
        min=0,
        max=32768,
        step=6400,
    )
    height: IntProperty(
        name="Height",
        description="Height of the canvas in pixels; 0 takes one window of the model",
        default=0,
        min=0,
        max=32768,
        step=6400,
    )
    world_size: IntProperty(
        name="World Size",
        description="Width of the finished 360° picture in pixels; it is half as high",
        default=4096,
        min=64,
        max=16384,
        step=51200,
    )
    coherence: FloatProperty(
        name="Coherence",
        description="How strongly all parts are drawn to one look: 0 not at all, 0.5 as measured to be best",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    seed: IntProperty(name="Seed", description="The same seed gives the same picture again", default=0, min=0)
    use_random_seed: BoolProperty(name="Randomize", description="Draw a new seed for every picture", default=True)
    variations: IntProperty(name="Variations", description="Pictures of successive seeds", default=1, min=1, max=16)

    steps: IntProperty(name="Steps", description="Denoising steps", default=20, min=1, max=1000)
    guidance_scale: FloatProperty(
        name="Guidance Scale", description="How closely the prompt is followed", default=7.5, min=0.0, max=100.0
    )
    sync_weight: FloatProperty(
        name="Sync Weight", description="w of the paper's gradient step (Eq. 14)", default=20.0, min=0.0, max=1e6
    )
    scheduler: EnumProperty(name="Sampler", description="How noise is removed step by step", items=SCHEDULERS)

    mapping: EnumProperty(name="Mapping", description="How the picture lies on the objects", items=MAPPINGS)
    texture_scale: FloatProperty(
        name="Scale", description="How often the picture repeats", default=1.0, min=0.001, soft_max=20.0
    )


def register() -> None:
    """Give every scene its settings."""
    bpy.utils.register_class(SyncDiffusionSettings)
    bpy.types.Scene.syncdiffusion = PointerProperty(type=SyncDiffusionSettings)


def unregister() -> None:
    """Take them away; what files hold stays in the files."""
    del bpy.types.Scene.syncdiffusion
    bpy.utils.unregister_class(SyncDiffusionSettings)
