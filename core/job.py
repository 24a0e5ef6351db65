"""A background thread that carries out one plan at a time from a queue."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .errors import CancelledError, SyncDiffusionError
from .events import Cancelled, Done, Event, Failed, Phase, Progress
from .files.outputs import Outputs

if TYPE_CHECKING:
    from .engine import Engine
    from .request.validation import Plan

_log = logging.getLogger(__name__)

LOOK_AGAIN = 0.05  # seconds after which a paused run looks whether it has been cancelled


class Job:
    """One plan in the queue.

    ``events`` is for the thread that waits for it; the last one is Done, Cancelled or Failed. Made by
    ``JobQueue.submit``.
    """

    _numbers = itertools.count(1)

    def __init__(
        self, plan: Plan, outputs: Outputs, translate: Callable[[Event], Any], withdraw: Callable[[Job], bool]
    ) -> None:
        self.number = next(self._numbers)
        self.plan = plan
        self.outputs = outputs
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.phase = Phase.QUEUED
        self._translate = translate
        self._withdraw = withdraw
        self._cancel = threading.Event()
        self._stop = threading.Event()
        self._finished = threading.Event()

    def cancel(self) -> None:
        """Ask the job to stop: at once when it is still queued, else before its next batch of windows."""
        self._cancel.set()
        if self._withdraw(self):
            self._finish(Phase.CANCELLED, Cancelled())

    def stop(self) -> None:
        """Ask the job to end sampling after the step that runs, and to keep the picture as it is foreseen there."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the job is finished, in whatever way. Returns whether it is."""
        return self._finished.wait(timeout)

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel`` has been called."""
        return self._cancel.is_set()

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` has been called."""
        return self._stop.is_set()

    def _post(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.phase = event.phase
        self.events.put(self._translate(event))

    def _finish(self, phase: Phase, event: Any) -> None:
        self.phase = phase
        self.events.put(event)
        self._finished.set()


class JobQueue:
    """Runs jobs one after another on a thread of its own. ``make_engine`` is called on that thread, at the first job.

    So the thread that submits never imports torch. With ``keep_model`` off, the model's memory is given back whenever
    nothing waits.
    """

    def __init__(self, make_engine: Callable[[], Engine] | None = None) -> None:
        self.keep_model = True
        self._make_engine = make_engine or _make_engine
        self._engine: Engine | None = None
        self._changed = threading.Condition()
        self._waiting: deque[Job | Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._current: Job | None = None
        self._go = threading.Event()
        self._go.set()
        self._park = False

    def submit(self, plan: Plan, outputs: Outputs, translate: Callable[[Event], Any] = lambda event: event) -> Job:
        """Put a plan at the end of the queue. ``translate`` is called on the worker with every event but a failure.

        What it gives is posted in the event's place, so that pictures are encoded where they hold nobody up.
        """
        job = Job(plan, outputs, translate, self._take_out)
        self._put(job)
        return job

    def call(self, work: Callable[[], None]) -> None:
        """Do something else on the worker, in its turn. What it raises is logged, and ends nothing."""
        self._put(work)

    def warm_up(self, given: Mapping[str, Any]) -> None:
        """Load the engine and the model for settings as ``validation.prepare`` takes them.

        Nothing is downloaded for it, and what is wrong with the settings is not said: no one has asked for a picture.
        """
        self.call(lambda: self._warm_up(given))

    def release_model(self) -> None:
        """Give the model's memory back, after the jobs that are queued now."""
        if self._thread is not None:
            self.call(self._release)

    def pause(self, park: bool = False) -> None:
        """Have the running job wait before its next batch of windows, and no other begin.

        ``park``: move its networks into main memory meanwhile. May be called from any thread, and again.
        """
        self._park = self._park or park
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._park = False
        self._go.set()

    @property
    def paused(self) -> bool:
        """Whether ``pause`` has been called, and ``resume`` not yet."""
        return not self._go.is_set()

    @property
    def holds_model(self) -> bool:
        """Whether a model may be in memory, for ``release_model`` to give back."""
        return self._engine is not None

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs that are not finished, first the running one."""
        with self._changed:
            current = (self._current,) if self._current is not None else ()
            return (*current, *(item for item in self._waiting if isinstance(item, Job)))

    def clear(self) -> None:
        """Cancel the jobs that wait; the running one goes on."""
        for job in self.jobs:
            if job is not self._current:
                job.cancel()

    def close(self, timeout: float | None = None) -> bool:
        """Cancel everything and end the thread. Returns whether it ended within ``timeout`` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        for job in self.jobs:
            job.cancel()
        self.resume()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _put(self, item: Job | Callable[[], None]) -> None:
        with self._changed:
            if self._closed:
                raise RuntimeError("the queue is closed")
            self._waiting.append(item)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="syncdiffusion", daemon=True)
                self._thread.start()

    def _take_out(self, job: Job) -> bool:
        """Whether a job was still waiting, which it is no longer then."""
        with self._changed:
            if job not in self._waiting:
                return False
            self._waiting.remove(job)
            return True

    def _next(self) -> Job | Callable[[], None] | None:
        """What is to be done next; None when the queue is closed."""
        with self._changed:
            self._current = None
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            item = self._waiting.popleft()
            self._current = item if isinstance(item, Job) else None
            return item

    def _work(self) -> None:
        while (item := self._next()) is not None:
            if isinstance(item, Job):
                self._run(item)
                if not (self.keep_model or self._waiting):
                    self._release()
                continue
            try:
                item()
            except Exception:  # the thread has to live on for the jobs
                _log.warning("a call on the worker failed", exc_info=True)
        self._release()

    def _run(self, job: Job) -> None:
        try:
            if self._asked(job):
                raise CancelledError("cancelled")
            result = self._made_engine().generate(
                job.plan, job.outputs, job._post, lambda: self._asked(job), lambda: job.stopped
            )
            done = job._translate(Done(result))
        except CancelledError:
            job._finish(Phase.CANCELLED, Cancelled())
        except BaseException as error:  # a terminal event is posted whatever happens: someone waits for it
            failed = _failure(error)
            if not isinstance(error, SyncDiffusionError):  # a card that was reset holds nothing of what was loaded
                self._release()
            job._finish(Phase.FAILED, failed)
        else:
            job._finish(Phase.DONE, done)

    def _asked(self, job: Job) -> bool:
        """Whether a job is cancelled; while the queue is paused, the answer waits."""
        parked = False
        while self.paused and not job.cancelled:
            if self._park and not parked and self._engine is not None:
                parked = True
                self._engine.park()
            self._go.wait(LOOK_AGAIN)
        if parked:  # a cancelled job too: the next one takes the networks as they were left
            self._engine.unpark()
        return job.cancelled

    def _made_engine(self) -> Engine:
        if self._engine is None:
            self._engine = self._make_engine()
        return self._engine

    def _warm_up(self, given: Mapping[str, Any]) -> None:
        from .request.validation import prepare

        with suppress(SyncDiffusionError):
            plan = prepare({**given, "offline": True})
            self._made_engine().load(plan, lambda: self._closed)

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
    from .importing import import_engine

    return import_engine().Engine()
