import numpy as np
import OpenEXR
import pytest

from syncdiffusion.core.files.exr import read_exr, read_header
from syncdiffusion.core.files.images import XMP, ImageError, check_image, picture_size, read_request
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.result import Result

REQUEST = {"prompt": "日本", "files": {"model": {"name": "m", "sha256": "1"}}}


def write(path, light):
    nothing = np.empty(0, np.float32)
    Outputs(path).write(Result(light, nothing, nothing, nothing, REQUEST), dict)


def some_light(height, width):
    return np.random.default_rng(0).random((height, width, 3)).astype(np.float16) * np.float16(900)


def theirs(path, channels, compression=OpenEXR.ZIP_COMPRESSION, kind=OpenEXR.scanlineimage):
    """Write as the reference implementation does."""
    header = {"compression": compression, "type": kind}
    if kind == OpenEXR.tiledimage:
        header["tiles"] = OpenEXR.TileDescription()
    OpenEXR.File(header, channels).write(str(path))


def test_light_comes_back_with_its_request_and_its_mark(tmp_path):
    light = some_light(16, 32)
    write(tmp_path / "w.exr", light)
    assert np.array_equal(read_exr(tmp_path / "w.exr").astype(np.float16), light)
    assert read_header(tmp_path / "w.exr")["xmp"] == XMP
    assert read_request(tmp_path / "w.exr") == REQUEST
    assert picture_size(tmp_path / "w.exr") == (32, 16)
    assert [p.name for p in tmp_path.iterdir()] == ["w.exr"]


@pytest.mark.parametrize("height", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("smooth", [True, False])  # what deflates and what does not
def test_the_reference_implementation_reads_what_is_written(tmp_path, height, smooth):
    light = np.ones((height, 33, 3), np.float16) if smooth else some_light(height, 33)
    write(tmp_path / "w.exr", light)
    file = OpenEXR.File(str(tmp_path / "w.exr"))
    assert np.array_equal(file.channels()["RGB"].pixels, light)
    assert file.header()["xmp"] == XMP


@pytest.mark.parametrize("compression", ["NO_COMPRESSION", "ZIPS_COMPRESSION", "ZIP_COMPRESSION"])
@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("with_alpha", [True, False])
def test_what_the_reference_implementation_writes_is_read(tmp_path, compression, kind, with_alpha):
    light = some_light(37, 20).astype(kind)
    pixels = np.dstack((light, np.ones((37, 20, 1), kind))) if with_alpha else light
    channels = {"RGBA" if with_alpha else "RGB": pixels, "Z": np.zeros((37, 20), np.float32)}
    theirs(tmp_path / "t.exr", channels, getattr(OpenEXR, compression))
    assert np.array_equal(read_exr(tmp_path / "t.exr"), light.astype(np.float32))
    assert picture_size(tmp_path / "t.exr") == (20, 37)


def test_what_is_not_read_is_said_to_be(tmp_path):
    light = some_light(32, 32)
    theirs(tmp_path / "t.exr", {"RGB": light}, OpenEXR.PIZ_COMPRESSION)
    with pytest.raises(OSError, match="its compression is PIZ; save it with ZIP, or with none"):
        read_exr(tmp_path / "t.exr")
    theirs(tmp_path / "t.exr", {"RGB": light}, kind=OpenEXR.tiledimage)
    with pytest.raises(OSError, match="it is tiled, deep or of several parts"):
        read_exr(tmp_path / "t.exr")
    theirs(tmp_path / "t.exr", {"Y": light[..., 0].copy()})
    with pytest.raises(OSError, match="it has no channels R, G and B"):
        read_exr(tmp_path / "t.exr")


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5, 0.99])
def test_what_is_damaged_is_said_to_be(tmp_path, share):
    write(tmp_path / "w.exr", some_light(64, 64))
    data = (tmp_path / "w.exr").read_bytes()
    (tmp_path / "cut.exr").write_bytes(data[: max(int(len(data) * share), 4)])
    with pytest.raises(OSError, match="it is damaged"):
        read_exr(tmp_path / "cut.exr")
    with pytest.raises(ImageError, match="is not a picture that can be read"):
        check_image(tmp_path / "cut.exr")


def test_a_file_says_what_it_can_hold(tmp_path):
    from syncdiffusion.core.errors import InvalidRequestError

    with pytest.raises(InvalidRequestError, match="name an .exr, or take --range ldr"):
        Outputs(tmp_path / "w.png").check_range(True)
    with pytest.raises(InvalidRequestError, match="is for --target world with --range expanded"):
        Outputs(tmp_path / "w.exr").check_range(False)
    Outputs(tmp_path / "w.exr").check_range(True)
