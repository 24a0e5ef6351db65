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
        """The hash of a file, or of the ``files`` of a folder ``root`` with their names. Raises OSError."""
        root = root.expanduser().resolve()
        files = [root] if files is None else [path.resolve() for path in files]
        entries = self._read()
        stamp = _stamp(root, files)
        entry = entries.pop(str(root), None)
        if entry is None or entry.get("stamp") != stamp:
            entry = {"stamp": stamp, "sha256": _hash(root, files)}
        entries[str(root)] = entry
        self._write(entries)
        return entry["sha256"]

    def find(self, sha256: str) -> Path | None:
        """A file or folder that had this hash and has not changed since, or None."""
        for path, entry in reversed(self._read().items()):
            root = Path(path)
            try:
                files = [root / name if name else root for name, _, _ in entry["stamp"]]
                if entry["sha256"] == sha256 and _stamp(root, files) == entry["stamp"]:
                    return root
            except (OSError, KeyError, TypeError, ValueError):
                continue
        return None

    def _read(self) -> dict[str, Any]:
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}

    def _write(self, entries: dict[str, Any]) -> None:
        newest = dict(list(entries.items())[-MAX_ENTRIES:])
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(newest, indent=1), encoding="utf-8")
            os.replace(temporary, self._path)
        except OSError:
            temporary.unlink(missing_ok=True)


def _stamp(root: Path, files: Sequence[Path]) -> list[list[Any]]:
    """[name under root, size, time] of every file; the name is empty for a root that is the file itself."""
    stamp = []
    for path in files:
        status = path.stat()
        name = "" if path == root else os.path.relpath(path, root).replace(os.sep, "/")
        stamp.append([name, status.st_size, status.st_mtime_ns])
    return stamp


def _hash(root: Path, files: Sequence[Path]) -> str:
    if list(files) == [root]:
        return _hash_file(root)
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{_hash_file(path)}  {os.path.relpath(path, root).replace(os.sep, '/')}\n".encode())
    return total.hexdigest()


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
