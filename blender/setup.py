"""What is installed and downloaded in the background, and what is known of this computer: state of this process."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import bpy

from ..core.activity import Activity, State
from ..core.engine_setup.builds import BUILDS, Build, recommend
from ..core.engine_setup.found import made_for_this_python, site_in, why_no_engine
from ..core.engine_setup.install import EngineFolder, activate, deactivate
from ..core.engine_setup.machine import Machine, detect
from ..core.errors import SetupError
from . import screen
from .preferences import PACKAGE, on_engine_folder, preferences

INTERVAL = 0.25  # seconds between two looks at what runs
LOOK_AGAIN = 2.0  # seconds for which an answer about the engine holds; panels ask at every redraw


class Topic(Enum):
    """What an activity is about: where the preferences show it."""

    ENGINE = "engine"
    MODELS = "models"


class Setup:
    """The activity that runs or ran last, and what was found out."""

    def __init__(self) -> None:
        self.activity: Activity | None = None
        self.topic = Topic.ENGINE
        self.machine: Machine | None = None
        self._site: Path | None = None
        self._detecting = False
        self._asked = -LOOK_AGAIN
        self._reason = ""

    @property
    def busy(self) -> bool:
        """Whether something is being installed or downloaded."""
        return self.activity is not None and self.activity.running

    @property
    def folder(self) -> EngineFolder:
        """Where the engine is installed to, or was."""
        return EngineFolder(engine_root())

    @property
    def engine_loaded(self) -> bool:
        """Whether this Blender has computed already: then the engine's files are in use."""
        return "torch" in sys.modules

    def why_no_engine(self) -> str:
        """Why nothing can be generated for want of the engine; empty if it is there."""
        if time.monotonic() - self._asked > LOOK_AGAIN:
            self._reason, self._asked = why_no_engine(), time.monotonic()
        return self._reason

    def look_again(self) -> None:
        """Something has changed: find the engine where it is now."""
        root = engine_root()
        EngineFolder(root).recover()
        site = site_in(root)
        if self._site is not None and self._site != site:
            deactivate(self._site)
        if site is not None and made_for_this_python(site):
            activate(site)
            self._site = site
        importlib.invalidate_caches()
        self._asked = -LOOK_AGAIN

    def detect_machine(self) -> None:
        """Find out what graphics card there is, beside the main thread; the driver's tool may take seconds."""
        if self._detecting:
            return
        self._detecting = True

        def work() -> None:
            self.machine = detect()

        if bpy.app.background:
            work()
            return
        threading.Thread(target=work, name="syncdiffusion: machine", daemon=True).start()
        bpy.app.timers.register(self._await_machine, first_interval=INTERVAL)

    def _await_machine(self) -> float | None:
        if self.machine is None:
            return INTERVAL
        screen.redraw()
        return None

    def build(self) -> tuple[Build | None, str]:
        """The build that the user chose or that suits this computer, and why; None where there is none (yet)."""
        chosen = preferences().engine_build
        if chosen != "auto":
            return BUILDS[chosen], ""
        self.detect_machine()
        if self.machine is None:
            return None, "Looking at this computer..."
        key, why = recommend(self.machine)
        return BUILDS.get(key), why

    def start(self, activity: Activity, topic: Topic, then: Callable[[Activity], None]) -> None:
        """Run an activity beside the main thread and call ``then`` on it at the end; in the background, at once.

        Raises SetupError when another runs.
        """
        if self.busy:
            raise SetupError(f"{self.activity.title} is still running; wait for it, or cancel it")
        self.activity, self.topic = activity, topic
        if bpy.app.background:
            activity.run()
            then(activity)
            return
        activity.start()

        def look() -> float | None:
            screen.redraw()
            if activity.running:
                return INTERVAL
            then(activity)
            return None

        bpy.app.timers.register(look, first_interval=INTERVAL, persistent=True)
        screen.redraw()

    def close(self) -> None:
        """The extension is disabled."""
        if self.activity is not None:
            self.activity.cancel()
        if self._site is not None:
            deactivate(self._site)
        self.__init__()


setup = Setup()


def engine_root() -> Path:
    """The folder that the preferences name for the engine, else the extension's own, which outlives its updates."""
    chosen = preferences().engine_folder
    if chosen:
        return Path(bpy.path.abspath(chosen)).expanduser()
    return Path(bpy.utils.extension_path_user(PACKAGE, path="engine"))


def why_offline() -> str:
    """Why the network may not be used, and how to allow it; empty if it may."""
    if bpy.app.online_access:
        return ""
    if bpy.app.online_access_override:
        return "Blender was started with --offline-mode, so nothing is downloaded: start it without"
    return (
        "Blender's online access is off, so nothing is downloaded: choose Allow Online Access, or Preferences > System "
        "> Network"
    )


def failed(activity: Activity) -> bool:
    """Whether an activity ended otherwise than it should."""
    return activity.state in (State.FAILED, State.CANCELLED)


def register() -> None:
    """Called when the extension is enabled: an engine that was installed is found."""
    on_engine_folder.append(setup.look_again)
    setup.look_again()


def unregister() -> None:
    """Called when it is disabled."""
    on_engine_folder.remove(setup.look_again)
    setup.close()
