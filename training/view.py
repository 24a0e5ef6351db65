"""Contact sheets of the generated landscapes, to be looked at.

``python -m training.view OUT.png --count 48 --size 256``; ``--panoramas 8`` for strips of six windows; ``--moods 6``
for the same worlds in every mood; ``--scene``, ``--mood`` and ``--style`` fix what is otherwise drawn.
"""

from __future__ import annotations

import argparse
import textwrap
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .landscapes import MOODS, SCENE_SHARES, STYLES, panorama, sample

INK, PAPER, GAP = (40, 40, 44), (248, 247, 244), 8


def sheet(images: list[np.ndarray], captions: list[str], columns: int) -> Image.Image:
    """A page of equally large pictures (height, width, 3) uint8, each with its caption below."""
    height, width = images[0].shape[:2]
    font = ImageFont.load_default(13)
    letters = max(int(width / 7.0), 10)
    lines = [textwrap.wrap(caption, letters)[:2] for caption in captions]
    text = 16 * max(len(line) for line in lines) + 4
    rows = -(-len(images) // columns)
    page = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + text + GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(page)
    for number, (image, line) in enumerate(zip(images, lines, strict=True)):
        x, y = GAP + number % columns * (width + GAP), GAP + number // columns * (height + text + GAP)
        page.paste(Image.fromarray(image), (x, y))
        draw.multiline_text((x, y + height + 1), "\n".join(line), fill=INK, font=font, spacing=2)
    return page


def save(page: Image.Image, path: Path, scale: float = 1.0, colours: int = 0) -> None:
    """Write a page as PNG or JPEG; ``colours`` above 0 makes a palette of so many, a third of a PNG's size."""
    if scale != 1.0:
        page = page.resize((round(page.width * scale), round(page.height * scale)), Image.Resampling.LANCZOS)
    if colours:
        palette = page.quantize(colours, method=Image.Quantize.MEDIANCUT)
        page = page.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    page.save(path, optimize=True, **({"quality": 85} if path.suffix == ".jpg" else {}))


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and print a sheet."""
    parser = argparse.ArgumentParser(prog="training.view", description="Contact sheets of generated landscapes.")
    parser.add_argument("output", type=Path, help="the PNG to write")
    parser.add_argument("--count", type=int, default=48, help="single windows")
    parser.add_argument("--panoramas", type=int, default=0, metavar="N", help="N strips of six windows instead")
    parser.add_argument("--moods", type=int, default=0, metavar="N", help="N worlds in each of the eight moods instead")
    parser.add_argument("--size", type=int, default=256, help="height of a window in pixels")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--scale", type=float, default=1.0, help="of the page when it is written")
    parser.add_argument("--colours", type=int, default=0, help="of a palette; 0: all")
    parser.add_argument("--mood", choices=MOODS)
    parser.add_argument("--scene", choices=list(SCENE_SHARES))
    parser.add_argument("--style", choices=list(STYLES))
    given = parser.parse_args(arguments)

    fixed = {"mood": given.mood, "scene": given.scene, "style": given.style}
    started = time.perf_counter()
    if given.panoramas:
        seeds = range(given.seed, given.seed + given.panoramas)
        made, columns = [panorama(seed, size=given.size, **fixed) for seed in seeds], 1
    elif given.moods:
        scenes = [name for name in SCENE_SHARES if name not in ("sky", "ground", "material")]
        made, columns = [], len(MOODS)
        for row in range(given.moods):
            here = {"scene": given.scene or scenes[row % len(scenes)], "style": given.style or "photo"}
            made += [sample(given.seed + row, given.size, mood=mood, **here) for mood in MOODS]
    else:
        made = [sample(seed, given.size, **fixed) for seed in range(given.seed, given.seed + given.count)]
        columns = given.columns
    took = time.perf_counter() - started
    page = sheet([one.image for one in made], [one.caption for one in made], columns)
    save(page, given.output, given.scale, given.colours)
    print(f"{given.output}: {len(made)} pictures, {1000 * took / len(made):.0f} ms each")


if __name__ == "__main__":
    main()
