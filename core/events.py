"""What the engine tells while it works. Events are frozen and safe to hand from one thread to another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from .errors import SyncDiffusionError
    from .result import Result


class Phase(Enum):
    """Where a job is."""

    QUEUED = "queued"
    LOADING = "loading"
    SAMPLING = "sampling"
    DECODING = "decoding"
    SAVING = "saving"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True)
class Progress:
    """A phase has begun, or a step of it is done."""

    phase: Phase
    step: int = 0
    total: int = 0
    seconds_left: float | None = None
    """Estimated from the steps so far; None before there are any."""
    loss: float | None = None
    """Perceptual distance of the windows to the anchor, before this step's move; None where none was measured."""
    preview: np.ndarray | None = None
    """The foreseen panorama, 8-bit (h, w, 3), one pixel for each latent."""


@dataclass(frozen=True)
class Notice:
    """Something the user should know, but that stops nothing."""

    text: str


@dataclass(frozen=True)
class Done:
    """The job is finished; its files are written."""

    result: Result


@dataclass(frozen=True)
class Cancelled:
    """The job was cancelled; nothing was written."""


@dataclass(frozen=True)
class Failed:
    """The job failed; nothing was written. ``error`` has the sentence for the user, ``details`` the traceback."""

    error: SyncDiffusionError
    details: str


Event = Progress | Notice | Done | Cancelled | Failed
