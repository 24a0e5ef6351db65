"""Pictures on disk: reading any, writing PNG with the request and the mark of machine-made media inside."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .exr import is_exr, read_exr, read_header

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

REQUEST_KEY = "syncdiffusion"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_REQUEST_BYTES = 2**20

# IPTC Photo Metadata: digital source type "trained algorithmic media", as XMP.
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    "<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    "</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>"
    '<?xpacket end="w"?>'
)


class ImageError(Exception):
    """A picture that cannot be read; ``str()`` is a sentence."""


def check_image(path: Path) -> None:
    """Raise ImageError when ``path`` is not a picture that can be read, all of it."""
    from PIL import Image

    try:
        if is_exr(path):
            read_exr(path)
            return
        with Image.open(path) as image:
            image.load()
    except FileNotFoundError:
        raise ImageError(f"there is no file {str(path)!r}") from None
    except Exception:  # whatever Pillow's readers raise on a file that is damaged or not theirs
        raise ImageError(f"{str(path)!r} is not a picture that can be read") from None


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture, upright as its camera held it. Raises ImageError when it cannot be read."""
    check_image(path)
    if is_exr(path):
        (left, top), (right, bottom) = read_header(path)["dataWindow"]
        return int(right - left) + 1, int(bottom - top) + 1
    return _read_upright(path).size


def read_square(path: Path, size: int) -> np.ndarray:
    """The centre of a picture as a square: float32 (size, size, 3) in [0, 1], upright. Raises ImageError."""
    import numpy as np
    from PIL import Image, ImageOps

    square = ImageOps.fit(_read_upright(path), (size, size), Image.Resampling.LANCZOS)
    return np.asarray(square, dtype=np.float32) / 255


def read_picture(path: Path) -> np.ndarray:
    """A whole picture: float32 (H, W, 3) in [0, 1], upright. Raises ImageError."""
    import numpy as np

    return np.asarray(_read_upright(path), dtype=np.float32) / 255


def resized(picture: np.ndarray, width: int, height: int, *, wrap_y: bool, wrap_x: bool) -> np.ndarray:
    """A picture (H, W, C), float32, at another size (Lanczos). Where an axis wraps no edge shows in it."""
    import numpy as np
    from PIL import Image

    if picture.shape[:2] == (height, width):
        return picture
    rows, columns = picture.shape[:2]
    # What the filter reaches beyond an edge: three pixels of the smaller of the two pictures.
    pads = [
        math.ceil(3 * max(1, before / after)) + 1 if wraps else 0
        for before, after, wraps in ((rows, height, wrap_y), (columns, width, wrap_x))
    ]
    padded = np.pad(picture, ((pads[0],) * 2, (pads[1],) * 2, (0, 0)), mode="wrap")
    box = (pads[1], pads[0], pads[1] + columns, pads[0] + rows)
    channels = [
        Image.fromarray(np.ascontiguousarray(padded[..., channel])).resize(
            (width, height), Image.Resampling.LANCZOS, box=box
        )
        for channel in range(picture.shape[2])
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _read_upright(path: Path) -> Image.Image:
    """A picture in RGB, turned as its camera held it."""
    import numpy as np
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip at 255
                image = Image.fromarray((np.asarray(image, dtype=np.float32) / 257).clip(0, 255).astype(np.uint8))
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{str(path)!r} cannot be read: {error}") from error


def write_png(file: IO[bytes], pixels: np.ndarray, request: dict[str, Any]) -> None:
    """Write 8-bit pixels (H, W, 3) with ``request`` as JSON in a text chunk. Raises OSError."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text(REQUEST_KEY, json.dumps(request))
    info.add_itxt("XML:com.adobe.xmp", XMP)
    with _short_pieces():
        Image.fromarray(pixels).save(file, "PNG", pnginfo=info, compress_level=4)


@contextmanager
def _short_pieces() -> Iterator[None]:
    """Within, Pillow compresses pictures in short pieces, through each of which it holds the interpreter's lock.

    64 kB of output at a time, its own choice, take 50 ms at its usual level; Blender's window would stand still.
    """
    from PIL import ImageFile

    saved = ImageFile.MAXBLOCK
    ImageFile.MAXBLOCK = 4096
    try:
        yield
    finally:
        ImageFile.MAXBLOCK = saved


def read_request(path: Path) -> dict[str, Any]:
    """The request inside a PNG or EXR of ours, as ``Request.to_json`` gave it. Raises ImageError.

    Reads no pixels, so that pictures of any size do.
    """
    try:
        if is_exr(path):
            text = read_header(path).get(REQUEST_KEY)
            if isinstance(text, str):
                return _request_of(text.encode(), path)
            raise ImageError(
                f"{str(path)!r} holds no request of SyncDiffusion (was it saved again by another program?)"
            )
        with path.open("rb") as file:
            if file.read(8) != _SIGNATURE:
                raise ImageError(f"{str(path)!r} is not a PNG")
            while len(head := file.read(8)) == 8:
                length, kind = struct.unpack(">I4s", head)
                if kind != b"tEXt" or length > _MAX_REQUEST_BYTES:
                    file.seek(length + 4, 1)
                    continue
                content, checksum = file.read(length), file.read(4)
                key, _, text = content.partition(b"\0")
                if key == REQUEST_KEY.encode() and checksum == struct.pack(">I", zlib.crc32(kind + content)):
                    return _request_of(text, path)
    except FileNotFoundError:
        raise ImageError(f"there is no file {str(path)!r}") from None
    except OSError as error:
        raise ImageError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    raise ImageError(f"{str(path)!r} holds no request of SyncDiffusion (was it saved again by another program?)")


def _request_of(text: bytes, path: Path) -> dict[str, Any]:
    try:
        request = json.loads(text)
        named = [entry if isinstance(entry, list) else [entry] for entry in request["files"].values()]
        files = [file for several in named for file in several]
        well_formed = all(isinstance(file[key], str) for file in files for key in ("name", "sha256"))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        well_formed = False
    if not well_formed:
        raise ImageError(f"the request inside {str(path)!r} is damaged")
    return request
