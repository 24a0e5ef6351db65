"""The files a run leaves: all of them whole, or none."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import OutputError, Problem
from ..request.settings import option

if TYPE_CHECKING:
    import numpy as np

    from ..engine import Result

# Beside the pixels: metadata, latents, a little room.
SPARE_BYTES = 2**20


@dataclass(frozen=True)
class Outputs:
    """Where results go; None is not written. ``output`` is the PNG; the rest as on the command line."""

    output: Path | None = None
    save_latents: Path | None = None
    trace: Path | None = None
    report: Path | None = None

    def problems(self, pixels: int = 0) -> list[Problem]:
        """What stands against writing, found before the run. ``pixels``: the canvas's, for the space it needs."""
        found = []
        paths = self._paths()
        for name, path in paths.items():
            sentence = _obstacle(path)
            if not sentence and name == "output":
                sentence = _not_png(path) or _no_space(path, 3 * pixels + SPARE_BYTES)
            if not sentence and any(other != name and paths[other] == path for other in paths):
                sentence = f"{str(path)!r} is named for two different results"
            if sentence:
                found.append(Problem(option(name), sentence))
        return found

    def write(self, result: Result, report: Callable[[], dict[str, Any]]) -> None:
        """Write all files under temporary names, then rename them into place.

        ``report`` is called when all else is written, so that it can say how long that took. Raises OutputError; then
        nothing is left.
        """
        from .images import write_png

        writers: dict[str, Callable[[IO[bytes]], None]] = {
            "output": lambda file: write_png(file, result.pixels, result.request),
            "save_latents": lambda file: _write_npz(file, latents=result.latents),
            "trace": lambda file: _write_npz(file, latents=result.trace, loss=result.losses),
            "report": lambda file: file.write(json.dumps(report(), indent=2).encode()),
        }
        written: list[tuple[Path, Path]] = []
        path = Path()
        try:
            for name, path in self._paths().items():
                temporary = path.with_name(f".{path.stem[:40]}-{secrets.token_hex(4)}.tmp")
                written.append((temporary, path))
                with temporary.open("xb") as file:
                    writers[name](file)
            for temporary, path in written:
                os.replace(temporary, path)
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{str(path)!r} could not be written: {reason}; make room or name another") from error
        finally:
            for temporary, _ in written:
                temporary.unlink(missing_ok=True)

    def _paths(self) -> dict[str, Path]:
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: path for name, path in named.items() if path is not None}


def _write_npz(file: IO[bytes], **arrays: np.ndarray) -> None:
    import numpy as np

    np.savez_compressed(file, **arrays)


def _obstacle(path: Path) -> str | None:
    """Why a file cannot be made at ``path``, or None."""
    if path.is_dir():
        return f"{str(path)!r} is a folder; name a file in it"
    if not path.parent.is_dir():
        return f"there is no folder {str(path.parent)!r}"
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        return f"{str(path.parent)!r} cannot be written to ({error.strerror}); name another folder"
    return None


def _not_png(path: Path) -> str | None:
    return None if path.suffix.lower() == ".png" else f"{path.name!r} does not end in .png"


def _no_space(path: Path, needed: int) -> str | None:
    free = shutil.disk_usage(path.parent).free
    if free >= needed:
        return None
    return f"{str(path.parent)!r} has {free / 2**20:.0f} MB free; up to {needed / 2**20:.0f} MB are needed"
