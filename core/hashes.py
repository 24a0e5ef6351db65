"""What tells the files that a picture was made with from others: their names and hashes, for its request."""

from __future__ import annotations

from pathlib import Path

from .files.known import KnownFiles
from .models.builtin import BUILTIN
from .models.hub_cache import repository_of
from .request.request import FileNames
from .request.validation import Plan


def file_hashes(plan: Plan, known: KnownFiles) -> dict[str, FileNames]:
    """Name and SHA-256 of the model and of every file the request names."""
    files = plan.model.files
    name = plan.model.name
    path = Path(name)
    own = name != BUILTIN and path.exists()
    root = path if own else files[0].parent.parent  # the built-in model's folder, or one in the hub's cache
    if own:
        name = path.resolve().name
    hashes = {"model": {"name": name, "sha256": known.sha256(root, files)}}
    for setting, paths in plan.request.file_settings().items():
        several = [_name_and_hash(Path(path), known) for path in ([paths] if isinstance(paths, str) else paths)]
        hashes[setting] = several[0] if isinstance(paths, str) else several
    return hashes


def _name_and_hash(path: Path, known: KnownFiles) -> dict[str, str]:
    if not path.is_dir():
        return {"name": path.name, "sha256": known.sha256(path)}
    parts = [part for part in path.iterdir() if part.suffix in (".json", ".safetensors")]
    return {"name": repository_of(path) or path.name, "sha256": known.sha256(path, parts)}
