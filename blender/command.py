"""``blender -b FILE --command syncdiffusion generate ... --save FILE2.blend``: the command line, and what it is for.

Without ``--save`` it is the command line as it is anywhere else.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import bpy

from ..cli.main import DONE, FAILED, main
from ..core.errors import Problem
from ..core.files.images import read_request
from . import applying, images
from .lists import recall_lists
from .naming import free_path, picture_name
from .recall import recall


def run(arguments: Sequence[str]) -> int:
    """Carry a command out; returns its exit status, as ``cli.main`` has them."""
    if not any(word == "--save" or word.startswith("--save=") for word in arguments):
        return main(arguments)
    own, rest = _parser("--save").parse_known_args(arguments)
    seen, _ = _parser("--output", "--prompt", "--seed", "--model").parse_known_args(rest)
    blend = Path(os.path.expanduser(own.save or ""))
    problems = list(_problems(own.save, blend))
    picture = Path(os.path.expanduser(seen.output)) if seen.output else None
    if picture is None:
        # Where the .blend cannot be, no picture can be beside it, and that is no problem of its own.
        picture = Path("unused.png") if problems else _place(blend, seen.prompt, seen.seed)
        rest = [*rest, "-o", str(picture)]
    status = main(rest, problems)
    if status != DONE:
        return status
    if note := _apply(picture, seen.model):
        print(f"note: {note}", file=sys.stderr)
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(blend.resolve()))
    except RuntimeError as error:
        print(f"{str(blend)!r} could not be written: {error}", file=sys.stderr)
        return FAILED
    return DONE


def _parser(*names: str) -> argparse.ArgumentParser:
    """For what has to be known here; all else is the command line's, which says what is wrong with it."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in names:
        parser.add_argument(name, *(["-o"] if name == "--output" else []), nargs="?")
    return parser


def _problems(save: str | None, blend: Path) -> Iterator[Problem]:
    if not save:
        yield Problem("save", "is given without a value; name a .blend")
    elif blend.suffix.lower() != ".blend":
        yield Problem("save", f"{blend.name!r} does not end in .blend")
    elif not blend.parent.is_dir():
        yield Problem("save", f"there is no folder {str(blend.parent)!r}; make it, or name another")


def _place(blend: Path, prompt: str | None, seed: str | None) -> Path:
    """Where the extension itself puts pictures of that file: beside it."""
    folder = blend.parent / "textures"
    folder.mkdir(exist_ok=True)
    return free_path(folder, picture_name(prompt or "", int(seed) if (seed or "").isdecimal() else 0), Path.exists)


def _apply(picture: Path, model: str | None) -> str:
    """Give the open file the picture and its settings. Returns what the user should know."""
    from ..core.pictures import read_srgb

    request, scene = read_request(picture), bpy.context.scene
    image = images.load(picture.resolve(), picture.stem, json.dumps(request))
    images.set_thumbnail(image, (255 * read_srgb(picture)).round().astype("uint8"))
    recall_lists(scene.syncdiffusion, request)
    recall(scene.syncdiffusion, request)
    if model is not None:  # a picture knows the name of a model's folder, not where it lies
        scene.syncdiffusion.model = model
    selected = [thing.name for thing in bpy.context.view_layer.objects.selected]
    return applying.apply(image, scene, scene.syncdiffusion.target, applying.Choices.of(scene.syncdiffusion), selected)
