"""The Python that the engine is for, and running child processes of it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from ..activity import Activity
from ..errors import SetupError
from .machine import NO_WINDOW

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Host:
    """A Python, by what a child process needs to be like it.

    ``paths``: where it finds packages, without the engine; ``numpy``: the version it has, which stays.
    """

    python: str
    paths: tuple[str, ...]
    numpy: str

    @classmethod
    def this(cls, *without: Path) -> Host:
        """The Python that runs, ``without`` the folders of an engine that is to be replaced."""
        left_out = {str(folder) for folder in without}
        paths = tuple(path for path in sys.path if path and path not in left_out)
        return cls(sys.executable, paths, version("numpy"))


@dataclass
class Child:
    """A program that has ended: its exit status and what it printed."""

    status: int
    lines: list[str] = field(default_factory=list)

    @property
    def last_line(self) -> str:
        """The last thing that was printed; errors end with what matters."""
        return next((line for line in reversed(self.lines) if line.strip()), "nothing was printed")


def run_child(command: Sequence[str], activity: Activity, **environment: str) -> Child:
    """Run a program to its end, its output to the log, with these changes to the environment.

    Raises CancelledError, after ending it, when that is asked for; SetupError when it does not start.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="replace", creationflags=NO_WINDOW,
            env={**os.environ, **environment},
        )  # fmt: skip
    except OSError as error:
        raise SetupError(f"{command[0]} does not start ({error}); install Blender again") from error
    lines: list[str] = []

    def listen() -> None:
        for line in process.stdout:
            lines.append(line.rstrip())
            activity.say(f"    {line.rstrip()}")

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        while process.poll() is None:
            activity.pause(POLL_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        listener.join(timeout=5.0)
        process.stdout.close()
    return Child(process.returncode, lines)
