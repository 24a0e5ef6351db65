"""A small classifier of mood, scene and style. Its layers are what the built-in perceptual distance looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .autoencoder import to_tensor
from .data import Pictures, open_pictures
from .landscapes import MOODS, SCENE_SHARES, STYLES
from .loop import Loop, Worker

LABELS: Mapping[str, tuple[str, ...]] = {
    "mood": (*MOODS, "none"),
    "scene": tuple(SCENE_SHARES),
    "style": tuple(STYLES),
}


class Classifier(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] to the logits of every label.

    Each level halves the size and has two convolutions; its last activations are one layer of the distance. Batch
    normalization helps the training and is folded into the convolutions when the network is exported.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for before, after in zip((3, *channels), channels, strict=False):
            self.levels.append(
                nn.Sequential(
                    nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(),
                    nn.Conv2d(after, after, 3, padding=1, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(),
                )
            )
        self.heads = nn.ModuleDict({label: nn.Linear(channels[-1], len(names)) for label, names in LABELS.items()})

    def features(self, images: Tensor) -> Tensor:
        """What the heads see: (B, channels)."""
        for level in self.levels:
            images = level(images)
        return images.mean(dim=(2, 3))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Logits by label."""
        features = self.features(images)
        return {label: head(features) for label, head in self.heads.items()}


def folded(classifier: Classifier) -> dict[str, Tensor]:
    """The levels of a classifier as plain convolutions, its batch normalizations folded into them, its heads gone.

    Convolution 0 and 3 of a level become 0 and 2: those of ``BuiltinDistance``.
    """
    weights = {}
    for number, level in enumerate(classifier.levels):
        for convolution, norm, name in ((level[0], level[1], 0), (level[3], level[4], 2)):
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            weights[f"levels.{number}.{name}.weight"] = convolution.weight * gain[:, None, None, None]
            weights[f"levels.{number}.{name}.bias"] = norm.bias - norm.running_mean * gain
    return {name: value.detach() for name, value in weights.items()}


def labels_of(pictures: Pictures, numbers: Sequence[int] | np.ndarray) -> dict[str, Tensor]:
    """The true label of every picture as an index into LABELS."""
    return {
        label: torch.tensor([names.index(pictures.words[int(n)][label]) for n in numbers])
        for label, names in LABELS.items()
    }


def altered(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Mirrored at random, and a little brighter, darker or noisier: the distance also sees half-denoised pictures."""
    mirrored = torch.from_numpy(rng.uniform(size=len(images)) < 0.5)[:, None, None, None]
    images = torch.where(mirrored, images.flip(-1), images)
    gain = torch.from_numpy(rng.uniform(0.9, 1.1, size=(len(images), 1, 1, 1))).float()
    noise = torch.from_numpy(rng.uniform(0.0, 0.15, size=(len(images), 1, 1, 1))).float()
    return images * gain + noise * torch.randn_like(images)


def train(worker: Worker, folder: Path, data: Path, config: Mapping[str, Any]) -> None:
    """The stage."""
    train_classifier(worker, folder, open_pictures(data), config["features"])


def train_classifier(worker: Worker, folder: Path, pictures: Pictures, settings: Mapping[str, Any]) -> None:
    """Train a classifier on pictures. The checkpoint's average is what is used."""
    torch.manual_seed(settings["seed"])
    network = Classifier(settings["channels"]).to(worker.device)
    optimizer = torch.optim.AdamW(network.parameters(), settings["learning_rate"], weight_decay=1e-2)
    loop = Loop(worker, folder, settings, {"classifier": network}, {"classifier": optimizer}, averaged=["classifier"])
    for _ in loop:
        rng = loop.random()
        numbers = rng.integers(len(pictures), size=settings["batch"])
        images = altered(to_tensor(pictures.images(numbers)), rng).to(worker.device)
        truth = {label: value.to(worker.device) for label, value in labels_of(pictures, numbers).items()}
        with worker.autocast():
            logits = network(images)
        # Vague words and styles do not always tell: a little smoothing keeps the heads from shouting.
        loss = sum(F.cross_entropy(logits[label].float(), truth[label], label_smoothing=0.05) for label in LABELS)
        right = {label: (logits[label].argmax(1) == truth[label]).float().mean() for label in LABELS}
        loop.update("classifier", loss, **right)
