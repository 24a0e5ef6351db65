"""Everything that can go wrong, each with a sentence for the user and, where there is one, a remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a request.

    ``field`` is the setting's name, ``sentence`` says what is wrong with which value and what would be right.
    ``corrupted`` marks damaged weights: a fault of a file's content and not of the request, which the command line
    reports with another exit status.
    """

    field: str
    sentence: str
    corrupted: bool = False

    def __str__(self) -> str:
        return f"{option(self.field)}: {self.sentence}"


def option(setting: str) -> str:
    """The name of a setting as a user types it: ``guidance_scale`` is ``guidance-scale``."""
    return setting.replace("_", "-")


class SyncDiffusionError(Exception):
    """Base of all errors the engine raises on purpose: ``str()`` is a sentence a user can act on."""


class InvalidRequestError(SyncDiffusionError):
    """A request that cannot be carried out; holds all its problems at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class ModelError(SyncDiffusionError):
    """Weights that are corrupted, incomplete, or cannot be loaded."""


class DeviceError(SyncDiffusionError):
    """The device asked for is not there."""


class NotEnoughMemoryError(SyncDiffusionError):
    """Not even one window fits; the sentence says which settings to lower."""


class NotFiniteError(SyncDiffusionError):
    """A network gave NaN or infinity even in float32; the sentence says where."""


class OutputError(SyncDiffusionError):
    """A result could not be written; nothing half-written is left behind."""


class CancelledError(SyncDiffusionError):
    """The run was cancelled on request; nothing was written."""
