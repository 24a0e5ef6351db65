"""What a run tells while it works, and whether it is still wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .errors import CancelledError
from .events import Event, Notice, Phase, Progress
from .runtime.stopwatch import Stopwatch


class Reporter:
    """The line from a run to whoever asked for it: phases, progress and notices out, cancelling in."""

    def __init__(self, emit: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
        self._emit = emit
        self._cancelled = cancelled
        self.stopwatch = Stopwatch()
        self.notices: list[str] = []
        self._where = ""

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Announce a phase and count its seconds. Raises CancelledError when the run has been cancelled."""
        self.check_cancelled()
        self._where = f"while {phase.value}"
        self._emit(Progress(phase))
        with self.stopwatch.phase(phase.value):
            yield

    def step(self, progress: Progress) -> None:
        """Announce that a step of a phase is done."""
        self._where = f"while {progress.phase.value}, after step {progress.step} of {progress.total}"
        self._emit(progress)

    def warn(self, text: str) -> None:
        """Tell the user where and what, once for each text."""
        if text not in self.notices:
            self.notices.append(text)
            self._emit(Notice(f"{text} ({self._where})" if self._where else text))

    def cancelled(self) -> bool:
        """Whether the run has been cancelled. The answer may be kept waiting: that is a pause, and no time counts."""
        with self.stopwatch.pause():
            return self._cancelled()

    def check_cancelled(self) -> None:
        """Raise CancelledError when the run has been cancelled."""
        if self.cancelled():
            raise CancelledError("cancelled")
