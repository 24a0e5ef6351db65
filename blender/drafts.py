"""The clean latents of pictures, kept beside the .blend's world of files: what a draft is finished from.

No ``bpy`` here: the worker writes them.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

KEPT = 200  # the newest; of a world some 100 kB to 1 MB each


def path_of(folder: Path, request: Mapping[str, Any]) -> Path:
    """Where the latents of a picture with this request lie, if they are kept."""
    text = json.dumps(request, sort_keys=True)
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.npz"


def keep(folder: Path, request: Mapping[str, Any], latents: np.ndarray) -> None:
    """Keep clean latents (1, C, h, w), and drop the oldest where there are too many. Raises OSError."""
    import numpy as np

    path = path_of(folder, request)
    temporary = folder / f".{secrets.token_hex(8)}.tmp"
    with temporary.open("wb") as file:
        np.savez(file, latents=latents)
    os.replace(temporary, path)
    kept = sorted(folder.glob("*.npz"), key=lambda file: file.stat().st_mtime)
    for old in kept[:-KEPT]:
        old.unlink(missing_ok=True)
