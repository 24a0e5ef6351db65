"""Pictures that a request refers to: from an image data-block to a file that the engine can read, and back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import bpy

from ..core.files.known import KnownFiles


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
    name = hashlib.sha256(packed or image.name_full.encode()).hexdigest()[:16]
    copy = Path(bpy.app.tempdir) / f"syncdiffusion-{name}{path.suffix if packed else '.png'}"
    if packed:
        copy.write_bytes(packed)
    else:
        image.save(filepath=str(copy), save_copy=True)
    return copy


def recall_anchor(settings: Any, request: dict[str, Any]) -> bool:
    """Set the anchor as a request had it. Returns whether it is there; a picture may be gone from this machine."""
    anchor = request["anchor"]
    file = request["files"].get("anchor")
    if file is not None:
        path = KnownFiles().find(file["sha256"])
        if path is None:
            settings.anchor = "CENTER"
            return False
        settings.anchor = "IMAGE"
        settings.anchor_image = bpy.data.images.load(str(path), check_existing=True)
    elif anchor == "center":
        settings.anchor = "CENTER"
    else:
        settings.anchor, settings.anchor_window = "WINDOW", int(anchor)
    return True
