"""``--from``: the settings a picture was made with, and where on this machine the files are that it names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import SyncDiffusionError, option
from ..core.files.images import read_request
from ..core.files.known import KnownFiles
from ..core.models.additions.lora import read_lora
from ..core.models.builtin import BUILTIN, BUILTIN_FOLDER
from ..core.models.catalog import find_model
from ..core.models.hub import find_hub_model, is_hub_id
from ..core.request.findings import Findings
from ..core.request.presets import PRESET_SETTINGS
from ..core.request.request import PERSONAL
from ..core.request.settings import SETTINGS
from ..core.request.world import SETTINGS_OF_WORLD

# Given on the command line, one of these takes the place of what a picture's request says about the others.
REPLACES: Mapping[str, tuple[str, ...]] = {
    "preset": PRESET_SETTINGS,
    "sync_every": ("sync_count",),
    "sync_count": ("sync_every",),
    "shift_windows": ("stride",),
    "prompt": ("sky_prompt", "ground_prompt"),
    "target": ("wrap", "shift_windows", *SETTINGS_OF_WORLD),
    "range": ("peak",),
    "width": ("world_size",),
    "init_image": ("init_mode", "strength", "width", "height", "world_size", "initial_latents"),
    "init_mode": ("strength",),
    "loss": ("loss_weights", "sync_weight"),
}


def settings_of(picture: Path, given: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The settings of a picture's request, with those ``given`` in their place. Raises ImageError."""
    request = read_request(picture)
    replaced = {*PERSONAL, *given, *(other for name in given for other in REPLACES.get(name, ()))}
    settings = {name: request[name] for name in SETTINGS if request.get(name) is not None and name not in replaced}
    for name, file in request["files"].items():
        if name not in settings:
            continue
        if isinstance(file, Mapping):
            settings[name] = _on_this_machine(name, file, picture.parent, findings)
        else:
            paths = [_on_this_machine(name, one, picture.parent, findings) for one in file]
            if name == "lora":
                paths = [read_lora(text).named(path) for text, path in zip(settings[name], paths, strict=False)]
            settings[name] = paths
    return {**settings, **given}


def _on_this_machine(name: str, file: Mapping[str, str], folder: Path, findings: Findings) -> str:
    """What a setting that names a file is to name here: a path, a hub id, the built-in model."""
    if name == "model" and file["name"] == BUILTIN and _is_this_builtin(file["sha256"]):
        return BUILTIN
    path = _find_file(folder, file["name"], file["sha256"])
    if path is None and not (name == "model" and is_hub_id(file["name"])):
        sentence = "with which that picture was made, is not on this machine or has changed since"
        findings.add(name, f"{file['name']!r}, {sentence}; name it with --{option(name)}")
    elif path is not None and not (name == "model" and _is_hub_model(file["name"], path)):
        return str(path)
    return file["name"]


def _find_file(folder: Path, name: str, sha256: str) -> Path | None:
    """A file by its hash: where it was last seen, or under its name beside the picture or in the current folder."""
    known = KnownFiles()
    if (path := known.find(sha256)) is not None:
        return path
    candidates = [folder / name, Path(name)]
    return next((path for path in candidates if os.path.isfile(path) and known.sha256(path) == sha256), None)


def _is_this_builtin(sha256: str) -> bool:
    """Whether a picture was made with the built-in model of this version."""
    return KnownFiles().sha256(BUILTIN_FOLDER, find_model(BUILTIN).files) == sha256


def _is_hub_model(name: str, folder: Path) -> bool:
    """Whether ``folder`` is what the hub id ``name`` stands for on this machine now."""
    if not is_hub_id(name):
        return False
    try:
        model = find_hub_model(name, allow_pickle=True, offline=True)
    except SyncDiffusionError:
        return False
    return model.folder.resolve() == folder.resolve()
