"""Models by hub id: in the Hugging Face cache, which other programs share, or downloaded into it."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..activity import Activity
from ..errors import InvalidRequestError, ModelError, Problem
from .download import fetch_snapshot
from .folder import WEIGHT_STEMS, FolderModel

if TYPE_CHECKING:
    import torch

    from .facts import ModelFacts
    from .model import Components

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def is_hub_id(name: str) -> bool:
    """Whether a name has the form ``owner/name``."""
    return _HUB_ID.fullmatch(name) is not None


def find_hub_model(hub_id: str, *, allow_pickle: bool, offline: bool) -> FolderModel | HubModel:
    """The model of a hub id: from the local cache when it is whole there, else one whose weights load on demand.

    Downloads the configuration files (a few kilobytes) where they are not cached and the network may be used. Raises
    InvalidRequestError when there is no such model, or it is not cached and ``offline``; ModelError when the hub cannot
    be reached.
    """
    import huggingface_hub
    from huggingface_hub import errors

    offline = offline or huggingface_hub.is_offline_mode()
    try:
        # No pattern: what is there will do, since of a repository only the files that are used are downloaded.
        folder = Path(huggingface_hub.snapshot_download(hub_id, local_files_only=True, allow_patterns=[]))
        return FolderModel(folder, hub_id, allow_pickle)
    except errors.HFValidationError:
        raise _refuse(f"{hub_id!r} is no folder or file here, and no hub id looks like that") from None
    except InvalidRequestError:
        if offline:
            raise
    except FileNotFoundError:
        if offline:
            raise _refuse(
                f"{hub_id!r} is no folder or file here and not in the Hugging Face cache, and no network may be used; "
                "download it first"
            ) from None
    return HubModel(hub_id, allow_pickle)  # not there, or an interrupted download


class HubModel:
    """A model on the hub, known by its configuration; its weights are downloaded when it is loaded."""

    variant = None

    def __init__(self, hub_id: str, allow_pickle: bool) -> None:
        self.name = hub_id
        self._allow_pickle = allow_pickle
        folder = fetch_snapshot(hub_id, self._first_files, Activity("Downloading", str))
        self._folder = FolderModel(folder, hub_id, allow_pickle, check_weights=False)

    @property
    def facts(self) -> ModelFacts:
        """See ``ModelFacts``."""
        return self._folder.facts

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that make the model what it is, for its hash. Complete once it has been loaded."""
        return self._folder.files

    @property
    def tiny_decoder(self) -> Path:
        """See ``Model``."""
        return self._folder.tiny_decoder

    def load(self, dtype: torch.dtype) -> Components:
        """Download what is missing, then load as from a folder. Raises ModelError."""
        self.fetch(dtype.itemsize == 2, Activity("Downloading", str))
        return self._folder.load(dtype)

    def fetch(self, half: bool, activity: Activity) -> None:
        """Download what is missing, at half precision where that is offered. Raises ModelError or DownloadError."""
        try:
            folder = fetch_snapshot(self.name, partial(self._all_files, half=half), activity)
            self._folder = FolderModel(folder, self.name, self._allow_pickle)
        except InvalidRequestError as error:
            raise ModelError(str(error)) from error

    def _first_files(self, names: list[str]) -> list[str]:
        for part in WEIGHT_STEMS:
            if not _weight_files(names, part, self._allow_pickle) and _weight_files(names, part, True):
                raise _refuse(
                    f"{self.name!r} has only pickle weights, which can hide a program; choose another model, or give "
                    "--allow-pickle if you trust its author"
                )
        return _config_files(names)

    def _all_files(self, names: list[str], half: bool) -> list[str]:
        weights = [_weight_files(names, part, self._allow_pickle, half) for part in WEIGHT_STEMS]
        return [*_config_files(names), *(name for files in weights for name in files)]


def _config_files(names: list[str]) -> list[str]:
    return [
        n
        for n in names
        if n == "model_index.json" or n.startswith(("tokenizer/", "tokenizer_2/")) or n.endswith("config.json")
    ]


def _weight_files(names: list[str], part: str, allow_pickle: bool, half: bool = False) -> list[str]:
    """Of a part's weights the form to download: safetensors of the precision wanted, or else of the other.

    Pickle only where there are no safetensors and it is allowed.
    """
    safe = [n for n in names if n.startswith(f"{part}/") and ".safetensors" in n and ".non_ema." not in n]
    fp16 = [n for n in safe if ".fp16." in n]
    full = [n for n in safe if n not in fp16]
    pickle = [n for n in names if n.startswith(f"{part}/") and n.endswith(".bin") and allow_pickle]
    return (fp16 if half else full) or full or fp16 or pickle


def _refuse(sentence: str) -> InvalidRequestError:
    return InvalidRequestError([Problem("model", sentence)])
