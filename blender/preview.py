"""Pictures as icons for panels. They are no data-blocks, so that no file can catch them."""

from __future__ import annotations

from collections.abc import Sequence

import bpy.utils.previews

from .encode import Pixels

COMING = "coming"  # the picture that is being made

_icons: bpy.utils.previews.ImagePreviewCollection | None = None
_counts: dict[str, int] = {}


def show(picture: str, tiles: Sequence[Pixels]) -> None:
    """Keep a picture that has been cut into squares, under a name."""
    global _icons
    if _icons is None:
        _icons = bpy.utils.previews.new()
    for number, tile in enumerate(tiles):
        name = f"{picture} {number}"
        icon = _icons[name] if name in _icons else _icons.new(name)
        icon.image_size = (tile.width, tile.height)
        icon.image_pixels_float.foreach_set(tile.values)
    _counts[picture] = len(tiles)


def icon_ids(picture: str) -> list[int]:
    """The icons to draw side by side; empty where there is no such picture."""
    return [_icons[f"{picture} {number}"].icon_id for number in range(_counts.get(picture, 0))]


def forget(picture: str) -> None:
    """Take a picture away."""
    for number in range(_counts.pop(picture, 0)):
        del _icons[f"{picture} {number}"]


def unregister() -> None:
    """Give the icons back."""
    global _icons
    _counts.clear()
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
        _icons = None
