"""Finished pictures as image data-blocks."""

from __future__ import annotations

from pathlib import Path

import bpy

from .preferences import preferences

REQUEST = "syncdiffusion"  # the custom property that holds the request as JSON


def load(path: Path, name: str, request: str) -> bpy.types.Image:
    """The picture in a file, by its relative path where the .blend is saved, with its request."""
    image = bpy.data.images.load(str(path), check_existing=True)
    image.name = name
    image[REQUEST] = request
    # One without a user would be lost when the file is saved and opened again.
    image.use_fake_user = True
    image.preview_ensure()
    if bpy.data.filepath:
        image.filepath = bpy.path.relpath(str(path))
    if preferences().packing == "ALL":
        pack(image)
    return image


def pack_applied(image: bpy.types.Image) -> None:
    """Store an image that the scene now uses inside the .blend, unless the user does not want that."""
    if preferences().packing != "NONE":
        pack(image)


def pack(image: bpy.types.Image) -> None:
    """Store the file's own bytes, which takes no time, inside the .blend."""
    if image.packed_file is None:
        image.pack()


def generated() -> list[bpy.types.Image]:
    """All images in this file that were generated here."""
    return [image for image in bpy.data.images if REQUEST in image]


def folder_for_new() -> Path:
    """Where new pictures go: beside a saved .blend, else the folder of the preferences. Made if it is not there."""
    folder = bpy.path.abspath("//textures/") if bpy.data.filepath else preferences().folder
    path = Path(folder).expanduser()
    path.mkdir(parents=True, exist_ok=True)
    return path
