"""Settings saved and loaded as Blender's presets."""

from __future__ import annotations

import bpy
from bl_operators.presets import AddPresetBase

SUBDIRECTORY = "syncdiffusion"  # of Blender's folder of presets
# A preset is a way to work: it says nothing of what is shown, of its seed, or of a file.
VALUES = (
    "negative_prompt", "target", "preset", "model", "width", "height", "world_size", "use_custom_size", "coherence",
    "variations", "finish_scale", "finish_strength", "steps", "guidance_scale", "sync_weight", "scheduler",
    "low_memory", "anchor", "anchor_window", "init_mode", "strength", "world_mode", "mapping", "texture_scale",
    "box_blend", "bump_strength", "roughness_source", "roughness", "material_place", "image_use", "backdrop_shape",
    "loras", "embeddings", "vae", "tiny_decoder", "poles", "light_range", "peak", "sun",
)  # fmt: skip


class SYNCDIFFUSION_MT_presets(bpy.types.Menu):
    """The presets that are saved."""

    bl_label = "SyncDiffusion Presets"
    preset_subdir = SUBDIRECTORY
    preset_operator = "script.execute_preset"
    draw = bpy.types.Menu.draw_preset


class SYNCDIFFUSION_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Save the settings as a preset, or remove one"""

    bl_idname = "syncdiffusion.add_preset"
    bl_label = "Add SyncDiffusion Preset"
    preset_menu = "SYNCDIFFUSION_MT_presets"
    preset_subdir = SUBDIRECTORY
    preset_defines = ["settings = bpy.context.scene.syncdiffusion"]
    preset_values = [f"settings.{name}" for name in VALUES]


CLASSES = (SYNCDIFFUSION_MT_presets, SYNCDIFFUSION_OT_add_preset)
