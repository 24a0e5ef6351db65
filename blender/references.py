"""Pictures that a request refers to: from an image data-block to a file that the engine can read, and back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..core.files.known import KnownFiles

if TYPE_CHECKING:
    import numpy as np


def reference_settings(settings: Any) -> dict[str, Any]:
    """A request's settings of what it starts from and what it is drawn towards."""
    given: dict[str, Any] = {"anchor": anchor_of(settings)}
    if settings.init_mode != "NOISE":
        image = settings.init_image
        given["init_image"] = str(file_of(image)) if image is not None else ""
        given["init_mode"] = settings.init_mode.lower()
    if settings.init_mode == "REFINE":
        given["strength"] = settings.strength
    return given


def anchor_of(settings: Any) -> str:
    """A request's ``anchor``: center, the index of a window, or a file; empty where no image is chosen."""
    if settings.anchor == "WINDOW":
        return str(settings.anchor_window)
    if settings.anchor == "IMAGE":
        return str(file_of(settings.anchor_image)) if settings.anchor_image is not None else ""
    return "center"


def file_of(image: bpy.types.Image) -> Path:
    """The file of an image. What is packed, painted or made in Blender is written to one for this session first."""
    path = Path(bpy.path.abspath(image.filepath))
    if image.packed_file is None and image.source == "FILE" and not image.is_dirty:
        return path
    packed = image.packed_file.data if image.packed_file is not None and not image.is_dirty else None
    pixels = _pixels(image) if packed is None else None
    # By their content: what a queued picture refers to is not overwritten when the image is painted on.
    name = hashlib.sha256(pixels.tobytes() if packed is None else packed).hexdigest()[:16]
    copy = Path(bpy.app.tempdir) / f"syncdiffusion-{name}{'.png' if packed is None else path.suffix}"
    if packed is None:
        from PIL import Image

        Image.fromarray(pixels).save(copy)
    else:
        copy.write_bytes(packed)
    return copy


def _pixels(image: bpy.types.Image) -> np.ndarray:
    """An image as it is shown: 8-bit sRGB (height, width, 3), from top to bottom. Float images hold linear light."""
    import numpy as np

    width, height = image.size
    values = np.empty(4 * width * height, np.float32)
    image.pixels.foreach_get(values)
    colors = values.reshape(height, width, 4)[::-1, :, :3].clip(0.0, 1.0)
    if image.is_float:
        colors = np.where(colors <= 0.0031308, 12.92 * colors, 1.055 * colors ** (1 / 2.4) - 0.055)
    return (255 * colors + 0.5).astype(np.uint8)


def recall_references(settings: Any, request: dict[str, Any]) -> list[str]:
    """Set both as a request had them. Returns the names of pictures that are gone from this machine."""
    gone = []
    anchor, files = request["anchor"], request["files"]
    settings.anchor, settings.init_mode = "CENTER", "NOISE"
    if "anchor" in files:
        if image := _image_of(files["anchor"]):
            settings.anchor, settings.anchor_image = "IMAGE", image
        else:
            gone.append(files["anchor"]["name"])
    elif anchor != "center":
        settings.anchor, settings.anchor_window = "WINDOW", int(anchor)
    if "init_image" in files:
        if image := _image_of(files["init_image"]):
            settings.init_mode, settings.init_image = request["init_mode"].upper(), image
            settings.strength = request["strength"] or settings.strength
        else:
            gone.append(files["init_image"]["name"])
    return gone


def _image_of(file: dict[str, str]) -> bpy.types.Image | None:
    """The picture that had this hash, if it is on this machine still. Latents, which finishing uses, are none."""
    path = KnownFiles().find(file["sha256"])
    if path is None or path.suffix == ".npz":
        return None
    return bpy.data.images.load(str(path), check_existing=True)
