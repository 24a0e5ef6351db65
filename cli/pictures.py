"""``syncdiffusion world``, ``seam`` and ``faces``: what can be done with a panorama that is there."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InvalidRequestError, OutputError, Problem, option
from ..core.files.images import ImageError, check_image, picture_size, read_request
from ..core.files.outputs import Outputs
from ..core.request.findings import Findings
from ..core.request.settings import SETTINGS, Choice, Whole
from ..core.request.world import NO_SUN, PEAK, WORLD_SIZE
from .generate import unknown_words

WORLD_OPTIONS = ("world_size", "horizon", "poles", "range", "peak")
FACE_SIZE = Whole("side of a face in pixels", low=16, high=8192)
# The join is seen where it is among the greatest steps of the picture, and far greater than the usual one.
SHOWS, TIMES_USUAL = 0.98, 4.0


def add_parser(commands: Any) -> None:
    """Add the subcommands."""
    world = _parser(commands, "world", "a strip as the light or the picture of a whole sphere", output=True)
    for name in WORLD_OPTIONS:
        setting = SETTINGS[name]
        metavar = "|".join(setting.names) if isinstance(setting, Choice) else name.rpartition("_")[2].upper()
        world.add_argument(f"--{option(name)}", metavar=metavar, help=setting.help)
    seam = _parser(commands, "seam", "whether a picture that closes shows where it does", output=False)
    seam.add_argument("--roll", metavar="OUT.png", help="also write the picture rolled by half, the join in its middle")
    faces = _parser(commands, "faces", "a sphere as the six faces of a cube", output=True)
    faces.add_argument("--size", metavar="PX", default="512", help=FACE_SIZE.help)


def _parser(commands: Any, name: str, text: str, output: bool) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, allow_abbrev=False)
    parser.add_argument("picture", metavar="PICTURE")
    if output:
        parser.add_argument("-o", "--output", metavar="OUT", help="the file to write")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    parser.set_defaults(run=run)
    return parser


def run(
    options: argparse.Namespace, unknown: Sequence[str], _: Callable[[], bool], problems: Sequence[Problem] = ()
) -> None:
    """Carry one of the subcommands out. Raises InvalidRequestError with all problems, or OutputError."""
    RUNNERS[options.command](options, Findings([*problems, *unknown_words(unknown)]))


def _run_world(options: argparse.Namespace, findings: Findings) -> None:
    """A strip, or a picture of a sphere, as a world. Raises InvalidRequestError with all problems."""
    path = _picture(options.picture, findings)
    outputs = _output(options.output, findings)
    values = _read({name: getattr(options, name) for name in WORLD_OPTIONS}, findings)
    if values.get("poles") == "generate":
        sentence = "'generate' paints with the model: use generate --target world --init-image PICTURE --strength 0.05"
        findings.add("poles", f"{sentence} --prompt TEXT, which keeps the strip but for its last touch")
    chosen = values.get("range", "expanded" if outputs.is_light else "ldr")
    if chosen == "ldr" and "peak" in values:
        findings.add("peak", "is for --range expanded only", "range")
    size = values.get("world_size", WORLD_SIZE)
    if size % 2:
        findings.add("world_size", f"{size} is odd; {size + 1} would be even")
    findings.raise_any()
    outputs.check_range(chosen == "expanded")
    outputs.check_inputs([path])
    outputs.check_space(size * size // 2)

    import numpy as np

    from ..core.files.images import resized
    from ..core.panorama.fuse import fuse
    from ..core.panorama.seam import seam
    from ..core.panorama.world import finished
    from ..core.pictures import read_srgb
    from ..core.result import Result

    picture = read_srgb(path)
    height, width = picture.shape[:2]
    if width < height:
        sentence = f"is {width} x {height}, too narrow to close round the viewer; a strip is wider than high"
        raise InvalidRequestError([Problem("picture", sentence)])
    if width == 2 * height and "horizon" in values:
        sentence = "is for strips; this picture is twice as wide as high, a whole sphere already"
        raise InvalidRequestError([Problem("horizon", sentence)])
    join = seam(picture)
    if join.rank > SHOWS and join.step > TIMES_USUAL * join.usual:
        _note("the picture's left and right edges do not meet; a strip made with --wrap x closes")
    if width == 2 * height:
        sphere = resized(picture, size, size // 2, wrap_y=False, wrap_x=True)
    else:
        sphere = fuse(picture, size, values.get("horizon", 0.0), ())
    peak = values.get("peak", PEAK) if chosen == "expanded" else None
    pixels, sun = finished(sphere, peak)
    if peak is not None and sun is None:
        _note(NO_SUN)
    request = _request_of(path) | {"world_size": size, "range": chosen, "peak": peak}
    if sun is not None:
        request["sun"] = sun.to_json()
    nothing = np.empty(0, np.float32)
    outputs.write(Result(pixels, nothing, nothing, nothing, request), dict)
    print(outputs.output)


def _run_seam(options: argparse.Namespace, findings: Findings) -> None:
    """Print how the join of left and right edge stands among the other steps."""
    path = _picture(options.picture, findings)
    outputs = _output(options.roll, findings) if options.roll is not None else Outputs()
    findings.raise_any()
    outputs.check_range(False)
    outputs.check_inputs([path])

    from ..core.panorama.seam import rolled, seam
    from ..core.pictures import read_srgb

    picture = read_srgb(path)
    try:
        found = seam(picture)
    except ValueError as error:
        raise InvalidRequestError([Problem("picture", str(error))]) from error
    step, usual = (255 * value for value in (found.step, found.usual))
    print(f"rank {found.rank:.2f}: the step at the join is {step:.1f} of 255, the usual one {usual:.1f}")
    if outputs.output is not None:
        _save(rolled(picture), outputs.output)


def _run_faces(options: argparse.Namespace, findings: Findings) -> None:
    """Write the unfolded cube."""
    path = _picture(options.picture, findings)
    outputs = _output(options.output, findings)
    size = 0
    try:
        size = FACE_SIZE.read(options.size)
    except ValueError as error:
        findings.add("size", str(error))
    if not findings.about("picture"):
        width, height = picture_size(path)
        if width != 2 * height:
            findings.add(
                "picture", f"is {width} x {height}; a whole sphere is twice as wide as high, as world makes it"
            )
    findings.raise_any()
    outputs.check_range(False)
    outputs.check_inputs([path])

    from ..core.panorama.views import faces_sheet
    from ..core.pictures import read_srgb

    _save(faces_sheet(read_srgb(path), size), outputs.output)
    print(outputs.output)


def _picture(name: str, findings: Findings) -> Path:
    path = Path(os.path.expanduser(name))
    try:
        check_image(path)
    except ImageError as error:
        findings.add("picture", str(error))
    return path


def _output(name: str | None, findings: Findings) -> Outputs:
    if not name:
        findings.add("output", "is missing; name a file with -o")
        return Outputs()
    outputs = Outputs(Path(os.path.expanduser(name)))
    findings.problems += outputs.problems()
    return outputs


def _read(given: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    values = {}
    for name, value in given.items():
        try:
            if value is not None:
                values[name] = SETTINGS[name].read(value)
        except ValueError as error:
            findings.add(name, str(error))
    return values


def _request_of(path: Path) -> dict[str, Any]:
    """The request that a picture carries, or none: pictures from elsewhere do as well."""
    try:
        return read_request(path)
    except ImageError:
        return {"files": {}}


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


def _save(picture: Any, path: Path) -> None:
    import numpy as np
    from PIL import Image

    try:
        Image.fromarray((picture.clip(0, 1) * 255).round().astype(np.uint8)).save(path, "PNG")
    except OSError as error:
        raise OutputError(f"{str(path)!r} could not be written ({error.strerror or error}); name another") from error


RUNNERS: Mapping[str, Callable[[argparse.Namespace, Findings], None]] = {
    "world": _run_world,
    "seam": _run_seam,
    "faces": _run_faces,
}
