"""Where the extension keeps what belongs to this machine and not to a file. It is deleted with the extension."""

from __future__ import annotations

from pathlib import Path

import bpy

from .preferences import PACKAGE


def latents() -> Path:
    """The clean latents of pictures, from which they can be finished at full size."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path="latents", create=True))


def runs() -> Path:
    """What runs on this machine have taken, a JSON."""
    return Path(bpy.utils.extension_path_user(PACKAGE, create=True)) / "runs.json"
