"""Before a tour (the .txt files): enable the extension, and let an engine that paints take the place of the real one.

With ENGINE=real in the environment the real one stays. Run in Blender at its start, with ``tests/support`` shown as
/support and this folder as /tests. What the steps need they find in ``blshot.tour``, and the hand that presses buttons
in ``blshot.hand``.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import addon_utils
import blshot
import bpy

MODULE = "bl_ext.user_default.syncdiffusion"


def part(name: str) -> object:
    """A module of the installed extension."""
    return importlib.import_module(f"{MODULE}.{name}")


addon_utils.enable(MODULE, default_set=True)
sys.path += ["/support", "/tests"]
engine = None
if os.environ.get("ENGINE") != "real":
    engine = importlib.import_module("painted_engine").install(part)
    engine.seconds_per_step = 0.2
session, pump = part("blender.session").session, part("blender.pump")
bpy.context.preferences.view.render_display_type = "NONE"
bpy.context.preferences.addons[MODULE].preferences.warm_up = False
seen_by_render: list[tuple[str, bool, bool]] = []
ticks: list[tuple[str, float, float]] = []
HEARTBEAT = 0.02


@bpy.app.handlers.persistent
def look(*_: object) -> None:
    """What world a render sees, whether the job is paused then, and whether this is the main thread."""
    main = threading.current_thread() is threading.main_thread()
    seen_by_render.append((bpy.data.scenes[0].world.name, session.is_paused_for("render"), main))


def timed(tick: object = pump.tick) -> float:
    """The pump's tick, with its milliseconds noted: on the clock, and of the processor for the main thread."""
    waiting, begin, worked = len(session.tasks), time.perf_counter(), time.thread_time()
    interval = tick()
    if waiting:
        kind = "applying" if len(session.tasks) < waiting else "looking"
        spans = time.perf_counter() - begin, time.thread_time() - worked
        ticks.append((kind, *(round(1000 * span, 1) for span in spans)))
    return interval


class Watch:
    """How long the event loop is held while there are tasks, and when a picture begins, is first seen, and is done."""

    def __init__(self) -> None:
        self.holds: list[float] = []  # seconds between two turns, beyond those it asked for
        self.moments: dict[str, float] = {}  # seconds from the newest task's beginning
        self._task: Any = None
        self._last = self._begun = 0.0

    def turn(self) -> float:
        """A turn of the event loop."""
        now, task = time.perf_counter(), session.running
        if self._task is not None:
            self.holds.append(max(now - self._last - HEARTBEAT, 0.0))
        self._last = now
        if task is not self._task:
            if self._task is not None:
                self.moments["end"] = now - self._begun
            if task is not None:
                self.moments.clear()
            self._task, self._begun = task, now
        elif task is not None and task.picture is not None:
            self.moments.setdefault("preview", now - self._begun)
            if task.progress.step:
                self.moments.setdefault("preview after a step", now - self._begun)
        return HEARTBEAT


def longest(kind: str) -> list[float]:
    """The longest tick of a kind, in milliseconds: on the clock, and of the processor."""
    return [max(tick[column] for tick in ticks if tick[0] == kind) for column in (1, 2)]


def left_behind() -> list[str]:
    """Data-blocks of ours and previews that are in the file."""
    blocks = [*bpy.data.images, *bpy.data.worlds, *bpy.data.materials]
    return [block.name for block in blocks if block.name.startswith("SyncD")]


def set_up() -> None:
    """A scene that Cycles draws quickly."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device, scene.cycles.preview_samples, scene.cycles.samples = "CPU", 1, 4
    scene.cycles.use_preview_denoising = scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    settings = scene.syncdiffusion
    settings.use_random_seed, settings.seed, settings.world_size = False, 417, 2048


def fail() -> None:
    """Let the next picture run out of memory."""
    error = part("core.errors").NotEnoughMemoryError
    engine.error = error("memory ran out (0.3 GB of 8.0 GB are free on the GPU); take less")


bpy.app.handlers.render_pre.append(look)
watch = Watch()
bpy.app.timers.register(watch.turn, persistent=True)
pump.stop()
pump.tick = timed
pump.start()
blshot.hand = importlib.import_module("hand").Hand()
blshot.tour = SimpleNamespace(
    s=session, engine=engine, seen=seen_by_render, ticks=ticks, longest=longest, left_behind=left_behind, set_up=set_up,
    fail=fail, watch=watch, preferences=bpy.context.preferences.addons[MODULE].preferences,
)  # fmt: skip
