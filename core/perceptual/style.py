"""Style Loss (Gatys et al., 2015) as in Section 6.4: Gram matrices of VGG19's first five convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .backbones import vgg19_first_features

SCALE = 1e6  # Section 6.4: makes the loss's gradient of a useful size at w = 0.1


class StyleLoss(nn.Module):
    """Mean squared error between Gram matrices, summed over five convolutions, times 1e6.

    Convolutions are read before their ReLU, and a Gram matrix is divided by channels times pixels, as in the authors'
    evaluation code. Weights carry torchvision's names (``features.0.weight``) and start random: load them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*vgg19_first_features())
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[None, :, None, None], persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[None, :, None, None], persistent=False)
        self.requires_grad_(False).eval()

    def features(self, images: Tensor) -> list[Tensor]:
        """Gram matrices (B, C, C) of five convolutions for images (B, 3, H, W) in [0, 1]."""
        x = (images - self.mean) / self.std
        grams = []
        for layer in self.trunk:
            x = layer(x)
            if isinstance(layer, nn.Conv2d):
                grams.append(gram_matrix(x))
        return grams

    def distance(self, features: list[Tensor], anchor: list[Tensor]) -> Tensor:
        """Style distance of every image of a batch to the anchor: (B,)."""
        errors = [(mine - other).square().mean(dim=(1, 2)) for mine, other in zip(features, anchor, strict=True)]
        return SCALE * torch.stack(errors).sum(0)


def gram_matrix(features: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, C): inner products of channels over space, divided by C * H * W."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])
