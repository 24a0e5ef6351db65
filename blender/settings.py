"""``scene.syncdiffusion``: the settings of the next picture, saved with the file."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import choices, lists, sizes, suns


def _canvas_menu(name: str, values: tuple, automatic: str, description: str) -> Any:
    """An enumeration that shows and sets ``width`` and ``height``."""

    def get(self: Any) -> int:
        return sizes.CUSTOM if self.use_custom_size else sizes.number_of((self.width, self.height), values)

    def choose(self: Any, number: int) -> None:
        self.use_custom_size = number == sizes.CUSTOM
        if number != sizes.CUSTOM:
            self.width, self.height = values[number - sizes.CUSTOM - 1]

    labels = [sizes.canvas_label(value, automatic) for value in values]
    return EnumProperty(name=name, description=description, items=sizes.menu(values, labels), get=get, set=choose)


def _get_world_menu(self: Any) -> int:
    return sizes.CUSTOM if self.use_custom_size else sizes.number_of(self.world_size, sizes.WORLD_WIDTHS)


def _set_world_menu(self: Any, number: int) -> None:
    self.use_custom_size = number == sizes.CUSTOM
    if number != sizes.CUSTOM:
        self.world_size = sizes.WORLD_WIDTHS[number - sizes.CUSTOM - 1]


def _get_history_index(self: Any) -> int:
    return bpy.data.images.find(self.history_picture)


def _set_history_index(self: Any, index: int) -> None:
    self.history_picture = bpy.data.images[index].name


def _move_sun(_: Any, context: bpy.types.Context) -> None:
    suns.apply(context.scene)


class SyncDiffusionSettings(bpy.types.PropertyGroup):
    """Settings of the next picture."""

    prompt: StringProperty(name="Prompt", description="What the picture shows")
    negative_prompt: StringProperty(name="Negative Prompt", description="What the picture should not show")
    target: EnumProperty(name="Target", description="What the picture becomes", items=choices.TARGETS)
    preset: EnumProperty(name="Quality", description="Time against quality", items=choices.PRESETS, default="BALANCED")
    model: StringProperty(
        name="Model",
        description="builtin, a folder in diffusers layout, a .safetensors checkpoint, or a hub id (owner/name)",
        default="builtin",
    )
    regions: CollectionProperty(name="Directions", type=lists.SyncDiffusionRegion)
    loras: CollectionProperty(name="LoRAs", type=lists.SyncDiffusionFile)
    embeddings: CollectionProperty(name="Words", type=lists.SyncDiffusionFile)
    vae: StringProperty(
        name="VAE",
        description="Another than the model's: a folder or a .safetensors file",
        subtype="FILE_PATH",
        update=lists.absolute("vae"),
    )
    tiny_decoder: StringProperty(
        name="Tiny Decoder",
        description="A folder with an AutoencoderTiny of the model's family: previews with detail, and with Low VRAM "
        "the windows are compared by it. If empty, that in the Hugging Face cache",
        subtype="DIR_PATH",
        update=lists.absolute("tiny_decoder"),
    )

    width: IntProperty(
        name="Width",
        description="Width of the canvas in pixels; 0 leaves it to the model (six windows, two for a tile)",
        default=0,
        min=0,
        max=32768,
        step=6400,
    )
    height: IntProperty(
        name="Height",
        description="Height of the canvas in pixels; 0 leaves it to the model (one window, two for a tile)",
        default=0,
        min=0,
        max=32768,
        step=6400,
    )
    world_size: IntProperty(
        name="World Width",
        description="Width of the finished 360° picture in pixels; it is half as high",
        default=4096,
        min=64,
        max=16384,
        step=51200,
    )
    light_range: EnumProperty(
        name="Range", description="What the picture's pixels are", items=choices.RANGES, default="EXPANDED"
    )
    peak: FloatProperty(
        name="Peak", description="How bright white becomes in light", default=8.0, min=1.0, max=1000.0, soft_max=50.0
    )
    poles: EnumProperty(name="Poles", description="What is above and below the panorama", items=choices.POLES)
    sun: EnumProperty(
        name="Sun", description="Where the sun that was found in the picture shines", items=choices.SUNS,
        update=_move_sun,
    )  # fmt: skip
    use_custom_size: BoolProperty(name="Custom Size", options={"HIDDEN"})
    world_menu: EnumProperty(
        name="Size",
        description="Size of the finished 360° picture",
        items=sizes.WORLD_MENU,
        get=_get_world_menu,
        set=_set_world_menu,
    )
    strip_menu: _canvas_menu("Size", sizes.STRIPS, "6 : 1, by the Model", "Size of the picture")
    tile_menu: _canvas_menu("Size", sizes.TILES, "1 : 1, by the Model", "Size of the tile that repeats")

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

    finish_scale: FloatProperty(
        name="Enlarge",
        description="How many times as wide and high a picture is finished",
        default=2.0,
        min=1.0,
        max=8.0,
    )
    finish_strength: FloatProperty(
        name="Strength",
        description="How much of it is drawn anew: a little keeps every shape, 1 keeps nothing",
        default=0.35, min=0.05, max=1.0, subtype="FACTOR",
    )  # fmt: skip

    steps: IntProperty(name="Steps", description="Denoising steps", default=20, min=1, max=1000)
    guidance_scale: FloatProperty(
        name="Guidance Scale", description="How closely the prompt is followed", default=7.5, min=0.0, max=100.0
    )
    sync_weight: FloatProperty(
        name="Sync Weight", description="w of the paper's gradient step (Eq. 14)", default=20.0, min=0.0, max=1e6
    )
    low_memory: BoolProperty(
        name="Low VRAM",
        description="Take less memory, at some cost in quality: decode in tiles, take the gradient without the UNet",
    )
    scheduler: EnumProperty(name="Sampler", description="How noise is removed step by step", items=choices.SCHEDULERS)

    anchor: EnumProperty(
        name="Anchor", description="What all parts of the picture are drawn towards", items=choices.ANCHORS
    )
    anchor_window: IntProperty(name="Window", description="Number of the window, counted from 0", default=0, min=0)
    anchor_image: PointerProperty(name="Image", description="Its middle square is the anchor", type=bpy.types.Image)

    init_mode: EnumProperty(name="Start", description="What the picture begins with", items=choices.INIT_MODES)
    init_image: PointerProperty(name="Image", description="The picture to start from", type=bpy.types.Image)
    strength: FloatProperty(
        name="Strength", description="How far the picture may leave the image it starts from: 1 keeps nothing of it",
        default=0.5, min=0.01, max=1.0, subtype="FACTOR",
    )  # fmt: skip

    world_mode: EnumProperty(name="Into", description="What of the scene's world is changed", items=choices.WORLD_MODES)

    mapping: EnumProperty(name="Mapping", description="How the picture lies on the objects", items=choices.MAPPINGS)
    texture_scale: FloatProperty(
        name="Scale", description="How often the picture repeats", default=1.0, min=0.001, soft_max=20.0
    )
    box_blend: FloatProperty(
        name="Blend", description="How far the sides of a box mapping run into each other",
        default=0.2, min=0.0, max=1.0, subtype="FACTOR",
    )  # fmt: skip
    bump_strength: FloatProperty(
        name="Bump", description="Relief by a height derived from the picture's luminance; 0 is none",
        default=0.2, min=0.0, max=1.0, subtype="FACTOR",
    )  # fmt: skip
    roughness_source: EnumProperty(
        name="Roughness", description="Where the roughness comes from", items=choices.ROUGHNESS_SOURCES
    )
    roughness: FloatProperty(
        name="Roughness", description="0 is a mirror, 1 is chalk", default=0.6, min=0.0, max=1.0, subtype="FACTOR"
    )
    material_place: EnumProperty(
        name="Into", description="What of the objects is changed", items=choices.MATERIAL_PLACES
    )

    image_use: EnumProperty(name="Use", description="What becomes of the image", items=choices.IMAGE_USES)
    backdrop_shape: EnumProperty(name="Shape", description="Shape of the backdrop", items=choices.BACKDROP_SHAPES)

    history_picture: StringProperty(name="Picture", options={"HIDDEN"})
    # A list wants a number, which is another one whenever an image is added.
    history_index: IntProperty(name="Picture", options={"HIDDEN"}, get=_get_history_index, set=_set_history_index)
    history_view: EnumProperty(name="View", description="How pictures are shown", items=choices.HISTORY_VIEWS)


def register() -> None:
    """Give every scene its settings."""
    for entry in lists.CLASSES:
        bpy.utils.register_class(entry)
    bpy.utils.register_class(SyncDiffusionSettings)
    bpy.types.Scene.syncdiffusion = PointerProperty(type=SyncDiffusionSettings)


def unregister() -> None:
    """Take them away; what files hold stays in the files."""
    del bpy.types.Scene.syncdiffusion
    bpy.utils.unregister_class(SyncDiffusionSettings)
    for entry in reversed(lists.CLASSES):
        bpy.utils.unregister_class(entry)
