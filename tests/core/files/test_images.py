"""Pictures on disk."""

import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageFile

from syncdiffusion.core.files.images import XMP, ImageError, check_image, read_request, read_square, write_png

REQUEST = {"prompt": "日本の湖\n", "seed": 1, "files": {"model": {"name": "m", "sha256": "0"}}}


@pytest.fixture
def made(tmp_path):
    """A picture of ours."""
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    with (tmp_path / "made.png").open("wb") as file:
        write_png(file, pixels, REQUEST)
    return tmp_path / "made.png"


def test_what_is_written_is_read(made):
    assert read_request(made) == REQUEST
    with Image.open(made) as picture:
        assert np.array_equal(np.asarray(picture).ravel(), np.arange(72))
        assert json.loads(picture.text["syncdiffusion"]) == REQUEST
        assert picture.text["XML:com.adobe.xmp"] == XMP


def test_the_mark_of_machine_made_media():
    (mark,) = ElementTree.fromstring(XMP).iter("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert mark.text == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def test_pillow_is_left_as_it_was():
    """While it writes it works in shorter pieces."""
    usual, seen = ImageFile.MAXBLOCK, []

    class Watched(io.BytesIO):
        def write(self, data):
            seen.append(ImageFile.MAXBLOCK)
            return super().write(data)

    write_png(Watched(), np.zeros((4, 6, 3), np.uint8), REQUEST)
    assert max(seen) < usual == ImageFile.MAXBLOCK
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(ValueError, match="closed file"):
        write_png(closed, np.zeros((4, 6, 3), np.uint8), REQUEST)
    assert usual == ImageFile.MAXBLOCK


def test_the_chunks_lie_before_the_pixels(made):
    content = made.read_bytes()
    assert content.index(b"tEXtsyncdiffusion\0") < content.index(b"IDAT")
    assert content.index(b"iTXtXML:com.adobe.xmp\0") < content.index(b"IDAT")


def test_other_text_is_passed_over(made):
    content = made.read_bytes()
    start = content.index(b"tEXt") - 4
    other = bytes.fromhex("00000005") + b"tEXta\0\0\0\0" + b"\0\0\0\0"
    made.write_bytes(content[:start] + other + content[start:])
    assert read_request(made) == REQUEST


@pytest.mark.parametrize("end", [0, 8, 20, 40])
def test_a_picture_cut_off_before_its_request(made, end):
    made.write_bytes(made.read_bytes()[:end])
    with pytest.raises(ImageError, match="is not a PNG" if end < 8 else "holds no request"):
        read_request(made)


@pytest.mark.parametrize("size", [(64, 64), (200, 64), (10, 30)])
def test_a_square_from_the_centre(tmp_path, size):
    picture = Image.new("RGB", size, "white")
    picture.paste((255, 0, 0), (size[0] // 2 - 2, size[1] // 2 - 2, size[0] // 2 + 2, size[1] // 2 + 2))
    picture.save(tmp_path / "a.png")
    square = read_square(tmp_path / "a.png", 32)
    assert (square.shape, square.dtype) == ((32, 32, 3), np.float32)
    assert square.min() >= 0
    assert square.max() <= 1
    assert square[16, 16].argmax() == 0
    assert square[16, 16, 1] < 0.5
    assert square[0, 0].min() > 0.99


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16", "F"])
def test_any_kind_of_picture(tmp_path, mode):
    file = tmp_path / ("a.tif" if mode in ("CMYK", "F") else "a.png")
    Image.new(mode, (16, 16)).save(file)
    check_image(file)
    assert read_square(file, 8).shape == (8, 8, 3)


def test_upright_as_its_camera_held_it(tmp_path):
    picture = Image.new("RGB", (8, 8), "black")
    picture.paste("white", (0, 0, 8, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    picture.save(tmp_path / "a.png", exif=exif)
    square = read_square(tmp_path / "a.png", 8)
    assert square[4, 7].min() > 0.9
    assert square[4, 0].max() < 0.1


def test_what_is_no_picture(tmp_path):
    (tmp_path / "a.png").write_text("a lake")
    with pytest.raises(ImageError, match="a.png' is not a picture that can be read"):
        check_image(tmp_path / "a.png")
    with pytest.raises(ImageError, match="cannot be read"):
        read_square(tmp_path / "a.png", 8)
    with pytest.raises(ImageError, match="there is no file"):
        check_image(tmp_path / "gone.png")


def test_writing_to_a_full_disk(made):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_png(Full(), np.zeros((4, 4, 3), np.uint8), REQUEST)


def test_sixteen_bits_of_grey_keep_their_shades(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    Image.fromarray(ramp).save(tmp_path / "grey.png")
    square = read_square(tmp_path / "grey.png", 64)
    assert np.abs(square[:, :, 0] - ramp / 65535).max() < 0.01
