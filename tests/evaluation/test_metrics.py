"""Every metric against a value worked out by hand or by a library."""

import numpy as np
import pytest
import scipy.linalg
import torch

from syncdiffusion.evaluation.metrics import fid, giqa, intra, kid, random_crop, windows_of


def test_a_panorama_is_six_windows_and_fifteen_pairs():
    panorama = np.arange(6 * 8 * 8 * 3).reshape(8, 48, 3)
    windows = windows_of(panorama, 8)
    assert len(windows) == 6
    assert np.array_equal(np.concatenate(windows, axis=1), panorama)
    pairs = []
    intra(range(6), lambda a, b: pairs.append((a, b)) or 0.0)
    assert len(pairs) == 15
    assert intra([1.0, 2.0, 4.0], lambda a, b: abs(a - b)) == pytest.approx((1 + 3 + 2) / 3)
    assert np.isnan(intra([1.0], lambda a, b: 0.0))


def test_windows_of_a_column_and_of_a_width_with_a_rest():
    assert len(windows_of(np.zeros((32, 8, 3)), 8)) == 4
    assert len(windows_of(np.zeros((8, 20, 3)), 8)) == 2


def test_one_random_crop_always_the_same():
    panorama = np.arange(8 * 48 * 3).reshape(8, 48, 3)
    crop = random_crop(panorama, 8, 5)
    assert crop.shape == (8, 8, 3)
    assert np.array_equal(crop, random_crop(panorama, 8, 5))
    assert len({random_crop(panorama, 8, seed)[0, 0, 0] for seed in range(20)}) > 10
    assert np.array_equal(random_crop(panorama[:, :8], 8, 3), panorama[:, :8])


def test_giqa_sums_inverse_distances_to_the_nearest():
    reference = torch.tensor([[0.0, 0.0], [1.0, 1.0], [4.0, 0.0], [100.0, 100.0]])
    score = giqa(torch.tensor([[2.0, 0.0], [0.0, 0.5]]), reference, neighbours=2)
    # L1 distances are 2, 2, 2, 198 and 0.5, 1.5, 4.5, 199.5.
    assert score.tolist() == pytest.approx([1 / 2 + 1 / 2, 1 / 0.5 + 1 / 1.5])
    near, far = giqa(torch.tensor([[0.5, 0.5], [50.0, 50.0]]), reference, neighbours=2)
    assert near > far


def features(count, shift=0.0, seed=0):
    return torch.randn((count, 4), generator=torch.Generator().manual_seed(seed)) * torch.arange(1, 5) + shift


def test_fid_is_the_frechet_distance():
    pytest.importorskip("torchmetrics")
    a, b = features(60), features(60, 0.7, 1)
    x, y = a.double().numpy(), b.double().numpy()
    covariances = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert fid(a, b) == pytest.approx(expected, rel=1e-3)
    assert fid(a, a) == pytest.approx(0, abs=1e-3)


def test_kid_is_the_unbiased_kernel_distance():
    pytest.importorskip("torchmetrics")
    a, b = features(30), features(40, 0.7, 1)
    x, y = a.double().numpy(), b[:30].double().numpy()  # cut to the smaller set

    def kernel(u, v):
        return (u @ v.T / 4 + 1) ** 3

    n = 30
    within = sum((kernel(z, z).sum() - np.trace(kernel(z, z))) / (n * (n - 1)) for z in (x, y))
    expected = within - 2 * kernel(x, y).mean()
    # torchmetrics draws the subset of all without order, so the sum may differ in its last digits.
    assert kid(a, b[:30]) == pytest.approx(expected, rel=1e-3)
    assert kid(a, b) == pytest.approx(expected, rel=1e-3)
    assert kid(a, features(30, 0.0, 2)) < kid(a, features(30, 3.0, 2))
