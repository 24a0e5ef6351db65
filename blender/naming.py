"""Names of pictures, as data-blocks and as files. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from ..core.files.outputs import numbered

MAX_NAME_BYTES = 63  # of a data-block; Blender cuts the rest off
_PREFIX = "SyncD "
_MAX_WORDS_BYTES = 40
_LEFT_OUT = frozenset(("a", "an", "the", "of"))


def picture_name(prompt: str, seed: int) -> str:
    """``SyncD misty-pine-forest 0417``: at most 63 bytes, and a valid file name on every system."""
    words = re.findall(r"\w+", unicodedata.normalize("NFC", prompt.lower()))
    kept = ""
    for word in (word for word in words if word not in _LEFT_OUT):
        longer = f"{kept}-{word}" if kept else word
        if len(longer.encode()) > _MAX_WORDS_BYTES:
            break
        kept = longer
    return f"{_PREFIX}{kept or 'picture'} {seed:04d}"


def short_name(name: str) -> str:
    """A picture's name without what all of them begin with."""
    return name.removeprefix(_PREFIX)


def free_path(folder: Path, name: str, is_taken: Callable[[Path], bool], suffix: str = ".png") -> Path:
    """``NAME.png`` in a folder, or ``NAME 2.png``, ... where that is taken: no file is ever overwritten.

    ``suffix``: another ending than ``.png``.
    """
    return next(path for path in numbered(folder / f"{name}{suffix}") if not is_taken(path))
