"""OpenEXR files of scene-linear light, written and read here.

Not by the package OpenEXR: Blender's own libraries of that name are of other versions, and in one process the functions
of the one call those of the other. Its writer failed so in Blender 4.3.

Written: half-float, in scan lines, with ZIP. Read: also full floats, and files without compression.
The layout is described at https://openexr.com/en/latest/OpenEXRFileLayout.html.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

MAGIC = b"\x76\x2f\x31\x01"
_VERSION = 2
_TILED_DEEP_OR_PARTS = 0x1A00  # bits of the version
_NONE, _ZIPS, _ZIP = 0, 2, 3  # compressions
_LINES = {_NONE: 1, _ZIPS: 1, _ZIP: 16}  # of a chunk
_NAMES = ("NONE", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB", "HTJ2K256", "HTJ2K32")
_HALF, _FLOAT = 1, 2  # types of pixels; 0 are whole numbers
_TYPES = {_HALF: "<f2", _FLOAT: "<f4"}
_LEVEL = 4  # of zlib, as OpenEXR's own writer


def write_exr(file: IO[bytes], light: np.ndarray, request: dict[str, Any], key: str, xmp: str) -> None:
    """Write scene-linear pixels (H, W, 3) as half-float, without loss but for that. Raises OSError."""
    import numpy as np

    height, width, _ = light.shape
    box = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channels = b"".join(name + b"\0" + struct.pack("<iB3xii", _HALF, 0, 1, 1) for name in (b"B", b"G", b"R"))
    header = [
        ("channels", "chlist", channels + b"\0"),
        ("compression", "compression", bytes([_ZIP])),
        ("dataWindow", "box2i", box),
        ("displayWindow", "box2i", box),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1.0)),
        (key, "string", json.dumps(request).encode()),
        ("xmp", "string", xmp.encode()),
    ]
    file.write(MAGIC + struct.pack("<i", _VERSION))
    for name, kind, value in header:
        file.write(name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value)
    file.write(b"\0")
    starts = range(0, height, _LINES[_ZIP])
    table = file.tell()
    file.write(bytes(8 * len(starts)))
    offsets = []
    for start in starts:  # one after another: no second picture in memory, and other threads get their turn
        lines = light[start : start + _LINES[_ZIP]]
        planes = np.ascontiguousarray(lines[..., ::-1].transpose(0, 2, 1), dtype="<f2")  # line, channel, pixel
        data = _packed(planes.view(np.uint8).ravel())
        offsets.append(file.tell())
        file.write(struct.pack("<2i", start, len(data)) + data)
    end = file.tell()
    file.seek(table)
    file.write(struct.pack(f"<{len(offsets)}Q", *offsets))
    file.seek(end)


def read_exr(path: Path) -> np.ndarray:
    """Scene-linear pixels (H, W, 3), float32. Raises OSError where the file is no EXR in colour that can be read."""
    import numpy as np

    data = path.read_bytes()
    try:
        header, place = _parse(data)
        channels, compression, width, height, top = _checked(header)
        line_types = [np.dtype(_TYPES[kind]) for _, kind in channels]
        line_bytes = sum(kind.itemsize for kind in line_types) * width
        light = np.empty((height, width, 3), np.float32)
        count = -(-height // _LINES[compression])
        for offset in struct.unpack_from(f"<{count}Q", data, place):
            y, size = struct.unpack_from("<2i", data, offset)
            first = y - top
            lines = min(_LINES[compression], height - first)
            piece = np.frombuffer(data, np.uint8, size, offset + 8)
            if compression != _NONE and size < lines * line_bytes:
                piece = _unpacked(piece)
            rows, begin = piece.reshape(lines, line_bytes), 0
            for (name, _), kind in zip(channels, line_types, strict=True):
                end = begin + width * kind.itemsize
                if name in "RGB":
                    values = np.ascontiguousarray(rows[:, begin:end]).view(kind)
                    light[first : first + lines, :, "RGB".index(name)] = values
                begin = end
    except (struct.error, ValueError, IndexError, zlib.error) as error:
        raise OSError("it is damaged") from error
    return light


def read_header(path: Path) -> dict[str, Any]:
    """The attributes of the header, texts and boxes decoded; reads no pixels. Raises OSError."""
    with path.open("rb") as file:
        data = b""
        while piece := file.read(1 << 16):
            data += piece
            try:
                return _parse(data)[0]
            except (struct.error, ValueError, IndexError):
                continue  # it goes on
    raise OSError("it is damaged")


def is_exr(path: Path) -> bool:
    """Whether a file begins as an EXR does. Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def _parse(data: bytes) -> tuple[dict[str, Any], int]:
    """The header's attributes, and where what comes after it begins."""
    magic, version = struct.unpack_from("<4si", data)
    if magic != MAGIC:
        raise OSError("it is no OpenEXR file")
    if version & _TILED_DEEP_OR_PARTS:
        raise OSError("it is tiled, deep or of several parts; save it as a single part in scan lines")
    header, place = {}, 8
    while data[place] != 0:
        name, place = _word(data, place)
        kind, place = _word(data, place)
        (size,) = struct.unpack_from("<i", data, place)
        place += 4
        if size < 0 or place + size > len(data):
            raise ValueError(name)
        header[name] = _value(kind, data[place : place + size])
        place += size
    return header, place + 1


def _word(data: bytes, place: int) -> tuple[str, int]:
    end = data.index(b"\0", place)
    return data[place:end].decode(), end + 1


def _value(kind: str, data: bytes) -> Any:
    if kind == "string":
        return data.decode()
    if kind == "box2i":
        left, top, right, bottom = struct.unpack("<4i", data)
        return (left, top), (right, bottom)
    if kind == "chlist":
        return list(_channels(data))
    return data


def _channels(data: bytes) -> Iterator[tuple[str, int]]:
    """Name and type of each channel, in the order in which they lie in a line."""
    place = 0
    while data[place] != 0:
        name, place = _word(data, place)
        kind, _, across, down = struct.unpack_from("<iB3xii", data, place)
        place += 16
        if (across, down) != (1, 1) or kind not in _TYPES:
            raise OSError("its channels are subsampled or of whole numbers; save it in RGB, half or full float")
        yield name, kind


def _checked(header: dict[str, Any]) -> tuple[list[tuple[str, int]], int, int, int, int]:
    """Channels, compression, width, height and the number of the first line. Raises OSError for what is not read."""
    if missing := {"channels", "compression", "dataWindow"} - header.keys():
        raise ValueError(missing)
    channels, compression = header["channels"], header["compression"][0]
    if not {"R", "G", "B"} <= {name for name, _ in channels}:
        raise OSError("it has no channels R, G and B")
    if compression not in _LINES:
        name = _NAMES[compression] if compression < len(_NAMES) else f"number {compression}"
        raise OSError(f"its compression is {name}; save it with ZIP, or with none")
    (left, top), (right, bottom) = header["dataWindow"]
    return channels, compression, right - left + 1, bottom - top + 1, top


def _packed(raw: np.ndarray) -> bytes:
    """Bytes as ZIP keeps them: even and odd ones apart, as differences, deflated; raw where that gains nothing."""
    import numpy as np

    apart = np.concatenate((raw[0::2], raw[1::2]))
    differences = apart.copy()
    differences[1:] -= apart[:-1]
    differences[1:] += 128
    data = zlib.compress(differences.tobytes(), _LEVEL)
    return data if len(data) < raw.size else raw.tobytes()


def _unpacked(data: np.ndarray) -> np.ndarray:
    import numpy as np

    differences = np.frombuffer(zlib.decompress(data), np.uint8).copy()
    differences[1:] += 128
    apart = np.cumsum(differences, dtype=np.uint8)
    raw = np.empty_like(apart)
    half = (raw.size + 1) // 2
    raw[0::2], raw[1::2] = apart[:half], apart[half:]
    return raw
