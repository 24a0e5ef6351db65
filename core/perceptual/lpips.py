"""LPIPS (Zhang et al., CVPR 2018), version 0.1: equal to the ``lpips`` package, with the anchor's features reusable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .backbones import alexnet_features, squeezenet_features, vgg16_features

# Inside the square root: the gradient of a norm is infinite at a zero feature vector, and one NaN poisons a panorama.
NORM_GUARD = 1e-20
NORM_EPSILON = 1e-10  # as lpips has it, outside the square root


@dataclass(frozen=True)
class Trunk:
    """A backbone of LPIPS: its layers, where it is cut into slices, and the channels after each slice."""

    layers: Callable[[], list[nn.Module]]
    cuts: tuple[int, ...]
    channels: tuple[int, ...]


TRUNKS: Mapping[str, Trunk] = {
    "vgg": Trunk(vgg16_features, (4, 9, 16, 23, 30), (64, 128, 256, 512, 512)),
    "alex": Trunk(alexnet_features, (2, 5, 8, 10, 12), (64, 192, 384, 256, 256)),
    "squeeze": Trunk(squeezenet_features, (2, 5, 8, 10, 11, 12, 13), (64, 128, 256, 384, 384, 512, 512)),
}


class _Scaling(nn.Module):
    """From [-1, 1] to what the trunks were trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None])
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450])[None, :, None, None])


class LPIPS(nn.Module):
    """The learned perceptual distance with the trunk ``vgg``, ``alex`` or ``squeeze``.

    Its state dict is that of ``lpips.LPIPS(net=...)``. Weights start random: load them.
    """

    def __init__(self, trunk: str) -> None:
        super().__init__()
        spec = TRUNKS[trunk]
        self.scaling_layer = _Scaling()
        self.net = nn.Module()
        layers = spec.layers()
        for number, (start, end) in enumerate(zip((0, *spec.cuts), spec.cuts, strict=False), start=1):
            piece = nn.Sequential()
            for index in range(start, end):
                piece.add_module(str(index), layers[index])
            self.net.add_module(f"slice{number}", piece)
        for number, channels in enumerate(spec.channels):
            # Entry 0 of lpips's sequence is a dropout, which does nothing when a model is used.
            head = nn.Sequential(nn.Identity(), nn.Conv2d(channels, 1, 1, bias=False))
            self.add_module(f"lin{number}", nn.ModuleDict({"model": head}))
        self._layers = len(spec.channels)
        self.requires_grad_(False).eval()

    def features(self, images: Tensor) -> list[Tensor]:
        """Unit-normalised features of every slice for images (B, 3, H, W) in [0, 1]."""
        x = (2 * images - 1 - self.scaling_layer.shift) / self.scaling_layer.scale
        features = []
        for piece in self.net.children():
            x = piece(x)
            features.append(x)
        return [unit_features(x) for x in features]

    def distance(self, features: list[Tensor], anchor: list[Tensor]) -> Tensor:
        """Weighted squared differences, averaged over space and summed over slices: (B,)."""
        total = 0
        for number, (mine, other) in enumerate(zip(features, anchor, strict=True)):
            head = self.get_submodule(f"lin{number}")["model"]
            total = total + head((mine - other).square()).mean(dim=(1, 2, 3))
        return total


def unit_features(features: Tensor) -> Tensor:
    """Feature vectors (B, C, H, W) at unit length over the channels."""
    norm = torch.sqrt(torch.sum(features**2, dim=1, keepdim=True) + NORM_GUARD)
    return features / (norm + NORM_EPSILON)
