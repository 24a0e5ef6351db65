"""Worlds and materials as assets, with the picture as their preview and a catalog of their own."""

from __future__ import annotations

from pathlib import Path

import bpy

CATALOG_FILE = "blender_assets.cats.txt"
_VERSION = "VERSION 1"
# Fixed, so that the same catalog is meant in every library.
CATALOGS = {
    "WORLD": ("6b1f0d0e-8f0a-4a55-9d0b-6f3c1f6c2b01", "SyncDiffusion/Worlds", "SyncDiffusion-Worlds"),
    "MATERIAL": ("2d3a7c9e-51b4-4c0e-8a6d-0e9f4b7d5c02", "SyncDiffusion/Materials", "SyncDiffusion-Materials"),
}


def mark(thing: bpy.types.World | bpy.types.Material, kind: str, image: bpy.types.Image | None) -> None:
    """Mark a data-block as an asset of a catalog. ``kind``: WORLD or MATERIAL.

    The image's thumbnail is its preview: Blender renders none of worlds, and none at all without a window.
    """
    thing.asset_mark()
    thing.asset_data.catalog_id = CATALOGS[kind][0]
    thing.asset_data.description = image.name if image is not None else ""
    for tag in ("SyncDiffusion", "panorama" if kind == "WORLD" else "tile"):
        thing.asset_data.tags.new(tag, skip_if_exists=True)
    if image is not None and image.preview is not None and image.preview.image_size[0]:
        width, height = image.preview.image_size
        preview = thing.preview_ensure()
        preview.image_size = (width, height)
        preview.image_pixels_float[:] = image.preview.image_pixels_float[:]


def add_catalog(kind: str) -> bool:
    """Name the catalog in the library that the saved file belongs to. Returns whether it has one. Raises OSError."""
    folder = library_of(Path(bpy.data.filepath)) if bpy.data.filepath else None
    if folder is None:
        return False
    identifier, path, name = CATALOGS[kind]
    file = folder / CATALOG_FILE
    text = file.read_text("utf-8") if file.exists() else f"{_VERSION}\n"
    if identifier not in text:
        separator = "" if text.endswith("\n") else "\n"
        file.write_text(f"{text}{separator}{identifier}:{path}:{name}\n", "utf-8")
    return True


def library_of(blend: Path) -> Path:
    """The asset library that a .blend lies in; outside all of them its own folder is one."""
    for library in bpy.context.preferences.filepaths.asset_libraries:
        folder = Path(bpy.path.abspath(library.path)) if library.path else None
        if folder is not None and folder in blend.parents:
            return folder
    return blend.parent
