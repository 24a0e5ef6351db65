"""Sizes to choose from, and what a size means at a camera. Pure functions and tables.

The sizes themselves are ``width`` and ``height`` (the canvas) and ``world_size``. A menu is but a view of them: it
shows which of its entries they are, or Custom, so that the two cannot disagree.
"""

from __future__ import annotations

import math

CUSTOM = 0  # the number of the entry Custom in every menu
AUTOMATIC = (0, 0)  # the canvas that the engine takes where none is given

WORLD_WIDTHS = (2048, 4096, 8192, 16384)
STRIPS = (AUTOMATIC, (1536, 256), (2048, 512), (3072, 512), (4096, 512), (4096, 1024))
TILES = (AUTOMATIC, (512, 512), (1024, 1024), (2048, 2048))


def world_label(width: int) -> str:
    """``360° 4096 × 2048``."""
    return f"360° {width} × {width // 2}"


def canvas_label(size: tuple[int, int], automatic: str) -> str:
    """``3072 × 512``, or what the engine takes by itself."""
    return automatic if size == AUTOMATIC else f"{size[0]} × {size[1]}"


def menu(values: tuple, labels: list[str]) -> tuple[tuple[str, str, str, int], ...]:
    """The entries of an enumeration: ``values`` from 1 on, and Custom."""
    entries = (
        ("x".join(map(str, value if isinstance(value, tuple) else (value,))), label, "", number)
        for number, (value, label) in enumerate(zip(values, labels, strict=True), CUSTOM + 1)
    )
    return (*entries, ("CUSTOM", "Custom", "Any size", CUSTOM))


def number_of(value: object, values: tuple) -> int:
    """Which entry of a menu a value is; Custom where it is none."""
    return values.index(value) + CUSTOM + 1 if value in values else CUSTOM


WORLD_MENU = menu(WORLD_WIDTHS, [world_label(width) for width in WORLD_WIDTHS])


def panorama_pixels(world_size: int, left: float, right: float) -> int:
    """How many pixels of a 360° picture ``world_size`` wide span a view between two edges.

    ``left``, ``right``: tangents of the edges' angles from the view's axis, as seen at the horizon.
    """
    return round(world_size * (math.atan(right) - math.atan(left)) / (2.0 * math.pi))
