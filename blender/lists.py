"""The lists among the settings: directions with prompts of their own, LoRAs, learned words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import bpy
from bpy.props import FloatProperty, StringProperty

from ..core.files.known import KnownFiles
from ..core.models.additions.lora import read_lora

FILE_LISTS = {"lora": "loras", "embedding": "embeddings"}  # setting of a request -> list of a scene
FILES = ("vae", "tiny_decoder")


def absolute(name: str) -> Callable[[Any, bpy.types.Context], None]:
    """What a path's property calls when it is set: the engine knows no .blend that a path could be relative to."""

    def update(self: Any, _context: bpy.types.Context) -> None:
        path = bpy.path.abspath(getattr(self, name))
        if path != getattr(self, name):  # setting it calls this again
            setattr(self, name, path)

    return update


class SyncDiffusionRegion(bpy.types.PropertyGroup):
    """A direction, or a place along a strip, with what stands there."""

    azimuth: FloatProperty(
        name="Azimuth",
        description="Degrees from north: 0 is +Y, 90 is +X, 180 is -Y",
        default=0.0,
        min=-360.0,
        max=360.0,
        step=1500,
        precision=0,
    )
    position: FloatProperty(
        name="Position", description="Place along the picture, from its left end", default=50.0, min=0.0, max=100.0,
        subtype="PERCENTAGE", precision=0,
    )  # fmt: skip
    prompt: StringProperty(name="Prompt", description="What stands there; the main prompt follows it")


class SyncDiffusionFile(bpy.types.PropertyGroup):
    """A file that is added to the model, and how strongly it counts (LoRAs only)."""

    path: StringProperty(name="File", description="A .safetensors file", subtype="FILE_PATH", update=absolute("path"))
    weight: FloatProperty(
        name="Weight", description="1 as it was trained, 0 not at all", default=1.0, soft_min=-2.0, soft_max=2.0
    )


def recall_lists(settings: Any, request: Mapping[str, Any]) -> list[str]:
    """Set the lists as a request had them. Returns the names of files that are not on this machine any more."""
    missing: list[str] = []
    settings.regions.clear()
    for text in request.get("region", ()):
        region = settings.regions.add()
        place, _, region.prompt = text.partition(":")
        setattr(region, "position" if request["target"] == "strip" else "azimuth", float(place))
    for setting, name in FILE_LISTS.items():
        entries = getattr(settings, name)
        entries.clear()
        for text, file in zip(request.get(setting, ()), request["files"].get(setting, ()), strict=False):
            if path := _found(file, missing):
                entry = entries.add()
                entry.path = str(path)
                entry.weight = read_lora(text).weight if setting == "lora" else 1.0
    for name in FILES:
        file = request["files"].get(name)
        path = _found(file, missing) if file else None
        setattr(settings, name, str(path) if path else "")
    return missing


def _found(file: Mapping[str, str], missing: list[str]) -> Path | None:
    path = KnownFiles().find(file["sha256"])
    if path is None:
        missing.append(file["name"])
    return path


CLASSES = (SyncDiffusionRegion, SyncDiffusionFile)
