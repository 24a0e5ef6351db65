"""``python -m benchmarks.flat``: whether time per window and peak memory stay the same however wide a panorama is.

Every width is sampled in a process of its own, so that the peak is its own too. On a CPU seconds are the process's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from syncdiffusion.core.engine import Engine
from syncdiffusion.core.errors import CancelledError
from syncdiffusion.core.events import Event, Phase, Progress
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.models.builtin import BUILTIN
from syncdiffusion.core.models.catalog import find_model
from syncdiffusion.core.runtime.devices import resolve_device
from syncdiffusion.core.runtime.memory import peak_held

from .meter import clock
from .models import RandomModel
from .modes import plan_for


def sample(name: str, across: int, steps: int, device: str) -> dict[str, Any]:
    """Sample ``steps`` steps of the exact gradient: seconds for each window and step, and the process's peak."""
    target = resolve_device(device)
    model = find_model(BUILTIN) if name == BUILTIN else RandomModel(name, str(target))
    plan = plan_for(model, "paper", across, device=device, steps=steps + 2, loss=BUILTIN)
    read, seconds, peak = clock(target), [], 0

    def note(event: Event) -> None:
        nonlocal peak
        if isinstance(event, Progress) and event.phase is Phase.SAMPLING and event.step:
            seconds.append(read())
            peak = peak_held(target)

    def sampled() -> bool:
        return len(seconds) == steps + 1

    # It is cancelled in the step after: what follows sampling is not measured.
    with suppress(CancelledError):
        Engine().generate(plan, Outputs(), note, cancelled=sampled)
    windows = len(plan.windows)
    per_window = (seconds[-1] - seconds[0]) / steps / windows  # the first step warms up
    return {"across": across, "windows": windows, "seconds_per_window": per_window, "peak_bytes": peak}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(prog="benchmarks.flat", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=BUILTIN)
    parser.add_argument("--across", nargs="*", type=int, default=[6, 24], help="widths in windows, the first compared")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(sample(options.model, options.one, options.steps, options.device)))
        return
    given = ["--model", options.model, "--steps", str(options.steps), "--device", options.device]
    first: dict[str, Any] = {}
    for across in options.across:
        command = [sys.executable, "-m", "benchmarks.flat", *given, "--one", str(across)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        first = first or row
        for name in ("seconds_per_window", "peak_bytes"):
            row[f"{name}_growth"] = row[name] / first[name] - 1
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
