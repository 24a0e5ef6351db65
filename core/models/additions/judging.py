"""From what stands against a file to a problem of a request."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ...errors import Problem
from ..single_file.header import CheckpointError, DamagedFileError, Header, read_header


def problem_of(setting: str, path: Path, objection: Callable[[Header], str | None]) -> Problem | None:
    """What is wrong with the file that a setting names, by its header; None if nothing.

    ``objection`` says what stands against a sound file, as a sentence without its subject.
    """
    damaged = False
    try:
        sentence = objection(read_header(path))
    except CheckpointError as error:
        sentence, damaged = error.sentence, isinstance(error, DamagedFileError)
    except OSError as error:
        sentence = f"cannot be read ({error.strerror or error})"
    return Problem(setting, f"{os.fspath(path)!r} {sentence}", damaged) if sentence else None
