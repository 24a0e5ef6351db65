"""``python -m benchmarks``: seconds, operations and memory of panoramas, as a table and as JSON."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from syncdiffusion.core.errors import NotEnoughMemoryError
from syncdiffusion.core.models.builtin import BUILTIN
from syncdiffusion.core.models.catalog import find_model
from syncdiffusion.core.runtime.devices import resolve_device

from .cost import Counting
from .models import ARCHITECTURES, random_loss
from .modes import MODES, SIZES
from .results import Results, machine, table
from .timing import Timing


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and measure."""
    options = _parser().parse_args(arguments)
    device = resolve_device(options.device)
    results = Results(options.output, {**machine(device), "dtype": options.dtype})
    deadline = time.monotonic() + 60 * options.minutes
    left_out = 0
    for what, name in _sources(options, device):
        source: Any = None
        with nullcontext() if name == BUILTIN else random_loss():
            for across, mode in itertools.product(options.across, options.modes):
                key = {"what": what, "model": name, "mode": mode}
                if results.has(**key, across=across) or not _possible(what, name, mode):
                    continue
                begin = time.monotonic()
                if begin + _expected(results, key, across) > deadline:
                    left_out += 1
                    continue
                source = source or _source(what, name, device, options)
                try:
                    row = source.row(mode, across)
                except (NotEnoughMemoryError, torch.OutOfMemoryError):
                    row = {"failed": "out of memory"}
                results.add({**key, "across": across, **row, "took": round(time.monotonic() - begin, 2)})
                print(table(results.rows).splitlines()[-1], flush=True)
    print(table(results.rows))
    if left_out:
        print(f"{left_out} rows left out, for which there was no time; the same command goes on from here")


def _expected(results: Results, key: Mapping[str, Any], across: int) -> float:
    """Seconds that a row may take, from the widest one of its kind so far."""
    known = [row for row in results.rows if key.items() <= row.items()]
    return max((row["took"] * max(across / row["across"], 1) for row in known), default=0.0)


def _source(what: str, name: str, device: torch.device, options: argparse.Namespace) -> Counting | Timing:
    if what == "counted":
        return Counting(name)
    return Timing(name, device, options.dtype, options.steps or (2 if device.type == "cuda" else 1))


def _possible(what: str, name: str, mode: str) -> bool:
    """Whether a mode can be had of a model: a tiny decoder can be counted without there being one."""
    needs_tiny = MODES[mode].get("loss_decoder") == "tiny"
    return not needs_tiny or what == "counted" or (name == BUILTIN and find_model(BUILTIN).tiny_decoder.is_dir())


def _sources(options: argparse.Namespace, device: torch.device) -> Iterator[tuple[str, str]]:
    """What is to be done with which model: by default what a machine of this kind is good for."""
    gpu = device.type == "cuda"
    timed = options.timed if options.timed is not None else ["sd2", "sdxl"] if gpu else [BUILTIN, "small"]
    counted = options.counted if options.counted is not None else ["sd2", "sdxl"]
    yield from itertools.chain(zip(itertools.repeat("counted"), counted), zip(itertools.repeat("timed"), timed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description="What a panorama costs, by phase and by mode.")
    parser.add_argument("--output", type=Path, default=Path("build/benchmarks.json"), help="the JSON to write or go on")
    architectures = ", ".join(ARCHITECTURES)
    parser.add_argument("--timed", nargs="*", help=f"models to run: builtin, {architectures}")
    parser.add_argument("--counted", nargs="*", choices=list(ARCHITECTURES), help="architectures to count")
    parser.add_argument("--modes", nargs="*", choices=list(MODES), default=list(MODES))
    parser.add_argument("--across", nargs="*", type=int, default=list(SIZES), help="windows that the canvas is wide")
    parser.add_argument("--steps", type=int, help="steps of each kind that are run (1; on a GPU 2, of which one warms)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--minutes", type=float, default=1e6, help="leave out rows that would end later than this")
    return parser


if __name__ == "__main__":
    main()
