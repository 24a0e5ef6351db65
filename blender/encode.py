"""What the worker does with its events before they are posted, so that the main thread only hands bytes over.

No ``bpy`` here: this runs on the worker.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.events import Done, Event, Progress
from . import drafts, estimates

if TYPE_CHECKING:
    import numpy as np

    from ..core.request.validation import Plan
    from ..core.result import Result

_log = logging.getLogger(__name__)

TILE = 128  # pixels of a side of an icon
MAX_TILES = 8
SPHERE_WIDTHS = (256, 1024)  # the narrowest and the widest preview of a world


@dataclass(frozen=True)
class Pixels:
    """A picture as Blender takes it: RGBA, float32, row by row from the bottom, flat."""

    width: int
    height: int
    values: np.ndarray


@dataclass(frozen=True)
class Update:
    """Progress, with its preview ready to be shown.

    ``tiles`` are squares which side by side are the picture, since icons are square. ``picture`` is all of it: of a
    world the sphere. Both are empty where there is no new preview.
    """

    progress: Progress
    tiles: tuple[Pixels, ...] = ()
    picture: Pixels | None = None


@dataclass(frozen=True)
class Finish:
    """A job is done, and this is what its picture looks like, in squares as above."""

    result: Result
    tiles: tuple[Pixels, ...]


class Encoder:
    """Translates the events of one job.

    When it is done, its clean latents are kept in the folder ``latents``, and in the file ``runs`` what it took.
    """

    def __init__(self, plan: Plan, latents: Path, runs: Path) -> None:
        self._plan = plan
        self._latents = latents
        self._runs = runs

    def __call__(self, event: Event) -> Any:
        """What is posted in the place of ``event``."""
        if isinstance(event, Done):
            return self._finish(event.result)
        if not isinstance(event, Progress):
            return event
        if event.preview is None:
            return Update(event)
        picture = event.preview
        if self._plan.request.target == "world":
            picture = sphere(picture, self._plan.request.horizon)
        return Update(event, tiles(picture), pixels(picture))

    def _finish(self, result: Result) -> Finish:
        try:
            drafts.keep(self._latents, result.request, result.latents)
            estimates.record(self._runs, self._plan, result.report)
        except OSError:  # the picture is there, and more important than what is kept beside it
            _log.warning("what was to be kept of the run could not be written", exc_info=True)
        from ..core.pictures import displayed

        return Finish(result, tiles(displayed(result.pixels)))


def sphere(strip: np.ndarray, horizon: float) -> np.ndarray:
    """The world that a strip (h, w, 3), 8-bit, is becoming, no larger than the strip has detail for."""
    import numpy as np

    from ..core.panorama.sphere import equirectangular

    narrow, wide = SPHERE_WIDTHS
    width = min(max(2 * strip.shape[1], narrow), wide)
    return equirectangular(strip, width, horizon).clip(0, 255).round().astype(np.uint8)


def tiles(picture: np.ndarray) -> tuple[Pixels, ...]:
    """A picture (h, w, 3), 8-bit, as squares side by side, with clear margins where it does not fill them."""
    import numpy as np
    from PIL import Image

    height, width = picture.shape[:2]
    count = min(max(math.ceil(width / height), 1), MAX_TILES)
    factor = min(count * TILE / width, TILE / height)
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    left, top = (count * TILE - size[0]) // 2, (TILE - size[1]) // 2
    canvas = np.zeros((TILE, count * TILE, 4), np.uint8)
    canvas[top : top + size[1], left : left + size[0], :3] = small
    canvas[top : top + size[1], left : left + size[0], 3] = 255
    return tuple(pixels(part) for part in np.split(canvas, count, axis=1))


def pixels(picture: np.ndarray) -> Pixels:
    """A picture (h, w, 3 or 4), 8-bit, from top to bottom, as Blender takes it."""
    import numpy as np

    height, width, channels = picture.shape
    values = np.ones((height, width, 4), np.float32)
    values[..., :channels] = picture[::-1]
    values[..., :channels] /= 255.0
    return Pixels(width, height, values.ravel())
