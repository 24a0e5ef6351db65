"""From what the user calls a model to the model: a folder, a checkpoint file, or a hub id."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InvalidRequestError, Problem
from .builtin import BUILTIN, BUILTIN_FOLDER
from .folder import FolderModel
from .hub import find_hub_model, is_hub_id
from .model import Model
from .single_file.checkpoint import CheckpointModel

PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")


def find_model(name: str, *, allow_pickle: bool = False, offline: bool = False) -> Model:
    """Find the model a user named. Reads configurations and headers, no weights.

    Raises InvalidRequestError when there is no such model or it cannot be used, with what would be right; ModelError
    when a hub cannot be reached.
    """
    if name == BUILTIN:
        return FolderModel(BUILTIN_FOLDER, BUILTIN)
    path = Path(name)
    if os.path.isdir(path):
        return FolderModel(path, name, allow_pickle)
    if os.path.isfile(path):
        suffix = path.suffix.lower()
        if suffix in PICKLES:
            raise _refuse(f"{name!r} is a pickle, which can hide a program; take the .safetensors file of the model")
        if suffix != ".safetensors":
            raise _refuse(f"{name!r} is not a .safetensors file; give one, a folder in diffusers layout or a hub id")
        return CheckpointModel(path, name)
    if is_hub_id(name):
        return find_hub_model(name, allow_pickle=allow_pickle, offline=offline)
    raise _refuse(f"there is no folder or file {name!r}, nor is it a hub id (owner/name)")


def _refuse(sentence: str) -> InvalidRequestError:
    return InvalidRequestError([Problem("model", sentence)])
