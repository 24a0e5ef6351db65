"""An activity on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..core.activity import Activity, State
from ..core.errors import CancelledError, SyncDiffusionError

POLL_SECONDS = 0.2


def watch(activity: Activity, cancelled: Callable[[], bool], quiet: bool) -> str:
    """Carry an activity out, its progress on standard error; returns its closing sentence.

    Raises CancelledError or SyncDiffusionError with what went wrong.
    """
    activity.start()
    shown = ""
    while not activity.wait(POLL_SECONDS):
        if cancelled():
            activity.cancel()
        amount = activity.amount
        line = amount.what + (f": {100 * amount.share:.0f} %" if amount.total else "")
        if not quiet and line != shown:
            shown = line
            print(f"\r\x1b[K{line}" if sys.stderr.isatty() else line, end="", file=sys.stderr, flush=True)
            if not sys.stderr.isatty():
                print(file=sys.stderr)
    if shown and sys.stderr.isatty():
        print(file=sys.stderr)
    if activity.state is State.CANCELLED:
        raise CancelledError(activity.message)
    if activity.state is State.FAILED:
        raise SyncDiffusionError(activity.message)
    return activity.message
