"""``python -m benchmarks.ticks``: how late a thread's ticks come while the engine works on another, as Blender's do.

A thread that holds Python's lock for long stops the window of a Blender it runs in. Here the main thread sleeps in
short pieces and notes how much later than asked it wakes. That has two causes: the lock, and other programs that want
the processor. So the same is measured first with as busy a program beside it, which shares the processor and no lock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from syncdiffusion.core.engine import Engine
from syncdiffusion.core.events import Event, Progress
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.request.validation import prepare

PERIOD = 0.005
BUSY = "while True: pass"


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


def beside_a_busy_program(seconds: float) -> np.ndarray:
    """Ticks beside a program that only shares the processor."""
    with subprocess.Popen([sys.executable, "-c", BUSY]) as busy:
        end = time.perf_counter() + seconds
        late = lateness(lambda: time.perf_counter() > end)
        busy.kill()
    return late


def beside_the_engine(engine: Engine, settings: dict[str, Any]) -> dict[str, np.ndarray]:
    """Ticks while a panorama is made on another thread, by phase."""
    phases, current = {}, ["loading"]

    def note(event: Event) -> None:
        if isinstance(event, Progress):
            current[0] = event.phase.value

    worker = threading.Thread(target=engine.generate, args=(prepare(settings), Outputs(), note))
    worker.start()
    while worker.is_alive():
        phase = current[0]
        late = lateness(lambda phase=phase: current[0] != phase or not worker.is_alive())
        phases[phase] = np.concatenate([phases.get(phase, late[:0]), late])
    worker.join()
    return {phase: late for phase, late in phases.items() if len(late)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="benchmarks.ticks", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=10, help="how long the busy program is measured")
    options = parser.parse_args(arguments)
    settings = {"prompt": "a landscape", "model": options.model, "steps": options.steps, "width": options.width}
    settings |= {"preset": "paper", "device": "cpu", "loss": "builtin"}
    print("busy program", json.dumps(summary(beside_a_busy_program(options.seconds))), flush=True)
    engine = Engine()
    # The first run imports torch's rest, diffusers and transformers, and loads the model.
    for run in ("first run", "second run"):
        for phase, late in beside_the_engine(engine, settings).items():
            print(f"{run}, {phase}", json.dumps(summary(late)), flush=True)


if __name__ == "__main__":
    main()
