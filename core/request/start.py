"""What a request starts from when it is not noise alone: defaults and checks of ``init_image``, mode and strength."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .settings import MAX_SIZE

if TYPE_CHECKING:
    from ..models.facts import ModelFacts
    from .findings import Findings
    from .request import Request

STRENGTH = 0.35  # enough to draw detail that an enlarged picture lacks, too little to change what it shows
LATENTS = ".npz"
# A world that is refined is worked over on a canvas so many times as wide as high: the paper's.
WORLD_ASPECT = 6


def is_latents(init_image: str) -> bool:
    """Whether a run starts from a file of latents and not from a picture."""
    return init_image.lower().endswith(LATENTS)


def fill_in_start(values: dict[str, Any], findings: Findings) -> None:
    """Fill in mode and strength where there is a picture to start from; note them where they have no meaning."""
    given = values.get("init_image") is not None
    mode = values.get("init_mode", "refine")
    if not given and "init_mode" in values:
        findings.add("init_mode", "is for --init-image only", "init_image")
    if "strength" in values and (not given or mode != "refine"):
        findings.add("strength", "is for --init-image with --init-mode refine only", "init_image", "init_mode")
    values.setdefault("init_image", None)
    values["init_mode"] = mode if given else None
    values["strength"] = values.get("strength", STRENGTH) if given and mode == "refine" else None


def refined_canvas(values: dict[str, Any], window: int, factor: int, findings: Findings) -> tuple[int, int] | None:
    """(width, height) of the canvas on which a picture is refined, by its own size and what is given; else None.

    The picture's own size where none is given, and its proportions where one of the two is. A world's picture that is
    twice as wide as high is a whole sphere, of which the canvas is the band round the horizon.
    """
    size = _size(values, factor, findings) if values["init_mode"] == "refine" else None
    if size is None:
        return None
    width, height = size
    if is_sphere(values["target"], width, height):
        height = width / WORLD_ASPECT
    if "width" in values:
        width, height = values["width"], height * values["width"] / width
    elif "height" in values:
        width, height = width * values["height"] / height, values["height"]
    largest = MAX_SIZE // factor * factor
    width, height = (min(max(round(side / factor) * factor, window), largest) for side in (width, height))
    return width, height


def is_sphere(target: str, width: int, height: int) -> bool:
    """Whether a picture to start from shows the whole sphere and not a strip."""
    return target == "world" and width == 2 * height


def check_start(request: Request, facts: ModelFacts | None, findings: Findings) -> None:
    """What is wrong with the file to start from, and with what is to be grown round it."""
    if request.init_image is None or findings.about("init_image"):
        return
    if is_latents(request.init_image):
        _check_clean_latents(request, facts, findings)
    else:
        from ..files.images import ImageError, check_image

        try:
            check_image(Path(request.init_image))
        except ImageError as error:
            findings.add("init_image", f"{error}; name a picture, or the .npz of --save-latents")
    if request.init_mode == "grow" and request.anchor_image is not None:
        findings.add("anchor", "is a picture, but what is grown has its own as anchor; give center or an index")


def _check_clean_latents(request: Request, facts: ModelFacts | None, findings: Findings) -> None:
    from ..files.latents import read_latents

    if request.init_mode == "grow":
        findings.add("init_image", "is latents, but a panorama is grown round a picture; name a picture")
        return
    try:
        shape = read_latents(Path(request.init_image)).shape
    except ValueError as error:
        findings.add("init_image", str(error))
        return
    if len(shape) != 4 or shape[0] != 1 or (facts is not None and shape[1] != facts.latent_channels):
        wanted = f"(1, {facts.latent_channels if facts else 'channels'}, height, width)"
        findings.add("init_image", f"has latents of shape {tuple(shape)}, but this model's are {wanted}")


def _size(values: dict[str, Any], factor: int, findings: Findings) -> tuple[int, int] | None:
    """(width, height) in pixels of what is refined; None where it cannot be read, which ``check_start`` reports."""
    from ..files.images import ImageError, picture_size
    from ..files.latents import read_latents

    try:
        if is_latents(values["init_image"]):
            shape = read_latents(Path(values["init_image"])).shape
            return (shape[-1] * factor, shape[-2] * factor) if len(shape) == 4 else None
        return picture_size(Path(values["init_image"]))
    except (ImageError, ValueError, OSError):
        return None
