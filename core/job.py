"""A background thread that carries out one plan at a time from a queue."""

from __future__ import annotations

import itertools
import queue
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from .errors import CancelledError, SyncDiffusionError
from .events import Cancelled, Done, Event, Failed, Phase, Progress
from .files.outputs import Outputs

if TYPE_CHECKING:
    from .engine import Engine
    from .request.validation import Plan


class Job:
    """One plan in the queue.

    ``events`` is for the thread that waits for it; the last one is Done, Cancelled or Failed.
    """

    _numbers = itertools.count(1)

    def __init__(self, plan: Plan, outputs: Outputs) -> None:
        self.number = next(self._numbers)
        self.plan = plan
        self.outputs = outputs
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.phase = Phase.QUEUED
        self._cancel = threading.Event()
        self._finished = threading.Event()

    def cancel(self) -> None:
        """Ask the job to stop: at once when it is still queued, else before its next batch of windows."""
        self._cancel.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the job is finished, in whatever way. Returns whether it is."""
        return self._finished.wait(timeout)

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel`` has been called."""
        return self._cancel.is_set()

    def _post(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.phase = event.phase
        self.events.put(event)

    def _finish(self, phase: Phase, event: Event) -> None:
        self.phase = phase
        self.events.put(event)
        self._finished.set()


class JobQueue:
    """Runs jobs one after another on a thread of its own. ``make_engine`` is called on that thread, at the first job.

    So the thread that submits never imports torch.
    """

    def __init__(self, make_engine: Callable[[], Engine] | None = None) -> None:
        self._make_engine = make_engine or _make_engine
        self._engine: Engine | None = None
        self._waiting: queue.SimpleQueue[Job | Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._current: Job | None = None

    def submit(self, plan: Plan, outputs: Outputs) -> Job:
        """Put a plan at the end of the queue."""
        if self._closed:
            raise RuntimeError("the queue is closed")
        job = Job(plan, outputs)
        self._waiting.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="syncdiffusion", daemon=True)
            self._thread.start()
        return job

    def release_model(self) -> None:
        """Give the model's memory back, after the jobs that are queued now."""
        if self._thread is not None:
            self._waiting.put(self._release)

    def close(self, timeout: float | None = None) -> bool:
        """Cancel everything and end the thread. Returns whether it ended within ``timeout`` seconds."""
        self._closed = True
        if self._thread is None:
            return True
        if self._current is not None:
            self._current.cancel()
        self._waiting.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            if isinstance(item, Job):
                self._current = item
                if self._closed:
                    item.cancel()
                self._run(item)
                self._current = None
            else:
                item()
        self._release()

    def _run(self, job: Job) -> None:
        try:
            if job.cancelled:
                raise CancelledError("cancelled")
            if self._engine is None:
                self._engine = self._make_engine()
            result = self._engine.generate(job.plan, job.outputs, job._post, lambda: job.cancelled)
        except CancelledError:
            job._finish(Phase.CANCELLED, Cancelled())
        except BaseException as error:  # a terminal state is posted whatever happens: someone waits for it
            job._finish(Phase.FAILED, _failure(error))
        else:
            job._finish(Phase.DONE, Done(result))

    def _release(self) -> None:
        """A card that was reset may refuse; then the thread lives on, and the next job makes a new engine."""
        engine, self._engine = self._engine, None
        if engine is not None:
            with suppress(RuntimeError):
                engine.release()


def _failure(error: BaseException) -> Failed:
    """The event for an error, without the traceback, whose frames would keep tensors alive."""
    details = traceback.format_exc()
    if not isinstance(error, SyncDiffusionError):
        error = SyncDiffusionError(f"an unexpected error: {type(error).__name__}: {error}")
    error.__cause__ = error.__context__ = None
    return Failed(error.with_traceback(None), details)


def _make_engine() -> Engine:
    from .engine import Engine

    return Engine()
