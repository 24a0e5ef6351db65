"""``syncdiffusion generate``: from options to a request, through the engine, to files."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InvalidRequestError, ModelError, Problem
from ..core.files.images import ImageError, read_request
from ..core.files.known import KnownFiles
from ..core.files.outputs import Outputs
from ..core.request.presets import PRESET_SETTINGS
from ..core.request.settings import SETTINGS, Choice, Flag, option
from ..core.request.validation import Plan, prepare
from .progress import ProgressLine

OUTPUT_OPTIONS = {
    "output": "the picture, a PNG",
    "save_latents": "the final latents before decoding, an .npz with the array 'latents'",
    "trace": "an .npz with the merged latents after every step and the perceptual loss of every step",
    "report": "a JSON with every setting in effect, seconds, memory, batch sizes and losses",
}
MISSING = object()  # an option that was given without its value

# Given on the command line, one of these takes the place of what a picture's request says about the others.
REPLACES: Mapping[str, tuple[str, ...]] = {
    "preset": PRESET_SETTINGS,
    "sync_every": ("sync_count",),
    "sync_count": ("sync_every",),
    "target": ("wrap",),
}


def add_parser(commands: Any) -> None:
    """Add the subcommand. Values are read by ``core.settings``, so that every problem is reported, not the first."""
    parser = commands.add_parser(
        "generate", help="make a panorama from a prompt", allow_abbrev=False, argument_default=None
    )
    for name, setting in SETTINGS.items():
        if isinstance(setting, Flag):
            parser.add_argument(f"--{option(name)}", action="store_true", default=None, help=setting.help)
        else:
            metavar = "|".join(setting.names) if isinstance(setting, Choice) else name.rpartition("_")[2].upper()
            parser.add_argument(f"--{option(name)}", nargs="?", const=MISSING, metavar=metavar, help=setting.help)
    for name, text in OUTPUT_OPTIONS.items():
        flags = ("-o", "--output") if name == "output" else (f"--{option(name)}",)
        parser.add_argument(*flags, dest=name, nargs="?", const=MISSING, metavar="FILE", help=text)
    parser.add_argument("--from", dest="source", nargs="?", const=MISSING, metavar="PNG", help="repeat a picture")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")


def run(options: argparse.Namespace, unknown: Sequence[str], cancelled: Callable[[], bool]) -> None:
    """Carry the subcommand out. Raises InvalidRequestError with all problems, or another SyncDiffusionError."""
    problems = [Problem(word.partition("=")[0].lstrip("-") or word, f"{word!r} is no option") for word in unknown]
    given = {name: value for name in SETTINGS if (value := getattr(options, name)) is not None}
    files = {name: value for name in OUTPUT_OPTIONS if (value := getattr(options, name)) is not None}
    for name, value in {**given, **files, "from": options.source}.items():
        if value is MISSING:
            problems.append(Problem(option(name), "is given without a value"))
    given = {name: value for name, value in given.items() if value is not MISSING}
    if options.source not in (None, MISSING):
        given = _with_request_of(Path(options.source).expanduser(), given, problems)
    outputs = _outputs(files, problems)
    plan = _prepare(given, problems)
    problems = outputs.problems(plan.request.width * plan.request.height)
    if problems:
        raise InvalidRequestError(problems)

    from ..core.engine import Engine  # imports torch, which a bad request need not wait for

    with ProgressLine(quiet=options.quiet) as progress:
        Engine().generate(plan, outputs, progress.show, cancelled)
    print(outputs.output)


def _prepare(given: Mapping[str, Any], problems: list[Problem]) -> Plan:
    try:
        return prepare(given, problems)
    except ModelError:
        if problems:
            raise InvalidRequestError(problems) from None
        raise


def _outputs(files: Mapping[str, Any], problems: list[Problem]) -> Outputs:
    if "output" not in files:
        problems.append(Problem("output", "is missing; name a PNG with -o"))
    paths = {name: Path(value).expanduser() for name, value in files.items() if value is not MISSING}
    outputs = Outputs(**paths)
    problems += outputs.problems()
    return outputs


def _with_request_of(picture: Path, given: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The settings of a picture's request, with those ``given`` in their place."""
    try:
        request = read_request(picture)
    except ImageError as error:
        problems.append(Problem("from", str(error)))
        return dict(given)
    files = request.get("files")
    settings = {name: value for name, value in request.items() if name in SETTINGS and value is not None}
    replaced = {*given, *(other for name in given for other in REPLACES.get(name, ()))}
    settings = {name: value for name, value in settings.items() if name not in replaced}
    for name, file in (files if isinstance(files, dict) else {}).items():
        if name in settings:
            path = _find_file(picture.parent, file)
            if path is not None:
                settings[name] = str(path)
            elif not _is_hub_id(settings[name]):
                sentence = f"{settings[name]!r} of that picture is not on this machine; name it with --{option(name)}"
                problems.append(Problem(option(name), sentence))
                del settings[name]
    return {**settings, **given}


def _find_file(folder: Path, file: Mapping[str, str]) -> Path | None:
    """A file by its hash: where it was last seen, or under its name beside the picture or in the current folder."""
    known = KnownFiles()
    if (path := known.find(file["sha256"])) is not None:
        return path
    candidates = [folder / file["name"], Path(file["name"])]
    return next((p for p in candidates if p.is_file() and known.sha256(p) == file["sha256"]), None)


def _is_hub_id(name: str) -> bool:
    from ..core.models.hub import is_hub_id

    return is_hub_id(name)
