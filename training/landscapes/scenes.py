"""The scenes by name. Each is a function that paints a stage from far to near."""

from __future__ import annotations

from collections.abc import Callable

from .inland import autumn, desert, fields, forest, ground, meadow, mountains, snow
from .shores import beach, city, lake, sea
from .stage import Stage


def sky(stage: Stage) -> None:
    """Nothing but the sky, which is there already."""


SCENES: dict[str, Callable[[Stage], None]] = {
    "mountains": mountains,
    "lake": lake,
    "sea": sea,
    "beach": beach,
    "desert": desert,
    "meadow": meadow,
    "forest": forest,
    "autumn": autumn,
    "snow": snow,
    "fields": fields,
    "city": city,
    "sky": sky,
    "ground": ground,
}
