"""What the coherence term asks of a perceptual distance."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class PerceptualDistance(Protocol):
    """A distance L between pictures, split so that the anchor's features are computed once.

    Images are (B, 3, H, W) in [0, 1].
    """

    def features(self, images: Tensor) -> list[Tensor]:
        """What the distance looks at, one tensor for each layer, batch first."""

    def distance(self, features: list[Tensor], anchor: list[Tensor]) -> Tensor:
        """L between every image of a batch and the one anchor: shape (B,)."""
