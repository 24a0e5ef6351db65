"""What only a world has: its defaults, the prompts of its sky and ground, and what cannot be closed or seen."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from .settings import MAX_WORLD_SIZE

if TYPE_CHECKING:
    from .findings import Findings
    from .request import Request

SETTINGS_OF_WORLD = ("world_size", "horizon", "poles", "sky_prompt", "ground_prompt", "range", "peak")
WORLD_SIZE = 4096
PEAK = 8.0
LEAST_WINDOWS = 2  # round a loop: fewer would see themselves beside themselves
NO_SUN = "the picture shows no compact highlight, so there is no sun in its light"
WIDEST_VIEW = 140.0  # degrees from the strip's lower edge to its upper one

# Where a prompt goes on from what is seen to when, in what weather or in what style it is seen.
_CIRCUMSTANCES = re.compile(r",|\b(?:at|by|during|under|on an?|in (?:the )?(?:\w+ )?(?:style|evening|morning|light))\b")


def fill_in_world(values: dict[str, Any], findings: Findings) -> None:
    """Fill in what a world needs and is not given; note what is given to another target.

    The size, which depends on the canvas, is filled in by ``default_size``.
    """
    if values["target"] != "world":
        for name in SETTINGS_OF_WORLD:
            if name in values:
                findings.add(name, "is for --target world only")
            values[name] = None
        return
    prompt = values.get("prompt", "")
    defaults = {
        "world_size": None,
        "horizon": 0.0,
        "poles": default_poles(values["preset"]),
        "sky_prompt": about("the sky", prompt),
        "ground_prompt": f"{prompt}, seen from above",
    }
    expanded = values.setdefault("range", "expanded") == "expanded"
    if not expanded and "peak" in values:
        findings.add("peak", "is for --range expanded only", "range")
    for name, value in {**defaults, "peak": PEAK if expanded else None}.items():
        values.setdefault(name, value)


def default_poles(preset: str) -> str:
    """What is above and below a world's strip where nothing is said of it."""
    return "fill" if preset == "draft" else "generate"


def about(subject: str, prompt: str) -> str:
    """A prompt for ``subject`` in the circumstances of another: "the sky at dawn" from "a lake at dawn"."""
    found = _CIRCUMSTANCES.search(prompt)
    rest = prompt[found.start() :] if found else f", {prompt}"
    return f"{subject}{rest}" if rest.startswith(",") else f"{subject} {rest}"


def default_size(values: dict[str, Any]) -> int:
    """The width of the finished picture: the canvas's for a draft, else what is sharp behind a lens of 50 mm."""
    return min(values["width"] // 2 * 2, MAX_WORLD_SIZE) if values["preset"] == "draft" else WORLD_SIZE


def check_world(request: Request, findings: Findings) -> None:
    """What is wrong with the sizes of a world."""
    if request.world_size % 2:
        findings.add("world_size", f"{request.world_size} is odd; {request.world_size + 1} would be even")
    least = LEAST_WINDOWS * request.window
    if request.window <= request.width < least:
        sentence = f"{request.width} is too narrow to close to a loop; use {least} ({LEAST_WINDOWS} windows) or more"
        findings.add("width", sentence, "window")
    seen = math.degrees(2 * math.atan(math.pi * request.height / max(request.width, 1)))
    if seen > WIDEST_VIEW:
        highest = int(math.tan(math.radians(WIDEST_VIEW / 2)) / math.pi * request.width)
        sentence = (
            f"{request.height} on a strip {request.width} wide would be seen under {seen:.0f} degrees, and up to "
            f"{WIDEST_VIEW:.0f} can be; use {highest} or less, or enlarge --width"
        )
        findings.add("height", sentence, "width", "window")
