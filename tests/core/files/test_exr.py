import numpy as np
import pytest

from syncdiffusion.core.files.exr import read_exr, read_header
from syncdiffusion.core.files.images import XMP, ImageError, check_image, picture_size, read_request
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.result import Result

REQUEST = {"prompt": "日本", "files": {"model": {"name": "m", "sha256": "1"}}}


def write(path, light):
    nothing = np.empty(0, np.float32)
    Outputs(path).write(Result(light, nothing, nothing, nothing, REQUEST), dict)


def test_light_comes_back_with_its_request_and_its_mark(tmp_path):
    light = np.random.default_rng(0).random((16, 32, 3)).astype(np.float16) * np.float16(900)
    write(tmp_path / "w.exr", light)
    assert np.array_equal(read_exr(tmp_path / "w.exr").astype(np.float16), light)
    assert read_header(tmp_path / "w.exr")["xmp"] == XMP
    assert read_request(tmp_path / "w.exr") == REQUEST
    assert picture_size(tmp_path / "w.exr") == (32, 16)
    assert [p.name for p in tmp_path.iterdir()] == ["w.exr"]


def test_what_is_damaged_is_said_to_be(tmp_path):
    write(tmp_path / "w.exr", np.zeros((16, 32, 3), np.float16))
    data = (tmp_path / "w.exr").read_bytes()
    (tmp_path / "cut.exr").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match="is not a picture that can be read"):
        check_image(tmp_path / "cut.exr")


def test_a_file_says_what_it_can_hold(tmp_path):
    from syncdiffusion.core.errors import InvalidRequestError

    with pytest.raises(InvalidRequestError, match="name an .exr, or take --range ldr"):
        Outputs(tmp_path / "w.png").check_range(True)
    with pytest.raises(InvalidRequestError, match="is for --target world with --range expanded"):
        Outputs(tmp_path / "w.exr").check_range(False)
    Outputs(tmp_path / "w.exr").check_range(True)
