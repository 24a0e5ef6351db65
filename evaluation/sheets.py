"""Contact sheets: Figure 4, the methods under one another for every prompt, and Figure 7, the weights w."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from .results import Picture, Results
from .worker import read_picture

WIDTH = 1200  # of a panorama on a sheet
LABEL, GAP = 150, 6
INK, PAPER = (40, 40, 44), (255, 255, 255)
METHODS = {"bld": "BLD", "md": "MD", "w20": "SyncDiffusion"}
WEIGHTS = {"md": "w = 0 (MD)", "w5": "w = 5", "w10": "w = 10", "w15": "w = 15", "w20": "w = 20"}


def figure_4(results: Results) -> Image.Image | None:
    """For every prompt the first seed that all of ``METHODS`` have."""
    groups = []
    for prompt in results.experiment.prompts:
        groups += _groups(results, METHODS, prompt)[:1]
    return sheet(groups)


def figure_7(results: Results, count: int = 3) -> Image.Image | None:
    """The same noise under growing weights, for the first ``count`` prompts."""
    groups = []
    for prompt in results.experiment.prompts:
        groups += _groups(results, WEIGHTS, prompt)[:1]
    return sheet(groups[:count])


def _groups(results: Results, keys: dict[str, str], prompt: str) -> list[tuple[str, list[tuple[str, Picture]]]]:
    """A title and the labelled pictures of every seed that has one of at least two of the rows."""
    text = results.experiment.prompts[prompt].text
    rows = {label: results.pictures_of(key) for key, label in keys.items()}
    by_seed: dict[int, list[tuple[str, Picture]]] = {}
    for label, pictures in rows.items():
        for one in pictures:
            if one.prompt == prompt:
                by_seed.setdefault(one.seed, []).append((label, one))
    full = max(map(len, by_seed.values()), default=0)
    return [
        (f"“{text}”, seed {seed}", found)
        for seed, found in sorted(by_seed.items())
        if len(found) == full and len(found) > 1
    ]


def sheet(groups: Sequence[tuple[str, Sequence[tuple[str, Picture]]]]) -> Image.Image | None:
    """Groups of panoramas under one another, each with its label at the left; None where there is nothing to show."""
    if not groups:
        return None
    font = ImageFont.load_default(15)
    rows: list[tuple[str, Image.Image | None]] = []
    for title, pictures in groups:
        rows.append((title, None))
        rows += [(label, _scaled(one)) for label, one in pictures]
    height = GAP + sum((image.height if image else 24) + GAP for _, image in rows)
    page = Image.new("RGB", (LABEL + WIDTH + GAP, height), PAPER)
    draw = ImageDraw.Draw(page)
    top = GAP
    for text, image in rows:
        if image is None:
            draw.text((GAP, top + 4), text, fill=INK, font=font)
        else:
            draw.text((GAP, top + image.height // 2 - 9), text, fill=INK, font=font)
            page.paste(image, (LABEL, top))
        top += (image.height if image else 24) + GAP
    return page


def _scaled(picture: Picture) -> Image.Image:
    image = Image.fromarray(read_picture(picture.image))
    scale = min(WIDTH / image.width, WIDTH / 4 / image.height)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
