"""Half-float OpenEXR with the request and the mark of machine-made media in its header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

MAGIC = b"\x76\x2f\x31\x01"


def write_exr(path: Path, light: np.ndarray, request: dict[str, Any], key: str, xmp: str) -> None:
    """Write scene-linear pixels (H, W, 3) as half-float, without loss but for that. Raises OSError."""
    import numpy as np
    import OpenEXR

    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        key: json.dumps(request),
        "xmp": xmp,
    }
    try:
        OpenEXR.File(header, {"RGB": np.ascontiguousarray(light, dtype=np.float16)}).write(str(path))
    except RuntimeError as error:
        raise OSError(str(error)) from error


def read_exr(path: Path) -> np.ndarray:
    """Scene-linear pixels (H, W, 3), float32. Raises OSError where the file is no EXR in colour."""
    import numpy as np
    import OpenEXR

    try:
        channels = OpenEXR.File(str(path)).channels()
    except RuntimeError as error:
        raise OSError(str(error)) from error
    colour = channels.get("RGB", channels.get("RGBA"))
    if colour is None:
        raise OSError("it has no channels R, G and B")
    return np.asarray(colour.pixels, dtype=np.float32)[..., :3]


def read_header(path: Path) -> dict[str, Any]:
    """The attributes of the header; reads no pixels. Raises OSError."""
    import OpenEXR

    try:
        return dict(OpenEXR.File(str(path), header_only=True).header())
    except RuntimeError as error:
        raise OSError(str(error)) from error


def is_exr(path: Path) -> bool:
    """Whether a file begins as an EXR does. Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) == MAGIC
