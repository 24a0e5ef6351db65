"""What is going on now: the engine's queue, the jobs in it, the last result and the last failure.

Plain Python, of this Blender process, never saved. Data-blocks are held by name: a reference does not outlive an undo.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.events import Progress
    from ..core.job import Job, JobQueue
    from .applying import Choices


@dataclass
class Task:
    """A job and what becomes of its picture: a snapshot of what was chosen when Generate was pressed."""

    job: Job
    name: str
    path: Path
    target: str
    scene: str
    file: int
    """Which of the files opened in this process it is for; a picture never gets into another."""
    choices: Choices
    objects: tuple[str, ...] = ()
    started: float = field(default_factory=time.monotonic)
    progress: Progress | None = None
    first_loss: float | None = None
    """Distance of the windows to the anchor at the first step that synchronized."""

    @property
    def coherence_gain(self) -> float | None:
        """How much nearer the windows have come to the anchor, from 0 to 1; None while nothing is known."""
        loss = self.progress.loss if self.progress else None
        if loss is None or not self.first_loss:
            return None
        return max(0.0, 1.0 - loss / self.first_loss)


@dataclass(frozen=True)
class Finished:
    """The last picture: the name of its image data-block (if it has one), where it lies, and how long it took."""

    image: str
    path: Path
    target: str
    scene: str
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class Failure:
    """What went wrong last: a sentence, and the details for a report."""

    sentence: str
    details: str = ""


class Session:
    """The state of this process. ``tasks`` are waiting or running, first the running one."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.notices: list[str] = []
        self.finished: Finished | None = None
        self.failure: Failure | None = None
        self.files_opened = 0
        self._queue: JobQueue | None = None

    @property
    def queue(self) -> JobQueue:
        """The engine's queue, made when it is first needed."""
        from ..core.job import JobQueue

        if self._queue is None:
            self._queue = JobQueue()
        return self._queue

    @property
    def running(self) -> Task | None:
        """The task whose turn it is."""
        return self.tasks[0] if self.tasks else None

    def is_taken(self, path: Path) -> bool:
        """Whether a file is there, or will be when a task is done."""
        return path.exists() or any(task.path == path for task in self.tasks)

    def close(self, timeout: float) -> None:
        """Cancel everything and end the thread."""
        if self._queue is not None:
            self._queue.close(timeout)
        self.__init__()


session = Session()
