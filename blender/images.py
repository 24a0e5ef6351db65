"""Finished pictures as image data-blocks. They are the history: what this file holds of what was generated."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from .preferences import preferences

if TYPE_CHECKING:
    import numpy as np

REQUEST = "syncdiffusion"  # the custom property that holds the request as JSON
MADE = "syncdiffusion_made"  # ... and when the picture was made, in seconds since 1970
THUMBNAIL = 256  # pixels, the longer side


def load(path: Path, name: str, request: str, made: float | None = None) -> bpy.types.Image:
    """The picture in a file, by its relative path where the .blend is saved, with its request. ``made``: now."""
    image = bpy.data.images.load(str(path), check_existing=True)
    image.name = name
    image[REQUEST] = request
    image[MADE] = time.time() if made is None else made
    # One without a user would be lost when the file is saved and opened again.
    image.use_fake_user = True
    if bpy.data.filepath:
        image.filepath = bpy.path.relpath(str(path))
    if preferences().packing == "ALL":
        pack(image)
    return image


def small(pixels: np.ndarray) -> np.ndarray:
    """Every so many of the pixels (h, w, C): no more than a thumbnail takes. A view, so that it takes no time."""
    step = max(-(-max(pixels.shape[:2]) // THUMBNAIL), 1)
    return pixels[::step, ::step]


def set_thumbnail(image: bpy.types.Image, pixels: np.ndarray) -> None:
    """Store a small copy of ``pixels`` (h, w, 3), 8-bit, from top to bottom, with the data-block and so in the .blend.

    Blender would make one itself, by decoding the whole picture, when it is first drawn.
    """
    import numpy as np

    thumbnail = small(pixels)[::-1, :, :3].astype(np.float32) / 255.0
    preview = image.preview_ensure()
    preview.image_size = (thumbnail.shape[1], thumbnail.shape[0])
    rgba = np.ones((*thumbnail.shape[:2], 4), np.float32)
    rgba[..., :3] = thumbnail
    preview.image_pixels_float.foreach_set(rgba.ravel())


def pack_applied(image: bpy.types.Image) -> None:
    """Store an image that the scene now uses inside the .blend, unless the user does not want that."""
    if preferences().packing != "NONE":
        pack(image)


def pack(image: bpy.types.Image) -> None:
    """Store the file's own bytes, which takes no time, inside the .blend."""
    if image.packed_file is None and image.source == "FILE":
        image.pack()


def is_generated(image: bpy.types.Image) -> bool:
    """Whether an image was generated here."""
    return REQUEST in image


def generated() -> list[bpy.types.Image]:
    """All images in this file that were generated here."""
    return [image for image in bpy.data.images if is_generated(image)]
