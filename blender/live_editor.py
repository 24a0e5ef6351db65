"""The picture that is coming, drawn over open Image Editors. It is no data-block, so that no file can catch it."""

from __future__ import annotations

from typing import Any

import bpy

from .encode import Pixels

MARGIN = 12  # pixels round the picture
# Before Blender 5.0 what is drawn over an editor is taken for linear light, and encoded: the texture is decoded first.
FORMAT = "SRGB8_A8" if bpy.app.version < (5, 0, 0) else "RGBA16F"
SHARE = 0.35  # of the editor's height that it may cover of a picture that is open there

_handle: Any = None
_picture: Pixels | None = None
_texture: Any = None  # made while drawing, when there is a GPU context


def show(picture: Pixels) -> None:
    """Show a picture."""
    global _handle, _picture, _texture
    _picture, _texture = picture, None
    if _handle is None:
        _handle = bpy.types.SpaceImageEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def clear() -> None:
    """Take it away."""
    global _handle, _picture, _texture
    if _handle is not None:
        bpy.types.SpaceImageEditor.draw_handler_remove(_handle, "WINDOW")
    _handle = _picture = _texture = None


def place(region: tuple[int, int], picture: tuple[int, int], is_empty: bool) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of a picture in an editor's region: as wide as fits, at the bottom.

    ``is_empty``: nothing else is open in the editor, so all of its height may be covered.
    """
    width, height = (max(size - 2 * MARGIN, 1) for size in region)
    factor = min(width / picture[0], height * (1.0 if is_empty else SHARE) / picture[1])
    shown = picture[0] * factor, picture[1] * factor
    bottom = (region[1] - shown[1]) / 2 if is_empty else MARGIN
    return ((region[0] - shown[0]) / 2, bottom, *shown)


def _draw() -> None:
    space = bpy.context.space_data
    if _picture is None or space.mode != "VIEW" or bpy.context.area.ui_type != "IMAGE_EDITOR":
        return
    import gpu
    from gpu_extras.presets import draw_texture_2d

    global _texture
    size = _picture.width, _picture.height
    if _texture is None:
        values = gpu.types.Buffer("FLOAT", 4 * size[0] * size[1], _picture.values)
        _texture = gpu.types.GPUTexture(size, format=FORMAT, data=values)
    region = bpy.context.region
    left, bottom, width, height = place((region.width, region.height), size, space.image is None)
    draw_texture_2d(_texture, (left, bottom), width, height)
