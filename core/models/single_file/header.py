"""Headers of safetensors files, read and checked with the standard library alone.

A safetensors file is eight bytes with the length of a JSON header, the header, then the tensors' bytes. The header
says what a model is without reading its gigabytes, so a wrong or broken file is refused at once: before torch is
imported and before any memory is taken.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from pathlib import Path

# The library's own limit; a larger number is some other format's first eight bytes.
MAX_HEADER_BYTES = 100_000_000

BITS_PER_ELEMENT = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}

# What people pick by mistake, by its first bytes.
OTHER_FORMATS = (
    (b"PK\x03\x04", "a pickled PyTorch checkpoint or an archive, whatever its name ends with"),
    (b"\x80", "a pickled PyTorch checkpoint, whatever its name ends with"),
    (b"GGUF", "a GGUF file"),
    (b"version https://git-lfs", "a Git LFS pointer that stands for the real file"),
    (b"<", "a web page, perhaps an error or a login page saved in place of the download"),
    (b"\x89PNG", "a PNG image"),
)


class CheckpointError(Exception):
    """A checkpoint that cannot be used.

    ``sentence`` says why, in words for the user, and leaves its subject to whoever shows it ("looks like SDXL; ...");
    ``str()`` puts the file's name before it.
    """

    def __init__(self, file_name: str, sentence: str) -> None:
        super().__init__(f"{file_name} {sentence}")
        self.sentence = sentence


class WrongKindError(CheckpointError):
    """The file is not what is needed here: another format, another family of models, or only a part of a model."""


class DamagedFileError(CheckpointError):
    """The file is of the right kind but truncated, corrupted, or lacks weights."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of a file: its dtype as safetensors names it, its shape, and where its bytes lie in the data."""

    dtype: str
    shape: tuple[int, ...]
    begin: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """What a safetensors file says of itself.

    ``data_start`` is the position in the file from which the tensors' offsets count. ``path`` is None for a header
    that stands for no file.
    """

    tensors: dict[str, TensorInfo]
    metadata: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    data_start: int = 0

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.name if self.path is not None else "the file"


def read_header(path: str | Path) -> Header:
    """Read and check the header of a safetensors file, without reading its tensors.

    Raises:
        WrongKindError: the file is not a safetensors file.
        DamagedFileError: it is one, but truncated, too long, or with a broken header.
        OSError: the file is missing or unreadable.
    """
    path = Path(path)
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        start = file.read(64)
        length = _header_length(path.name, start, size)
        file.seek(8)
        text = file.read(length)
    entries = _parse(path.name, text)
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise DamagedFileError(path.name, "has a damaged header: its metadata are not pairs of texts")
    tensors = {name: _tensor_info(path.name, name, entry) for name, entry in entries.items()}
    _check_offsets(path.name, tensors, size - 8 - length)
    return Header(tensors, metadata, path, 8 + length)


def read_values(header: Header, name: str) -> list[float] | None:
    """Read the values of one (small) tensor; None where the header stands for no file or the dtype is not a float.

    Raises:
        OSError: the file has become unreadable.
    """
    info = header.tensors[name]
    if header.path is None or info.dtype not in ("F16", "BF16", "F32", "F64"):
        return None
    with header.path.open("rb") as file:
        file.seek(header.data_start + info.begin)
        data = file.read(info.end - info.begin)
    if info.dtype == "BF16":  # the upper half of a float32
        data = b"".join(b"\0\0" + data[i : i + 2] for i in range(0, len(data), 2))
    letter = {"F16": "e", "BF16": "f", "F32": "f", "F64": "d"}[info.dtype]
    return list(struct.unpack(f"<{len(data) // struct.calcsize(letter)}{letter}", data))


def _header_length(name: str, start: bytes, size: int) -> int:
    if size == 0:
        raise DamagedFileError(name, "is empty; download or copy it again")
    for magic, kind in OTHER_FORMATS:
        # A length whose lowest byte happens to be "<" or 0x80 is told apart by the brace of the JSON that follows.
        if start.startswith(magic) and start[8:9] != b"{":
            raise WrongKindError(name, f"is not a safetensors file: it looks like {kind}")
    if size < 8:
        raise WrongKindError(name, f"is not a safetensors file: it has only {size} bytes")
    length = struct.unpack("<Q", start[:8])[0]
    if not 2 <= length <= MAX_HEADER_BYTES or (size > 8 and start[8:9] != b"{"):
        raise WrongKindError(name, "is not a safetensors file")
    if 8 + length > size:
        raise DamagedFileError(name, "is truncated: it ends within its header; download or copy it again")
    return length


def _parse(name: str, text: bytes) -> dict[str, object]:
    try:
        entries = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(name, "has a damaged header: it is not valid JSON") from error
    if not isinstance(entries, dict):
        raise DamagedFileError(name, "has a damaged header: it is not a table of tensors")
    return entries


def _tensor_info(file_name: str, name: str, entry: object) -> TensorInfo:
    wrong = DamagedFileError(file_name, f"has a damaged header: the entry of the tensor {name!r} makes no sense")
    if not isinstance(entry, dict):
        raise wrong
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or not _are_counts(shape) or not _are_counts(offsets) or len(offsets) != 2:
        raise wrong
    begin, end = offsets
    bits = BITS_PER_ELEMENT.get(dtype)  # dtypes younger than this table go unchecked
    if begin > end or (bits is not None and math.prod(shape) * bits != (end - begin) * 8):
        raise wrong
    return TensorInfo(dtype, tuple(shape), begin, end)


def _are_counts(values: object) -> bool:
    # `type(...) is int`, because JSON's true is an int to isinstance.
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _check_offsets(name: str, tensors: dict[str, TensorInfo], data_bytes: int) -> None:
    """The tensors' bytes must follow each other without gap or overlap and fill the rest of the file."""
    position = 0
    for begin, end in sorted((info.begin, info.end) for info in tensors.values()):
        if begin != position:
            raise DamagedFileError(name, "has a damaged header: its tensors overlap or leave gaps")
        position = end
    if position > data_bytes:
        raise DamagedFileError(
            name, f"is truncated: {data_bytes} of {position} bytes of weights are there; download or copy it again"
        )
    if position < data_bytes:
        raise DamagedFileError(
            name, f"is damaged: {data_bytes - position} bytes follow its last tensor; download or copy it again"
        )
