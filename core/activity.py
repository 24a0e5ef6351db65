"""Something slow beside the engine's queue, on a thread of its own and watched by polling: installing, downloading."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from .errors import CancelledError, SyncDiffusionError

SPEED_SECONDS = 8.0  # over which the speed is measured


class State(Enum):
    """Where an activity is."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True)
class Amount:
    """What is being done, and how much of it. ``total`` 0: nobody knows; speed and time only while bytes move."""

    what: str = ""
    done: int = 0
    total: int = 0
    bytes_per_second: float | None = None
    seconds_left: float | None = None

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1; 0 where the total is not known."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


class Activity:
    """Runs ``work`` on a thread of its own. ``work`` is given the activity, tells it how far it is, and asks it whether
    to go on; what it returns is the closing sentence.

    Everything that is read from another thread is replaced as a whole, never changed.
    """

    def __init__(self, title: str, work: Callable[[Activity], str]) -> None:
        self.title = title
        self.amount = Amount()
        self.state = State.RUNNING
        self.message = ""
        """The closing sentence, or what went wrong and what to do."""
        self._work = work
        self._log: deque[str] = deque(maxlen=2000)
        self._cancel = threading.Event()
        self._finished = threading.Event()
        self._moved: deque[tuple[float, int]] = deque()

    def start(self) -> Activity:
        """Begin, and return at once."""
        threading.Thread(target=self.run, name=f"syncdiffusion: {self.title}", daemon=True).start()
        return self

    def run(self) -> None:
        """Do the work on this thread."""
        self.say(self.title)
        try:
            self.message = self._work(self)
            self.state = State.DONE
        except CancelledError as error:
            self.message, self.state = str(error), State.CANCELLED
        except SyncDiffusionError as error:
            self.message, self.state = str(error), State.FAILED
        except Exception as error:  # someone waits for the end, whatever happens
            self.say(traceback.format_exc())
            self.message = f"an unexpected error: {type(error).__name__}: {error}; the log has more"
            self.state = State.FAILED
        self.say(self.message)
        self._finished.set()

    def cancel(self) -> None:
        """Ask the work to stop; it does soon."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        """Whether it has been asked to stop."""
        return self._cancel.is_set()

    @property
    def running(self) -> bool:
        """Whether it is still at it."""
        return not self._finished.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over. Returns whether it is."""
        return self._finished.wait(timeout)

    def check_cancelled(self) -> None:
        """Raise CancelledError when it was asked to stop."""
        if self.cancelled:
            raise CancelledError("cancelled; what was there before is still there")

    def pause(self, seconds: float) -> None:
        """Wait, unless it is asked to stop."""
        self._cancel.wait(seconds)
        self.check_cancelled()

    def begin(self, what: str) -> None:
        """A part begins of which nobody knows how long it takes."""
        self._moved.clear()
        self.amount = Amount(what)
        self.say(what)

    def move(self, what: str, done: int, total: int) -> None:
        """So many bytes of so many have come."""
        now = time.monotonic()
        self._moved.append((now, done))
        while len(self._moved) > 2 and now - self._moved[0][0] > SPEED_SECONDS:
            self._moved.popleft()
        since, first = self._moved[0]
        speed = (done - first) / (now - since) if now - since > 0.5 and done > first else None
        left = (total - done) / speed if speed and total else None
        self.amount = Amount(what, done, total, speed, left)

    def say(self, line: str) -> None:
        """A line for the log, which the user can copy."""
        self._log.append(f"{time.strftime('%H:%M:%S')} {line}")

    @property
    def log(self) -> str:
        """All that was said."""
        return "\n".join(list(self._log))
