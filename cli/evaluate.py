"""``syncdiffusion evaluate``: a grid of methods, prompts and seeds, measured and shown."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InvalidRequestError, Problem, SyncDiffusionError
from ..core.request.settings import SETTINGS, Whole

LIMIT = Whole("how many pictures this run makes at most", low=0)
NEEDED = ("torchmetrics", "torch_fidelity", "matplotlib")


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "evaluate", help="measure methods against each other, as the paper does", allow_abbrev=False
    )
    parser.add_argument("experiment", nargs="?", help="a TOML file, such as evaluation/experiments/builtin.toml")
    parser.add_argument("-o", "--output", metavar="FOLDER", help="where everything goes; a stopped run goes on there")
    parser.add_argument("--dry-run", action="store_true", help="check everything and say what there is to do")
    parser.add_argument("--executor", default="local", metavar="local|ray", help="this machine, or a Ray cluster")
    parser.add_argument("--limit", metavar="N", help=LIMIT.help)
    parser.add_argument("--device", default="auto", metavar="DEVICE", help=SETTINGS["device"].help)
    parser.add_argument("--download", action="store_true", help="consent to downloading what is missing")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    parser.set_defaults(run=run)


def run(
    options: argparse.Namespace, unknown: Sequence[str], cancelled: Callable[[], bool], more: Sequence[Problem] = ()
) -> None:
    """Carry the subcommand out. Raises InvalidRequestError with all problems, or another SyncDiffusionError."""
    if importlib.util.find_spec("..evaluation", __package__) is None:  # the extension's zip has none
        raise SyncDiffusionError("the evaluation is not installed here; run this in a copy of the project's source")
    problems = [*more, *(Problem(word.lstrip("-") or word, f"{word!r} is no option of evaluate") for word in unknown)]
    values: dict[str, Any] = {}
    for name, setting, given in (("limit", LIMIT, options.limit), ("device", SETTINGS["device"], options.device)):
        try:
            values[name] = None if given is None else setting.read(given)
        except ValueError as error:
            problems.append(Problem(name, str(error)))
    if options.executor not in ("local", "ray"):
        problems.append(Problem("executor", f"{options.executor!r} is not one of local, ray"))
    if options.experiment is None:
        problems.append(Problem("experiment", "is missing; name a TOML file"))
    if options.output is None:
        problems.append(Problem("output", "is missing; name a folder with -o"))
    elif Path(options.output).exists() and not Path(options.output).is_dir():
        problems.append(Problem("output", f"{options.output!r} is no folder"))
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing and not options.dry_run:
        sentence = f"needs {', '.join(missing)}; pip install 'syncdiffusion[evaluation]'"
        problems.append(Problem("evaluate", sentence))
    if problems:
        raise InvalidRequestError(problems)

    from ..evaluation.run import Options, evaluate  # imports torch, which a wrong option need not wait for

    failed = evaluate(
        Options(
            experiment=Path(options.experiment),
            folder=Path(options.output),
            executor=options.executor,
            download=options.download,
            dry_run=options.dry_run,
            **values,
        ),
        cancelled,
    )
    if failed:
        raise SyncDiffusionError(f"{failed} jobs failed, as said above; run the command again to try them anew")
