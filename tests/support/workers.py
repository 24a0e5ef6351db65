"""Stand-ins for what carries jobs out: quick, and without torch, since processes of their own import this."""

import os
import time
from pathlib import Path


class Noting:
    """Writes down which job was done where. A job of a seed in ``deadly`` kills its process the first time."""

    def __init__(self, folder: Path, deadly: tuple[int, ...], device: str) -> None:
        self._folder, self._deadly, self._device = folder, deadly, device

    def attempt(self, job, cancelled=lambda: False):
        mark = self._folder / f"died-{job.seed}"
        if job.seed in self._deadly and not mark.exists():
            mark.touch()
            os._exit(1)
        time.sleep(0.01)
        (self._folder / f"{job.seed}.txt").write_text(f"{self._device} {os.getpid()}")
        return "odd" if job.seed == 3 else None


def noting(folder: Path, deadly: tuple[int, ...], device: str) -> Noting:
    """Make one."""
    return Noting(folder, deadly, device)
