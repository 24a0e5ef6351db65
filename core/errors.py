"""Everything that can go wrong, each with a sentence for the user and, where there is one, a remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Remedy(Enum):
    """What a user can do about an error with one press of a button."""

    LOW_MEMORY = "low_memory"
    CPU = "cpu"
    OTHER_MODEL = "other_model"
    ONLINE = "online"
    DOWNLOAD = "download"
    OTHER_FOLDER = "other_folder"


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
    """Base of all errors the engine raises on purpose: ``str()`` is a sentence a user can act on.

    It says what is wrong, and after a semicolon what to do, in the words of the command line. ``remedies`` are for an
    interface with buttons.
    """

    remedies: tuple[Remedy, ...] = ()

    @property
    def fact(self) -> str:
        """What is wrong, without what to do."""
        return str(self).partition("; ")[0]


class InvalidRequestError(SyncDiffusionError):
    """A request that cannot be carried out; holds all its problems at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
        self.remedies = tuple(dict.fromkeys(r for p in problems for r in _REMEDIES.get(p.field, ())))

    @property
    def fact(self) -> str:
        """All of it: what a value should be is said in its problem's sentence."""
        return str(self)


_REMEDIES: Mapping[str, tuple[Remedy, ...]] = {
    "model": (Remedy.OTHER_MODEL, Remedy.ONLINE, Remedy.DOWNLOAD),
    "loss_weights": (Remedy.ONLINE, Remedy.DOWNLOAD),
    "device": (Remedy.CPU,),
    "output": (Remedy.OTHER_FOLDER,),
}


class ModelError(SyncDiffusionError):
    """Weights that are corrupted, incomplete, or cannot be loaded."""

    remedies = (Remedy.OTHER_MODEL,)


class DeviceError(SyncDiffusionError):
    """The device asked for is not there."""

    remedies = (Remedy.CPU,)


class NotEnoughMemoryError(SyncDiffusionError):
    """Not even one window fits; the sentence says what is free, and which settings to lower."""

    remedies = (Remedy.LOW_MEMORY, Remedy.CPU)


class NotFiniteError(SyncDiffusionError):
    """A network gave NaN or infinity even in float32; the sentence says where."""

    remedies = (Remedy.OTHER_MODEL,)


class OutputError(SyncDiffusionError):
    """A result could not be written; nothing half-written is left behind."""

    remedies = (Remedy.OTHER_FOLDER,)


class DownloadError(SyncDiffusionError):
    """A file could not be had, or is not what it should be; what has arrived of a good one is kept."""


class SetupError(SyncDiffusionError):
    """The engine could not be installed, repaired or removed; what was there before is still there."""


class CancelledError(SyncDiffusionError):
    """The run was cancelled on request; nothing was written."""
