"""What is going on now: the engine's queue, the jobs in it, the last result and the last failure.

Plain Python, of this Blender process, never saved. Data-blocks are held by name: a reference does not outlive an undo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core.errors import Remedy
    from ..core.events import Progress
    from ..core.job import Job, JobQueue
    from ..core.request.request import Request
    from .applying import Choices
    from .encode import Pixels


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
    batch: int = 0
    """Variations that were asked for together have the same number."""
    progress: Progress | None = None
    picture: Pixels | None = None
    """The newest preview, whole."""
    first_loss: float | None = None
    """Distance of the windows to the anchor at the first step that synchronized."""
    loss: float | None = None
    """... and at the last one so far."""

    @property
    def coherence_gain(self) -> float | None:
        """How much nearer the windows have come to the anchor, from 0 to 1; None while nothing is known."""
        if self.loss is None or not self.first_loss:
            return None
        return max(0.0, 1.0 - self.loss / self.first_loss)


@dataclass(frozen=True)
class Finished:
    """The last picture: the name of its image data-block (if it has one), where it lies, and how long it took."""

    image: str
    path: Path
    target: str
    scene: str
    seconds: float
    message: str
    task: Task

    @property
    def icon(self) -> str:
        """The name of its icons."""
        return f"job {self.task.job.number}"


@dataclass(frozen=True)
class Failure:
    """What went wrong last: a sentence, the details for a report, and what would help."""

    sentence: str
    details: str = ""
    remedies: tuple[Remedy, ...] = ()

    @classmethod
    def of(cls, error: Exception, details: str = "") -> Failure:
        """What an error says: where buttons tell what to do, without what to do on a command line."""
        remedies = getattr(error, "remedies", ())
        sentence = error.fact if remedies else str(error)
        return cls(sentence[:1].upper() + sentence[1:], details, remedies)


@dataclass(frozen=True)
class Foreseen:
    """What settings make of the next picture, and of which settings that is known."""

    of: tuple[Any, ...]
    request: Request


class Session:
    """The state of this process. ``tasks`` are waiting or running, first the running one."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.notices: list[str] = []
        self.finished: Finished | None = None
        self.variations: list[Finished] = []
        """The pictures of its batch, in their order."""
        self.failure: Failure | None = None
        self.estimate = ""
        """What the next picture will take, as a sentence."""
        self.foreseen: Foreseen | None = None
        """What the settings were found to make of it; see ``idle.upcoming``."""
        self.suspended = ""
        """Why the preview in the viewport stands still, in a word."""
        self.panel_drawn = -math.inf
        """When a panel was last drawn, on the monotonic clock: nothing is prepared while nobody looks."""
        self.files_opened = 0
        self.batches = 0
        self._paused_for: set[str] = set()
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

    @property
    def waiting(self) -> list[Task]:
        """The tasks after that, in their order."""
        return self.tasks[1:]

    @property
    def holds_model(self) -> bool:
        """Whether a model may be in memory."""
        return self._queue is not None and self._queue.holds_model

    @property
    def paused(self) -> bool:
        """Whether the running task waits."""
        return bool(self._paused_for)

    def pause(self, reason: str, free_memory: bool = False) -> None:
        """Have the worker wait, for as long as any reason stands. May be called from any thread, and again.

        ``free_memory``: give the card's memory back meanwhile.
        """
        self._paused_for.add(reason)
        self.queue.pause(free_memory)

    def resume(self, reason: str) -> None:
        """Take a reason back; when none is left the worker goes on."""
        self._paused_for.discard(reason)
        if not self._paused_for and self._queue is not None:
            self._queue.resume()

    def is_paused_for(self, reason: str) -> bool:
        """Whether this is a reason why the worker waits."""
        return reason in self._paused_for

    def has_variation_of(self, task: Task) -> bool:
        """Whether a picture of a task's batch is finished already."""
        return any(done.task.batch == task.batch for done in self.variations)

    def finish(self, done: Finished) -> list[Finished]:
        """Take in a finished picture. Of one batch the first is the chosen one, until the user chooses another.

        Returns the pictures of the batch before, if a new one has begun.
        """
        former: list[Finished] = []
        if not self.has_variation_of(done.task):
            former, self.variations = self.variations, []
            self.finished = done
        self.variations.append(done)
        return former

    def is_taken(self, path: Path) -> bool:
        """Whether a file is there, or will be when a task is done."""
        return path.exists() or any(task.path == path for task in self.tasks)

    def close(self, timeout: float) -> None:
        """Cancel everything and end the thread."""
        if self._queue is not None:
            self._queue.close(timeout)
        self.__init__()


session = Session()
