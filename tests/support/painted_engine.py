"""An engine for tests of the Blender side: it paints at once what it is asked for, a step whenever it is let.

It is made of the classes of the package under test, which inside Blender has another name: ``part`` gives its modules.
"""

import threading
import time

import numpy as np


class PaintedEngine:
    """``allow`` lets it do steps; without, it stands before the first one and asks whether it is cancelled."""

    def __init__(self, part, steps=0):
        self._part = part
        self._allowed = steps
        self.seconds_per_step = 0.0
        self.calls = []
        self.error = None
        self.asked = threading.Event()

    def allow(self, steps=10**6):
        self._allowed += steps

    def load(self, plan, cancelled):
        self.calls.append("load")

    def release(self):
        self.calls.append("release")

    def park(self):
        self.calls.append("park")

    def unpark(self):
        self.calls.append("unpark")

    def generate(self, plan, outputs, emit, cancelled, stopped):
        events, errors = self._part("core.events"), self._part("core.errors")
        request, phase = plan.request, events.Phase
        rng = np.random.default_rng(request.seed)
        small = rng.integers(0, 256, (plan.windows.height, plan.windows.width, 3)).astype(np.uint8)
        emit(events.Progress(phase.LOADING))
        emit(events.Progress(phase.SAMPLING, 0, request.steps, preview=small))
        stopped_after, begin = None, time.perf_counter()
        for step in range(1, request.steps + 1):
            while True:
                if cancelled():
                    raise errors.CancelledError("cancelled")
                self.asked.set()
                if self.error is not None:
                    raise self.error
                if self._allowed > 0:
                    break
                time.sleep(0.002)
            self._allowed -= 1
            time.sleep(self.seconds_per_step)
            left = float(request.steps - step)
            emit(events.Progress(phase.SAMPLING, step, request.steps, left, 1.0 / step, small))
            if stopped() and step < request.steps:
                stopped_after = step
                break
        emit(events.Progress(phase.DECODING))
        size = (request.world_size // 2, request.world_size) if request.target == "world" else (
            request.height, request.width
        )  # fmt: skip
        pixels = np.kron(small[:: max(small.shape[0] // 4, 1), ::8], np.ones((1, 1, 1), np.uint8))
        pixels = pixels.repeat(-(-size[0] // pixels.shape[0]), 0).repeat(-(-size[1] // pixels.shape[1]), 1)
        pixels = np.ascontiguousarray(pixels[: size[0], : size[1]])
        emit(events.Progress(phase.SAVING))
        latents = rng.standard_normal(plan.canvas_shape).astype(np.float32)
        result = self._part("core.result").Result(
            pixels, latents, np.empty(0), np.empty(0), request.to_json({}, stopped_after), stopped_after
        )
        seconds = time.perf_counter() - begin
        result.report = {
            "seconds": {"sampling": seconds, "decoding": 0.0, "saving": 0.0, "total": seconds},
            "windows": len(plan.windows),
            "stopped_after": stopped_after,
            "peak_memory_bytes": 2**30,
        }
        outputs.write(result, lambda: result.report)
        return result


def install(part, steps=0):
    """Put such an engine into the session of an installed extension; gives it."""
    engine = PaintedEngine(part, steps)
    session = part("blender.session").session
    session._queue = part("core.job").JobQueue(lambda: engine)
    return engine
