"""The picture that is coming, as icons for panels. They are no data-blocks, so that no file can catch them."""

from __future__ import annotations

from collections.abc import Sequence

import bpy.utils.previews

from .encode import Pixels

_icons: bpy.utils.previews.ImagePreviewCollection | None = None
_shown = 0


def show(tiles: Sequence[Pixels]) -> None:
    """Show a picture that has been cut into squares."""
    global _icons, _shown
    if _icons is None:
        _icons = bpy.utils.previews.new()
    for number, tile in enumerate(tiles):
        name = str(number)
        icon = _icons[name] if name in _icons else _icons.new(name)
        icon.image_size = (tile.width, tile.height)
        icon.image_pixels_float.foreach_set(tile.values)
    _shown = len(tiles)


def icon_ids() -> list[int]:
    """The icons to draw side by side; empty while there is no picture."""
    return [_icons[str(number)].icon_id for number in range(_shown)]


def clear() -> None:
    """Forget the picture."""
    global _shown
    _shown = 0


def unregister() -> None:
    """Give the icons back."""
    global _icons
    clear()
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
        _icons = None
