"""``syncdiffusion generate``: from options to a request, through the engine, to files."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InvalidRequestError, Problem, option
from ..core.files.images import ImageError
from ..core.files.outputs import Outputs
from ..core.request.findings import Findings
from ..core.request.presets import PRESET_SETTINGS
from ..core.request.settings import SETTINGS, Choice, Flag, Several
from ..core.request.validation import prepare, read_settings
from .progress import ProgressLine
from .repeat import settings_of

OUTPUT_OPTIONS = {
    "output": "the picture, a PNG; a world's light an EXR",
    "save_latents": "the final latents before decoding, an .npz with the array 'latents'",
    "trace": "an .npz with the merged latents after every step and the perceptual loss of every step",
    "report": "a JSON with every setting in effect, seconds, memory, batch sizes and losses",
}
MISSING = object()  # an option that was given without its value


class _HelpFormatter(argparse.HelpFormatter):
    """Shows values as needed, though the parser takes an option without one, to report it with the other problems."""

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        if action.nargs == "?":
            return self._metavar_formatter(action, default_metavar)(1)[0]
        return super()._format_args(action, default_metavar)


def add_parser(commands: Any) -> None:
    """Add the subcommand. Values are read by ``core.request``, so that every problem is reported, not the first."""
    parser = commands.add_parser(
        "generate",
        help="make a panorama from a prompt",
        allow_abbrev=False,
        argument_default=None,
        formatter_class=_HelpFormatter,
    )
    for name, setting in SETTINGS.items():
        if isinstance(setting, Flag):
            parser.add_argument(f"--{option(name)}", action="store_true", default=None, help=setting.help)
            if name in PRESET_SETTINGS:
                text = "not so, whatever the preset says"
                parser.add_argument(f"--no-{option(name)}", dest=name, action="store_false", default=None, help=text)
        elif isinstance(setting, Several):
            metavar = name.upper()
            parser.add_argument(
                f"--{option(name)}", action="append", nargs="?", const=MISSING, metavar=metavar, help=setting.help
            )
        else:
            metavar = "|".join(setting.names) if isinstance(setting, Choice) else name.rpartition("_")[2].upper()
            parser.add_argument(f"--{option(name)}", nargs="?", const=MISSING, metavar=metavar, help=setting.help)
    for name, text in OUTPUT_OPTIONS.items():
        flags = ("-o", "--output") if name == "output" else (f"--{option(name)}",)
        parser.add_argument(*flags, dest=name, nargs="?", const=MISSING, metavar="FILE", help=text)
    parser.add_argument(
        "--from", dest="source", nargs="?", const=MISSING, metavar="PNG", help="repeat a picture; options override it"
    )
    parser.set_defaults(run=run)
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")


def run(
    options: argparse.Namespace, unknown: Sequence[str], cancelled: Callable[[], bool], problems: Sequence[Problem] = ()
) -> None:
    """Carry the subcommand out. ``problems`` have been found before.

    Raises InvalidRequestError with all problems, or another SyncDiffusionError.
    """
    findings = Findings([*problems, *unknown_words(unknown), *_without_value(options)])
    given = _given(options, SETTINGS)
    outputs = _outputs(_given(options, OUTPUT_OPTIONS), findings)
    if options.source is not None:
        given = _repeated(options.source, given, findings)
    if given.get("target") == "world" and options.range is None and outputs.output is not None:
        given |= {"range": "expanded"} if outputs.is_light else {"range": "ldr", "peak": options.peak}
    plan = prepare(given, findings.problems)
    outputs.check_range(plan.request.range == "expanded")
    outputs.check_inputs([*plan.model.files, *plan.request.input_files])
    outputs.check_space(plan.request.pixels)

    from ..core.engine import Engine  # imports torch, which a bad request need not wait for

    with ProgressLine(quiet=options.quiet) as progress:
        Engine().generate(plan, outputs, progress.show, cancelled)
    _print_path(outputs.output)


def unknown_words(words: Sequence[str]) -> Iterator[Problem]:
    """What the parser has left over: options there are not, and words that belong to none."""
    stray = [word for word in words if not word.startswith("-")]
    for name in (word.partition("=")[0] for word in words if word.startswith("-")):
        yield Problem(name.lstrip("-") or name, f"{name!r} is no option; --help lists them all")
    if stray:
        sentence = f"{' '.join(stray)!r} belongs to no option; put quotes round a text of several words"
        yield Problem(stray[0] or "''", sentence)


def _without_value(options: argparse.Namespace) -> Iterator[Problem]:
    for dest in (*SETTINGS, *OUTPUT_OPTIONS, "source"):
        value = getattr(options, dest)
        if MISSING in (value if isinstance(value, list) else [value]):
            name = "from" if dest == "source" else option(dest)
            yield Problem(name, f"is given without a value (--{name}=VALUE for one that begins with a dash)")


def _given(options: argparse.Namespace, names: Collection[str]) -> dict[str, Any]:
    """Those of the options ``names`` that were given with a value, or with several."""
    given = {name: getattr(options, name) for name in names}
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = [one for one in value if one is not MISSING] or None
    return {name: value for name, value in given.items() if value not in (None, MISSING)}


def _outputs(files: Mapping[str, str], findings: Findings) -> Outputs:
    """Where the results go. An empty name is a problem: as a path it would be the current folder."""
    for name in (name for name, file in files.items() if not file):
        findings.add(name, "is empty; name a file")
    if "output" not in files:
        findings.add("output", "is missing; name a PNG with -o")
    outputs = Outputs(**{name: Path(os.path.expanduser(file)) for name, file in files.items() if file})
    findings.problems += outputs.problems()
    return outputs


def _repeated(source: Any, given: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The settings of the picture ``source``, with those ``given`` in their place.

    Raises InvalidRequestError when it holds no request: nobody knows then what else is wrong or missing.
    """
    try:
        return settings_of(Path(os.path.expanduser("" if source is MISSING else source)), given, findings)
    except ImageError as error:
        findings.add("from", str(error) if source else "is empty; name a PNG")
    read_settings(given, findings)
    raise InvalidRequestError(findings.problems)


def _print_path(path: Path | None) -> None:
    try:
        print(path)
    except UnicodeEncodeError:  # a name that standard output has no letters for: the bytes that the file system has
        sys.stdout.buffer.write(os.fsencode(f"{path}\n"))
