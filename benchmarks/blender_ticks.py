"""How long the pump holds Blender's main thread: every tick of a few worlds, in ``bpy`` or in a window.

    python benchmarks/blender_ticks.py [--size 4096] [--pictures 3]
    blender --python benchmarks/blender_ticks.py        (with the extension enabled: prints the same when it is done)

The first builds the extension's zip and installs it into an empty profile. Pictures come from an engine that paints
them, since only the main thread is measured; the worker encodes and writes them as it does any other.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULE = "bl_ext.user_default.syncdiffusion"
STEPS = 8
WORKING, APPLYING = "looking", "applying"
LIMITS = {WORKING: 20.0, APPLYING: 100.0}  # milliseconds

Ticks = list[tuple[str, float, float]]  # what it did, milliseconds on the clock, milliseconds of the processor


def part(name: str) -> object:
    """A module of the installed extension."""
    return importlib.import_module(f"{MODULE}.{name}")


def recorded(tick: Callable[[], float], ticks: Ticks) -> Callable[[], float]:
    """The pump's tick, which notes how long it took and whether it applied a picture."""
    session = part("blender.session").session

    def timed() -> float:
        waiting = len(session.tasks)
        begin, worked = time.perf_counter(), time.thread_time()
        interval = tick()
        taken = 1000 * (time.perf_counter() - begin), 1000 * (time.thread_time() - worked)
        if waiting:
            ticks.append((APPLYING if len(session.tasks) < waiting else WORKING, *taken))
        return interval

    return timed


def prepare(size: int) -> None:
    """A scene that asks for worlds, and an engine that paints them."""
    import bpy

    sys.path.append(str(ROOT / "tests" / "support"))
    engine = importlib.import_module("painted_engine").install(part, steps=10**6)
    engine.seconds_per_step = 0.3
    part("blender.live_world").is_seen = lambda scene: True
    settings = bpy.context.scene.syncdiffusion
    for name, value in {"prompt": "ticks", "target": "WORLD", "preset": "CUSTOM", "steps": STEPS}.items():
        setattr(settings, name, value)
    settings.world_size = size


def submit() -> None:
    """Queue one world, as Generate does."""
    import bpy

    submitting = part("blender.submit")
    given = part("blender.requests").request_settings(bpy.context.scene.syncdiffusion, 1, "cpu", "auto")
    submitting.submit([given], submitting.Purpose.of(bpy.context))


def report(ticks: Ticks) -> Iterator[str]:
    """Two lines for each kind of tick: by the clock, which other programs slow, and by the processor."""
    for kind, limit in LIMITS.items():
        for place, clock in ((1, "on the clock"), (2, "of the processor")):
            taken = sorted(tick[place] for tick in ticks if tick[0] == kind)
            if taken:
                yield (
                    f"{kind}, {clock}: {len(taken)} ticks, median {statistics.median(taken):.1f} ms, "
                    f"longest {taken[-1]:.1f} ms, {sum(each > limit for each in taken)} over {limit:.0f} ms"
                )


def in_background(archive: str, size: int, pictures: int) -> None:
    """In a ``bpy`` of its own: install the zip, and pump until the worlds are there."""
    import bpy  # first: it makes Blender's own modules importable

    addon_utils = importlib.import_module("addon_utils")
    addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.extensions.package_install_files(repo="user_default", filepath=archive, enable_on_install=True)
    bpy.context.preferences.addons[MODULE].preferences.folder = str(Path.cwd() / "pictures")
    prepare(size)
    pump, session = part("blender.pump"), part("blender.session").session
    ticks: Ticks = []
    tick = recorded(pump.tick, ticks)
    for _ in range(pictures):
        submit()
        while session.tasks:
            tick()
            time.sleep(0.1)
    print("\n".join(report(ticks)), flush=True)
    os._exit(0)  # bpy may hang when it is shut down in good order


def in_window(size: int) -> None:
    """In a Blender with a window: the pump's own timer is recorded while it makes a world."""
    import bpy

    prepare(size)
    pump, session = part("blender.pump"), part("blender.session").session
    ticks: Ticks = []
    pump.stop()
    pump.tick = recorded(pump.tick, ticks)
    submit()
    pump.start()

    def wait() -> float | None:
        if session.tasks:
            return 0.5
        print("\n".join(report(ticks)), flush=True)
        return None

    bpy.app.timers.register(wait, persistent=True)


def main() -> None:
    """Read the command line; build the zip and start a Blender of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=4096, help="width of the worlds in pixels (default: 4096)")
    parser.add_argument("--pictures", type=int, default=3, help="how many (default: 3)")
    parser.add_argument("--archive", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.archive:
        in_background(options.archive, options.size, options.pictures)
    with tempfile.TemporaryDirectory() as folder:
        builder = [sys.executable, ROOT / "tools" / "build_extension.py", "--without-wheels", "--output", folder]
        subprocess.run(builder, check=True, stdout=subprocess.DEVNULL)
        command = [sys.executable, __file__, "--archive", *Path(folder).glob("*.zip")]
        command += ["--size", str(options.size), "--pictures", str(options.pictures)]
        environment = {**os.environ, "BLENDER_USER_RESOURCES": str(Path(folder) / "profile")}
        subprocess.run(command, check=True, cwd=folder, env=environment)


if __name__ == "__main__":
    if "bpy" in sys.modules and not sys.modules["bpy"].app.background:
        in_window(4096)
    else:
        main()
