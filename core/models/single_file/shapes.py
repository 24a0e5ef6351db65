"""Asking a header for shapes: what is missing or impossible is told of the file."""

from __future__ import annotations

from .header import DamagedFileError, Header

HEAD_WIDTH = 64


def shape_of(header: Header, name: str, rank: int | None = None) -> tuple[int, ...]:
    """The shape of a tensor that must be there, of ``rank`` axes where that is given. Raises DamagedFileError."""
    info = header.tensors.get(name)
    if info is None:
        raise DamagedFileError(header.name, f"is incomplete: it lacks {name}")
    if (rank is not None and len(info.shape) != rank) or 0 in info.shape:
        raise DamagedFileError(header.name, f"is damaged: {name} has the impossible shape {list(info.shape)}")
    return info.shape


def count_indices(header: Header, prefix: str) -> int:
    """How many indices follow the prefix; they must run from 0 without a gap. Raises DamagedFileError."""
    found = {name[len(prefix) :].split(".", 1)[0] for name in header.tensors if name.startswith(prefix)}
    missing = [index for index in range(len(found)) if str(index) not in found]
    if missing or not found:
        raise DamagedFileError(header.name, f"is incomplete: it lacks {prefix}{missing[0] if missing else 0}")
    return len(found)


def heads_of(width: int) -> int:
    """The number of attention heads of 64 channels, at least one; fewer where they would not divide the width."""
    heads = max(1, width // HEAD_WIDTH)
    while width % heads:
        heads -= 1
    return heads
