import numpy as np
import pytest

from syncdiffusion.core.panorama.seam import rolled, seam


def wave(width=256, height=16):
    x = 2 * np.pi * np.arange(width) / width
    row = 0.5 + 0.2 * np.sin(3 * x) + 0.2 * np.cos(7 * x + 1)
    return np.broadcast_to(row, (height, width))[..., None].astype(np.float32)


def test_a_loop_has_no_seam_and_a_cut_has():
    assert seam(wave()).rank < 0.9
    cut = seam(wave()[:, :200])
    assert cut.rank == 1.0
    assert cut.step > 3 * cut.usual


def test_rolled_by_half_the_join_is_in_the_middle():
    cut = wave()[:, :200]
    middle = rolled(cut)
    assert np.array_equal(middle[:, 100], cut[:, 0])
    assert np.abs(middle[:, 100] - middle[:, 99]).mean() == pytest.approx(seam(cut).step)
    assert np.array_equal(rolled(cut.swapaxes(0, 1), axis=0), middle.swapaxes(0, 1))
    assert seam(cut.swapaxes(0, 1), axis=0) == seam(cut)


def test_a_flat_picture_has_a_rank_like_any():
    assert seam(np.full((8, 64, 3), 0.3)).rank == 0.5
    with pytest.raises(ValueError, match="take a larger picture"):
        seam(np.zeros((8, 8, 3)))
