import numpy as np
import pytest

from syncdiffusion.core.files.latents import read_latents


def test_latents_are_read(tmp_path):
    np.savez(tmp_path / "z.npz", latents=np.ones((1, 4, 2, 3)))
    assert read_latents(tmp_path / "z.npz").dtype == np.float32


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"z": np.ones(3)}, "no array named 'latents'"),
        ({"latents": np.array([1, 2])}, "int64, not floating point"),
        ({"latents": np.array([np.nan])}, "NaN"),
        ({"latents": np.array([{}], dtype=object)}, "not an .npz file that can be read"),
    ],
)
def test_wrong_latents(tmp_path, arrays, sentence):
    np.savez(tmp_path / "z.npz", **arrays)
    with pytest.raises(ValueError, match=sentence):
        read_latents(tmp_path / "z.npz")


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        read_latents(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match="is not an"):
        read_latents(tmp_path / "text.npz")
