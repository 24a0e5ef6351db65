"""Where the files of pictures lie: beside the .blend once it is saved, before in a folder of the preferences."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import bpy

from . import images
from .naming import free_path
from .preferences import preferences

PROJECT_FOLDER = "//textures/"


def folder_for_new() -> Path:
    """Where new pictures go. Made if it is not there."""
    path = Path(shown_folder()).expanduser()
    path.mkdir(parents=True, exist_ok=True)
    return path


def shown_folder() -> str:
    """The same as text, without touching the disk."""
    return bpy.path.abspath(PROJECT_FOLDER) if bpy.data.filepath else preferences().folder


def outside_project() -> list[bpy.types.Image]:
    """The pictures of this file that do not lie in its project folder. Looks at paths only, not at the disk."""
    if not bpy.data.filepath:
        return []
    return [image for image in images.generated() if image.library is None and not _is_inside(image)]


def move_to_project() -> tuple[int, list[str]]:
    """Move pictures into the project folder. Returns how many were moved, and for each that was not a sentence.

    Nothing there is overwritten. A picture whose file is gone but which is packed is written there.
    """
    folder, moved, failed = folder_for_new(), 0, []
    for image in outside_project():
        source = Path(bpy.path.abspath(image.filepath))
        target = free_path(folder, source.stem, Path.exists, source.suffix or ".png")
        try:
            if source.is_file():
                shutil.copy2(source, target)
            elif image.packed_file is not None:
                target.write_bytes(image.packed_file.data)
            else:
                failed.append(f"{image.name}: there is no file {source}")
                continue
        except OSError as error:
            failed.append(f"{image.name}: {error.strerror or error}")
            continue
        _point_to(image, target)
        moved += 1
        with suppress(OSError):  # then it is there twice
            source.unlink(missing_ok=True)
    return moved, failed


def find_moved() -> None:
    """After an undo: pictures that have been moved to the project since are found there again."""
    for image in outside_project():
        path = Path(bpy.path.abspath(image.filepath))
        there = Path(bpy.path.abspath(PROJECT_FOLDER)) / path.name
        if not path.exists() and there.exists():
            _point_to(image, there)


def _point_to(image: bpy.types.Image, path: Path) -> None:
    """By a relative path, which a packed copy remembers apart. While the old file is there: Blender reads it anew."""
    image.filepath = bpy.path.relpath(str(path))
    for packed in image.packed_files:
        packed.filepath = image.filepath


def _is_inside(image: bpy.types.Image) -> bool:
    folder = Path(bpy.path.abspath(PROJECT_FOLDER))
    return Path(bpy.path.abspath(image.filepath)).parent == folder
