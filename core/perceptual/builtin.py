"""The built-in perceptual distance: LPIPS's formula on a small network of our own, which needs no foreign weights.

The network was trained to tell moods, scenes and styles of the built-in model's landscapes apart; its heads are gone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from .lpips import unit_features


class BuiltinDistance(nn.Module):
    """Unit-normalised channel differences, squared, averaged over space and summed over layers.

    Each level of ``channels`` halves the picture and has two convolutions with ReLU, the second of which is a layer of
    the distance. There are no linear heads: every channel counts alike. Weights start random: load them.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(after, after, 3, padding=1),
                nn.ReLU(),
            )
            for before, after in zip((3, *channels), channels, strict=False)
        )
        self.requires_grad_(False).eval()

    def features(self, images: Tensor) -> list[Tensor]:
        """Unit-normalised features of every level for images (B, 3, H, W) in [0, 1]."""
        x = 2 * images - 1
        features = []
        for level in self.levels:
            x = level(x)
            features.append(unit_features(x))
        return features

    def distance(self, features: list[Tensor], anchor: list[Tensor]) -> Tensor:
        """Between 0 and twice the number of levels: (B,)."""
        return sum(
            (mine - other).square().sum(dim=1).mean(dim=(1, 2)) for mine, other in zip(features, anchor, strict=True)
        )


def read_builtin_distance(folder: Path) -> BuiltinDistance:
    """The distance that comes with the built-in model: ``config.json`` and ``model.safetensors`` of a folder."""
    from safetensors.torch import load_file

    network = BuiltinDistance(json.loads((folder / "config.json").read_text(encoding="utf-8"))["channels"])
    network.load_state_dict({name: value.float() for name, value in load_file(folder / "model.safetensors").items()})
    return network
