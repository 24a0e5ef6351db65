"""``syncdiffusion benchmark``: what panoramas cost on this machine. Its options are those of ``benchmarks/``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ..core.errors import SyncDiffusionError


def add_parser(commands: Any) -> None:
    """Add the subcommand, whose words are left to the benchmarks, ``--help`` among them."""
    parser = commands.add_parser("benchmark", help="measure what panoramas cost on this machine", add_help=False)
    parser.set_defaults(run=run)


def run(_: argparse.Namespace, words: Sequence[str], *__: object) -> None:
    """Carry the subcommand out. Raises SyncDiffusionError where the benchmarks are not installed."""
    try:
        from ..benchmarks.run import main
    except ModuleNotFoundError as error:
        if error.name is None or "benchmarks" not in error.name:
            raise
        raise SyncDiffusionError(
            "the benchmarks are not installed here; run this in a copy of the project's source"
        ) from error
    main(words)
