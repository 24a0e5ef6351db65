"""The files a run leaves: none of them half-written."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import InvalidRequestError, OutputError, Problem

if TYPE_CHECKING:
    import numpy as np

    from ..result import Result

# Beside the pixels: metadata, latents, a little room.
SPARE_BYTES = 2**20
PICTURE, LIGHT = ".png", ".exr"


@dataclass(frozen=True)
class Outputs:
    """Where results go; None is not written. ``output`` is a PNG, of a world's light an EXR.

    The rest as on the command line.
    """

    output: Path | None = None
    save_latents: Path | None = None
    trace: Path | None = None
    report: Path | None = None
    replaces: bool = True
    """Whether a picture takes the place of a file that is there; else it takes the next free name."""

    def problems(self) -> list[Problem]:
        """What stands against writing, found before the run."""
        found = []
        paths = self._paths()
        for name, path in paths.items():
            sentence = _obstacle(path)
            if not sentence and name == "output" and path.suffix.lower() not in (PICTURE, LIGHT):
                sentence = f"{path.name!r} does not end in .png (or .exr, for a world's light)"
            if not sentence and any(other != name and _same(paths[other], path) for other in paths):
                sentence = f"{str(path)!r} is named for two different results"
            if sentence:
                found.append(Problem(name, sentence))
        return found

    def check_inputs(self, inputs: Iterable[Path]) -> None:
        """Raise InvalidRequestError when a result would take the place of a file the run reads."""
        inputs = list(inputs)
        problems = [
            Problem(name, f"{str(path)!r} is read by this run and would be overwritten; name another file")
            for name, path in self._paths().items()
            if any(_same(path, other) for other in inputs)
        ]
        if problems:
            raise InvalidRequestError(problems)

    @property
    def is_light(self) -> bool:
        """Whether the picture is to be an EXR."""
        return self.output is not None and self.output.suffix.lower() == LIGHT

    def check_range(self, expanded: bool) -> None:
        """Raise InvalidRequestError when the file named cannot hold what is made: light is an EXR, a picture a PNG."""
        if self.output is None or self.is_light == expanded:
            return
        name = repr(self.output.name)
        sentence = (
            f"{name} holds 8 bits, but --range expanded is light; name an .exr, or take --range ldr"
            if expanded
            else f"{name} is for --target world with --range expanded; name a .png"
        )
        raise InvalidRequestError([Problem("output", sentence)])

    def check_space(self, pixels: int) -> None:
        """Raise OutputError when the disk has no room for a picture of so many pixels."""
        if self.output is None:
            return
        bytes_of_pixel = 6 if self.is_light else 3
        free, needed = shutil.disk_usage(self.output.parent).free, bytes_of_pixel * pixels + SPARE_BYTES
        if free < needed:
            raise OutputError(
                f"output: {str(self.output.parent)!r} has {free / 2**20:.0f} MB free, and up to "
                f"{needed / 2**20:.0f} MB are needed; make room, or name a file on another disk"
            )

    def write(self, result: Result, report: Callable[[], dict[str, Any]]) -> None:
        """Write all files under temporary names; when all are whole, rename them into place.

        ``report`` is called when all else is written, so that it can say how long that took. ``result.output`` is then
        where the picture lies. Raises OutputError; then no part of a file is left.
        """
        from .exr import write_exr
        from .images import REQUEST_KEY, XMP, write_png

        def write_picture(file: IO[bytes]) -> None:
            if self.is_light:
                write_exr(file, result.pixels, result.request, REQUEST_KEY, XMP)
            else:
                write_png(file, result.pixels, result.request)

        writers: dict[str, Callable[[IO[bytes]], None]] = {
            "output": write_picture,
            "save_latents": lambda file: _write_npz(file, latents=result.latents),
            "trace": lambda file: _write_npz(file, latents=result.trace, loss=result.losses),
            "report": lambda file: file.write(json.dumps(report(), indent=2).encode()),
        }
        written: list[tuple[Path, Path]] = []
        claimed = path = None
        try:
            for name, path in self._paths().items():
                temporary = path.with_name(f".{path.stem[:40]}-{secrets.token_hex(4)}.tmp")
                written.append((temporary, path))
                with temporary.open("xb") as file:
                    writers[name](file)
            result.output = self.output
            if self.output is not None and not self.replaces:
                result.output = claimed = _claim(self.output)
            for temporary, path in written:
                os.replace(temporary, result.output if path == self.output else path)
            claimed = None
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{str(path)!r} could not be written ({reason}); make room or name another") from error
        finally:
            for temporary, _ in written:
                temporary.unlink(missing_ok=True)
            if claimed is not None:
                claimed.unlink(missing_ok=True)

    def _paths(self) -> dict[str, Path]:
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: path for name, path in named.items() if isinstance(path, Path)}


def numbered(path: Path) -> Iterator[Path]:
    """``NAME.png``, ``NAME 2.png``, ``NAME 3.png``, ..."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.stem} {number}{path.suffix}")


def _claim(path: Path) -> Path:
    """Make an empty file of the first of these names that is free, which nobody else can then take. Raises OSError."""
    for free in numbered(path):
        with suppress(FileExistsError):
            free.open("xb").close()
            return free
    raise AssertionError("names do not end")


def _write_npz(file: IO[bytes], **arrays: np.ndarray) -> None:
    import numpy as np

    np.savez_compressed(file, **arrays)


def _obstacle(path: Path) -> str | None:
    """Why a file cannot be made at ``path``, or None."""
    if os.path.isdir(path):
        return f"{str(path)!r} is a folder; name a file in it"
    if not os.path.isdir(path.parent):
        return f"there is no folder {str(path.parent)!r}; make it, or name another"
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a device would be replaced by a file
            return f"{str(path)!r} is no ordinary file; name another"
    except FileNotFoundError:
        pass
    except OSError as error:
        return f"{str(path)!r} cannot be written ({error.strerror}); name another"
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        return f"{str(path.parent)!r} cannot be written to ({error.strerror}); name another folder"
    return None


def _same(path: Path, other: Path) -> bool:
    return os.path.normcase(os.path.realpath(path)) == os.path.normcase(os.path.realpath(other))
