"""``python -m benchmarks.ticks``: how late a thread's ticks come while the engine works on another, as Blender's do.

A thread that holds Python's lock for long stops the window of a Blender it runs in. Here the main thread sleeps in
short pieces and notes how much later than asked it wakes. That has two causes: the lock, and all else that wants the
processor. So the same is measured with the same engine in another process, which shares the processor and no lock.

Beside that it tells how long after it was asked for a picture's sampling began: the first time with all imports and the
model's loading, then with what was kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from syncdiffusion.core.events import Event, Phase, Progress
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.importing import import_engine

PERIOD = 0.005


@dataclass
class Beside:
    """What was noted beside a run: by phase how many milliseconds ticks were late, and when sampling began."""

    late: dict[str, np.ndarray] = field(default_factory=dict)
    seconds_to_sampling: float = 0.0
    processor_seconds_to_sampling: float = 0.0


def lateness(until: Callable[[], bool]) -> np.ndarray:
    """By how many milliseconds every tick is late, until told to end."""
    late = []
    while not until():
        begin = time.perf_counter()
        time.sleep(PERIOD)
        late.append(time.perf_counter() - begin - PERIOD)
    return 1000 * np.array(late)


def summary(late: np.ndarray) -> dict[str, float]:
    """The figures of a series of ticks, in milliseconds."""
    return {
        "ticks": len(late),
        "median": round(float(np.median(late)), 2),
        "99 %": round(float(np.percentile(late, 99)), 2),
        "most": round(float(late.max()), 2),
        "above 20 ms": int((late > 20).sum()),
    }


def beside_another_process(settings: dict[str, Any]) -> np.ndarray:
    """Ticks while another process makes the panorama, from its first word of progress on."""
    options = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "syncdiffusion", "generate", *options, "-o", f"{folder}/p.png"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as other:
            other.stderr.read(1)
            threading.Thread(target=other.stderr.read, daemon=True).start()
            return lateness(lambda: other.poll() is not None)


def beside_the_import() -> np.ndarray:
    """Ticks while torch, diffusers and transformers are imported, which must not have been."""

    assert "torch" not in sys.modules
    worker = threading.Thread(target=import_engine)
    worker.start()
    return lateness(lambda: not worker.is_alive())


def beside_the_engine(engine: Any, settings: dict[str, Any]) -> Beside:
    """Ticks while a panorama is made on another thread."""
    noted, current = Beside(), [Phase.LOADING.value]
    begin, worked = time.perf_counter(), time.process_time()

    def note(event: Event) -> None:
        if not isinstance(event, Progress):
            return
        current[0] = event.phase.value
        if event.phase is Phase.SAMPLING and not noted.seconds_to_sampling:
            noted.seconds_to_sampling = time.perf_counter() - begin
            noted.processor_seconds_to_sampling = time.process_time() - worked

    from syncdiffusion.core.request.validation import prepare

    worker = threading.Thread(target=lambda: engine.generate(prepare(settings), Outputs(), note))
    worker.start()
    while worker.is_alive():
        phase = current[0]
        late = lateness(lambda phase=phase: current[0] != phase or not worker.is_alive())
        noted.late[phase] = np.concatenate([noted.late.get(phase, late[:0]), late])
    worker.join()
    noted.late = {phase: late for phase, late in noted.late.items() if len(late)}
    return noted


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="benchmarks.ticks", description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("build/ticks.json"), help="the JSON to write or go on")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--width", type=int, default=512)
    options = parser.parse_args(arguments)
    settings = {"prompt": "a landscape", "model": options.model, "preset": options.preset, "steps": options.steps}
    settings |= {"width": options.width, "device": "cpu", "loss": "builtin"}
    asked = {name: settings[name] for name in ("model", "preset", "steps", "width")}
    imports = beside_the_import()

    # Now that the import has been measured: both import torch.
    from syncdiffusion.core.engine import Engine
    from syncdiffusion.core.runtime.devices import resolve_device

    from .results import Results, machine

    results = Results(options.output, machine(resolve_device("cpu")))

    def tell(run: str, phase: str, late: np.ndarray) -> None:
        row = {"run": run, "phase": phase, **summary(late)}
        results.add({"what": "ticks", **asked, **row})
        print(json.dumps(row), flush=True)

    tell("first import", "import", imports)
    tell("another process", "all", beside_another_process(settings))
    engine = Engine()
    for run in ("first run", "second run"):
        noted = beside_the_engine(engine, settings)
        for phase, late in noted.late.items():
            tell(run, phase, late)
        seconds = noted.seconds_to_sampling, noted.processor_seconds_to_sampling
        results.add({"what": "start", **asked, "run": run, "seconds": seconds[0], "processor_seconds": seconds[1]})
        print(f"{run}: sampling began after {seconds[0]:.2f} s, {seconds[1]:.2f} s of the processor", flush=True)


if __name__ == "__main__":
    main()
