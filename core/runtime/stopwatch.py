"""Seconds by phase, and seconds left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


class Stopwatch:
    """Adds up the seconds spent in named phases, one at a time. Pauses do not count."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._paused = 0.0
        self._start = time.perf_counter()
        self._phase: tuple[str, float] | None = None

    def now(self) -> float:
        """Seconds on a clock that stands still in pauses; only differences mean something."""
        return time.perf_counter() - self._paused

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Within, no time counts."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._paused += time.perf_counter() - begin

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Within, time counts for the phase ``name``."""
        self._phase = (name, self.now())
        try:
            yield
        finally:
            self._seconds = self._so_far()
            self._phase = None

    def seconds(self) -> dict[str, float]:
        """Seconds of every phase, one under way included, and ``total`` since the stopwatch was made."""
        return {**self._so_far(), "total": self.now() - self._start}

    def _so_far(self) -> dict[str, float]:
        if self._phase is None:
            return self._seconds
        name, begin = self._phase
        return {**self._seconds, name: self._seconds.get(name, 0.0) + self.now() - begin}


class TimeLeft:
    """Estimates the rest of a run from its steps so far, synchronized and plain steps apart.

    ``costly`` says for each step whether it synchronizes; ``now`` is the clock, in seconds.
    """

    def __init__(self, costly: Sequence[bool], now: Callable[[], float]) -> None:
        self._costly = costly
        self._now = now
        self._durations: dict[bool, list[float]] = {True: [], False: []}
        self._last = now()

    def after(self, step: int) -> float:
        """Seconds left after step ``step`` (from 0) has just been finished."""
        now = self._now()
        self._durations[self._costly[step]].append(now - self._last)
        self._last = now
        return sum(self._expected(costly) for costly in self._costly[step + 1 :])

    def _expected(self, costly: bool) -> float:
        seen = self._durations[costly] or self._durations[not costly]
        return sum(seen) / len(seen)
