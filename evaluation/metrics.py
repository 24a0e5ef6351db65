"""The metrics of Section 5 and the appendix, as functions of pictures' features. What looks is in ``networks.py``."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ..core.models.libraries import import_diffusers

T = TypeVar("T")

NEIGHBOURS = 8  # K of KNN-GIQA, Section 6.2


def windows_of(panorama: np.ndarray, window: int) -> list[np.ndarray]:
    """The windows side by side, without overlap, that a panorama (H, W, 3) consists of: six of one of 512 x 3072."""
    height, width = panorama.shape[:2]
    return [
        panorama[top : top + window, left : left + window]
        for top in range(0, height - window + 1, window)
        for left in range(0, width - window + 1, window)
    ]


def intra(windows: Sequence[T], distance: Callable[[T, T], float]) -> float:
    """Mean distance over all pairs of windows of one panorama: 15 pairs of six windows. NaN for a single window."""
    distances = [distance(a, b) for a, b in itertools.combinations(windows, 2)]
    return float(np.mean(distances)) if distances else float("nan")


def random_crop(panorama: np.ndarray, window: int, seed: int) -> np.ndarray:
    """The one random crop of a panorama that fidelity and compatibility are measured on."""
    rng = np.random.default_rng(seed)
    top, left = (int(rng.integers(0, size - window + 1)) for size in panorama.shape[:2])
    return panorama[top : top + window, left : left + window]


def giqa(features: Tensor, reference: Tensor, neighbours: int = NEIGHBOURS) -> Tensor:
    """KNN-GIQA of every picture (N, D) against the reference set (M, D): (N,), higher is better.

    The sum of the inverse L1 distances to the K nearest, which is what the published code of GIQA (Gu et al., 2020)
    computes. Its paper writes a mean of inverse squared distances, whose scale SyncDiffusion's numbers do not have.
    """
    nearest = torch.cdist(features.double(), reference.double(), p=1).topk(neighbours, largest=False).values
    return nearest.reciprocal().sum(1)


def fid(features: Tensor, reference: Tensor) -> float:
    """Fréchet distance of the Gaussians of two sets of features (N, D), by torchmetrics."""
    import_diffusers()  # makes a torchvision that does not match torch importable, which torchmetrics needs
    from torchmetrics.image.fid import FrechetInceptionDistance

    return _compare(FrechetInceptionDistance(feature=_Given(features.shape[1])), features, reference)


def kid(features: Tensor, reference: Tensor) -> float:
    """Kernel distance of two sets of features (N, D), by torchmetrics: over whole sets, so without chance in it.

    The sets are cut to the smaller one's size.
    """
    import_diffusers()
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(len(features), len(reference))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it keeps all features
        metric = KernelInceptionDistance(feature=_Given(features.shape[1]), subsets=1, subset_size=size)
    return _compare(metric, features[:size], reference[:size])


class _Given(nn.Module):
    """In the place of a network: what comes in are features already."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.num_features = channels

    def forward(self, features: Tensor) -> Tensor:
        return features


def _compare(metric: nn.Module, features: Tensor, reference: Tensor) -> float:
    metric.update(reference.float(), real=True)
    metric.update(features.float(), real=False)
    result = metric.compute()
    return float(result[0] if isinstance(result, tuple) else result)
