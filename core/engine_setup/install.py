"""Installing the engine: collected, unpacked beside its place, verified, and only then renamed into it.

Whatever happens in between, power cuts included, the former state is there; what was downloaded is kept for the next
try.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ..activity import Activity
from ..errors import SetupError
from . import probe
from .found import own_name
from .host import Host, run_child
from .unpack import unpack

RECORD = "syncdiffusion-engine.json"


class Source(Protocol):
    """Where wheels come from."""

    def collect(self, folder: Path, host: Host, activity: Activity) -> list[Path]:
        """The wheels, those downloaded in ``folder``. Raises SyncDiffusionError."""


class EngineFolder:
    """The folder an engine is installed to, and what lies in it: one engine for each version of Python."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.site = root / own_name()
        """What is added to ``sys.path``."""
        self.downloads = root / "downloads"
        self._staged = root / f"{own_name()}.new"
        self._former = root / f"{own_name()}.old"

    @property
    def installed(self) -> bool:
        """Whether there is an engine that was verified and put into its place."""
        return (self.site / RECORD).is_file()

    @property
    def record(self) -> dict[str, str]:
        """What the verification said: torch's version and the device."""
        try:
            return json.loads((self.site / RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            return {}

    @property
    def kept_bytes(self) -> int:
        """What an interrupted installation has left for the next."""
        return sum(path.stat().st_size for path in self.downloads.glob("*") if path.is_file())

    def recover(self) -> None:
        """Put back what an interruption between the two renames has left aside. Cheap: called at every start."""
        if self._former.is_dir() and not self.site.is_dir():
            os.rename(self._former, self.site)

    def install(self, source: Source, host: Host, activity: Activity) -> str:
        """Install or replace; returns the closing sentence. Raises SyncDiffusionError, the former state being there."""
        with self._lock():
            self.recover()
            shutil.rmtree(self._staged, ignore_errors=True)
            wheels = source.collect(self.downloads, host, activity)
            try:
                unpack(wheels, self._staged, self.site, activity)
                found = verify(self._staged, host, activity)
                activity.check_cancelled()
                (self._staged / RECORD).write_text(json.dumps(found), "utf-8")
                self._put_into_place()
            except BaseException:
                shutil.rmtree(self._staged, ignore_errors=True)
                raise
            shutil.rmtree(self.downloads, ignore_errors=True)
        return f"torch {found['torch']} is installed and computes on {found['name']}"

    def remove(self) -> None:
        """Delete the engine and what was downloaded for it. Raises SetupError where a file is in use."""
        with self._lock():
            try:
                if self.site.is_dir():
                    os.rename(self.site, self._former)  # all or nothing, where Windows holds a file
            except OSError as error:
                raise SetupError(_in_use(self.site, error)) from error
            for folder in (self._former, self._staged, self.downloads):
                shutil.rmtree(folder, ignore_errors=True)

    def _put_into_place(self) -> None:
        shutil.rmtree(self._former, ignore_errors=True)
        try:
            if self.site.is_dir():
                os.rename(self.site, self._former)
            os.rename(self._staged, self.site)
        except OSError as error:
            self.recover()
            raise SetupError(_in_use(self.site, error)) from error
        shutil.rmtree(self._former, ignore_errors=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Within, no other Blender changes this folder. The system gives the lock back when a process dies."""
        try:
            from filelock import FileLock, Timeout
        except ImportError as error:
            raise SetupError(f"{error.name} is missing; install the extension's zip that has wheels") from error
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / f"{own_name()}.lock", timeout=0)
            lock.acquire()
        except Timeout as error:
            raise SetupError(f"another Blender is at work on {self.root}; wait until it is done") from error
        except OSError as error:
            raise SetupError(f"{self.root} cannot be written to ({error.strerror}); choose another folder") from error
        try:
            yield
        finally:
            lock.release()


def verify(site: Path, host: Host, activity: Activity) -> dict[str, str]:
    """Import an engine in a child process and compute with it; what it said. Raises SetupError with its last words."""
    activity.begin("Verifying")
    question = {"paths": host.paths, "site": str(site), "numpy": host.numpy}
    script = str(Path(probe.__file__))
    child = run_child([host.python, "-I", "-B", "-X", "utf8", script, json.dumps(question)], activity)
    try:
        if child.status == 0:
            return json.loads(child.last_line)
    except ValueError:
        pass
    raise SetupError(f"the engine does not work here: {child.last_line}; nothing was changed, the log has more")


def activate(site: Path) -> None:
    """Let Python find an engine, after everything it has: nothing of Blender's is replaced."""
    if str(site) not in sys.path:
        sys.path.append(str(site))


def deactivate(site: Path) -> None:
    """Take an engine away again from where Python looks."""
    while str(site) in sys.path:
        sys.path.remove(str(site))


def _in_use(site: Path, error: OSError) -> str:
    return f"{site} is in use ({error.strerror}); restart Blender, and do this before the first picture"
