"""Pictures rolled by half, to look at where they close."""

from __future__ import annotations

from pathlib import Path

import bpy


def check(name: str, path: Path, both: bool) -> tuple[bpy.types.Image, str]:
    """A copy of a picture rolled by half, and how its join stands among the other steps. ``both``: in both directions.

    Raises ImageError, or ValueError where the picture is too small to have steps.
    """
    from ..core.panorama.seam import rolled, seam
    from ..core.pictures import read_srgb

    picture = read_srgb(path)
    words = []
    for axis, what in ((1, "Left and right"), (0, "Top and bottom"))[: 1 + both]:
        found = seam(picture, axis=axis)
        words.append(f"{what}: {100 * found.rank:.0f} % of the steps within are smaller than the one at the join")
        picture = rolled(picture, axis)
    return _shown(f"{name} Seam", picture), "; ".join(words)


def _shown(name: str, picture: object) -> bpy.types.Image:
    import numpy as np

    height, width = picture.shape[:2]
    image = bpy.data.images.get(name)
    if image is None:
        image = bpy.data.images.new(name, width, height)
    elif tuple(image.size) != (width, height):
        image.scale(width, height)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = picture[::-1]
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    return image
