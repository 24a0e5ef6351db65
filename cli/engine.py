"""``syncdiffusion engine``: which torch there is, and an offline bundle of wheels for another machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..core.activity import Activity
from ..core.engine_setup.builds import BUILDS, available, recommend
from ..core.engine_setup.found import find_torch, why_no_engine
from ..core.engine_setup.machine import detect, this_system
from ..core.engine_setup.sources import make_bundle
from ..core.errors import InvalidRequestError, Problem
from .watch import watch

PYTHONS = ("3.11", "3.13")


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("engine", help="what torch there is, or a bundle of it", allow_abbrev=False)
    parser.add_argument("--bundle", metavar="FOLDER", help="download the engine's wheels, to install them elsewhere")
    parser.add_argument("--build", metavar="|".join(BUILDS), help="for --bundle: which; default: for this machine")
    parser.add_argument("--python", metavar="|".join(PYTHONS), help="for --bundle: of which Blender; default: this one")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    parser.set_defaults(run=run)


def run(
    options: argparse.Namespace, unknown: Sequence[str], cancelled: Callable[[], bool], problems: Sequence[Problem]
) -> None:
    """Tell, or make the bundle. Raises SyncDiffusionError."""
    found = [*problems, *(Problem(word.lstrip("-"), f"{word!r} is no option of engine") for word in unknown)]
    builds = {build.key: build for build in available(this_system())}
    if options.build is not None and options.build not in builds:
        found.append(Problem("build", f"{options.build!r} is not for this system; use {', '.join(builds)}"))
    if options.python is not None and options.python not in PYTHONS:
        found.append(Problem("python", f"{options.python!r} is no Python of a Blender; use {' or '.join(PYTHONS)}"))
    if found:
        raise InvalidRequestError(found)
    key, why = recommend(detect())
    if options.bundle is None:
        _tell(key, why)
        return
    build = builds.get(options.build or key)
    if build is None:
        raise InvalidRequestError([Problem("build", f"is missing: {why} Name one of {', '.join(builds)}")])
    folder = Path(options.bundle).expanduser()
    activity = Activity(
        f"Downloading {build.label}", lambda activity: make_bundle(build, folder, activity, options.python)
    )
    print(watch(activity, cancelled, options.quiet))


def _tell(key: str, why: str) -> None:
    torch = find_torch()
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    print(f"torch {torch.version} in {torch.folder}" if torch else f"{python} finds no torch")
    if reason := why_no_engine():
        print(reason)
    print(f"For this machine: {BUILDS[key].label}, {BUILDS[key].index}" if key else "For this machine: none")
    print(why)
