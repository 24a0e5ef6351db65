"""The pictures of a file as its history: each carries its request, its thumbnail and the path of its file.

What belongs to a request is kept as parsed, so that drawing a list reads no JSON twice.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import bpy

from ..core.files.images import ImageError, read_request
from ..core.files.outputs import LIGHT, PICTURE
from . import images


def facts(image: bpy.types.Image) -> MappingProxyType[str, Any]:
    """The request of a picture, read-only."""
    return _parsed(image[images.REQUEST])


@lru_cache(maxsize=512)
def _parsed(request: str) -> MappingProxyType[str, Any]:
    return MappingProxyType(json.loads(request))


def seed_of(image: bpy.types.Image) -> int:
    """The seed that made a picture."""
    return facts(image)["seed"]


def newest(count: int) -> list[bpy.types.Image]:
    """The last pictures, the newest first."""
    made = sorted(images.generated(), key=lambda image: image.get(images.MADE, 0.0))
    return made[::-1][:count]


def active(settings: Any) -> bpy.types.Image | None:
    """The picture that is chosen in the history of these settings."""
    image = bpy.data.images.get(settings.history_picture)
    return image if image is not None and images.is_generated(image) else None


def find(folder: Path) -> int:
    """Load the pictures in a folder that carry a request and are not in this file yet. Returns how many."""
    here = {Path(bpy.path.abspath(image.filepath)) for image in images.generated()}
    found = 0
    for path in sorted(folder.iterdir()):
        if path.suffix not in (PICTURE, LIGHT) or path in here:
            continue
        try:
            request = read_request(path)
        except ImageError:  # a picture of someone else's
            continue
        images.load(path, path.stem, json.dumps(request), made=path.stat().st_mtime)
        found += 1
    return found
