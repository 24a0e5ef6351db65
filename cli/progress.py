"""Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TextIO

from ..core.events import Event, Notice, Phase, Progress

BAR_WIDTH = 30
LINES_PER_RUN = 10


class ProgressLine:
    """Shows the engine's events. ``quiet`` shows notices only."""

    def __init__(self, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._terminal = self._stream.isatty()
        self._open_line = False

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end_line()

    def show(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Notice):
            self._end_line()
            print(f"note: {event.text}", file=self._stream, flush=True)
        elif isinstance(event, Progress) and not self._quiet:
            self._show_progress(event)

    def _show_progress(self, event: Progress) -> None:
        if self._terminal:
            print(f"\r\x1b[K{_bar(event)}", end="", file=self._stream, flush=True)
            self._open_line = True
        elif event.total and not event.step:  # a preview of the noise, that sampling has begun is said already
            return
        elif event.step % max(event.total // LINES_PER_RUN, 1) == 0 or event.step == event.total:
            print(_words(event), file=self._stream, flush=True)

    def _end_line(self) -> None:
        if self._open_line:
            print(file=self._stream, flush=True)
            self._open_line = False


def _bar(event: Progress) -> str:
    if not event.total:
        return _words(event)
    filled = BAR_WIDTH * event.step // event.total
    return f"[{'#' * filled}{'-' * (BAR_WIDTH - filled)}] {_words(event)}"


def _words(event: Progress) -> str:
    words = [event.phase.value.capitalize()]
    if event.phase is Phase.SAMPLING and event.total:
        words.append(f"{event.step}/{event.total}")
    if event.loss is not None:
        words.append(f"loss {event.loss:.4f}")
    if event.seconds_left is not None:
        words.append(f"{event.seconds_left:.0f} s left")
    return ", ".join(words)
