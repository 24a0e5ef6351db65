"""The picture that is coming, as an icon for panels. It is no data-block, so that no file can catch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy.utils.previews

if TYPE_CHECKING:
    import numpy as np

_LONGEST = 256  # pixels

_icons: bpy.utils.previews.ImagePreviewCollection | None = None


def show(pixels: np.ndarray) -> None:
    """Show pixels (h, w, 3), 8-bit, from top to bottom, enlarged to what a panel can show."""
    global _icons
    import numpy as np

    factor = max(_LONGEST // max(pixels.shape[:2]), 1)
    enlarged = pixels.repeat(factor, axis=0).repeat(factor, axis=1)[::-1]
    # Icons are square in a panel: bands above and below keep a wide picture wide.
    side = max(enlarged.shape[:2])
    icon_pixels = np.zeros((side, side, 4), np.float32)
    top, left = (side - enlarged.shape[0]) // 2, (side - enlarged.shape[1]) // 2
    icon_pixels[top : top + enlarged.shape[0], left : left + enlarged.shape[1], :3] = enlarged / 255.0
    icon_pixels[top : top + enlarged.shape[0], left : left + enlarged.shape[1], 3] = 1.0
    if _icons is None:
        _icons = bpy.utils.previews.new()
    icon = _icons["preview"] if "preview" in _icons else _icons.new("preview")
    icon.image_size = (side, side)
    icon.image_pixels_float.foreach_set(icon_pixels.ravel())


def icon_id() -> int:
    """The icon to draw; 0 while there is none."""
    return _icons["preview"].icon_id if _icons is not None and "preview" in _icons else 0


def clear() -> None:
    """Forget the picture."""
    if _icons is not None:
        _icons.clear()


def unregister() -> None:
    """Give the icons back."""
    global _icons
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
        _icons = None
