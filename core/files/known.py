"""Hashes of the files requests name, and where on this machine a file of a known hash was last seen.

A picture carries names and hashes, never paths. So that ``--from`` finds the model again all the same, this machine
keeps a list of its own: path, size and time of each file, and the SHA-256 they had. It also spares hashing gigabytes
twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_ENTRIES = 500


def cache_folder() -> Path:
    """The folder for what can be made again: ``SYNCDIFFUSION_CACHE``, or the operating system's place for such."""
    if chosen := os.environ.get("SYNCDIFFUSION_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "syncdiffusion"


class KnownFiles:
    """The list of files this machine has hashed. A list that cannot be read or written is done without."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or cache_folder()) / "known_files.json"

    def sha256(self, root: Path, files: Sequence[Path] | None = None) -> str:
        """The hash of a file, or of the ``files`` under a folder ``root`` with their names there. Raises OSError."""
        names = sorted(os.path.relpath(path, root).replace(os.sep, "/") for path in (files or [root]))
        root = root.resolve()
        entries = self._read()
        stamp = _stamp(root, names)
        entry = entries.pop(str(root), None)
        if entry is None or entry["stamp"] != stamp:
            entry = {"stamp": stamp, "sha256": _hash(root, names)}
        entries[str(root)] = entry
        self._write(entries)
        return entry["sha256"]

    def find(self, sha256: str) -> Path | None:
        """A file or folder that had this hash and has not changed since, or None."""
        for path, entry in reversed(self._read().items()):
            try:
                names = [name for name, _, _ in entry["stamp"]]
                if entry["sha256"] == sha256 and _stamp(Path(path), names) == entry["stamp"]:
                    return Path(path)
            except (OSError, TypeError, ValueError):
                continue
        return None

    def _read(self) -> dict[str, Any]:
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(entries, dict):
            return {}
        return {path: e for path, e in entries.items() if isinstance(e, dict) and {"stamp", "sha256"} <= e.keys()}

    def _write(self, entries: dict[str, Any]) -> None:
        newest = dict(list(entries.items())[-MAX_ENTRIES:])
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(newest, indent=1), encoding="utf-8")
            os.replace(temporary, self._path)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _stamp(root: Path, names: Sequence[str]) -> list[list[Any]]:
    """[name under root, size, time] of every file. A root that is the file itself is named ``.`` under itself."""
    statuses = [(root / name).stat() for name in names]
    return [[n, status.st_size, status.st_mtime_ns] for n, status in zip(names, statuses, strict=True)]


def _hash(root: Path, names: Sequence[str]) -> str:
    """As ``sha256sum`` would have it: of a file, or of its own list of a folder's files."""
    if names == ["."]:
        return _hash_file(root)
    total = hashlib.sha256()
    for name in names:
        total.update(f"{_hash_file(root / name)}  {name}\n".encode())
    return total.hexdigest()


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
