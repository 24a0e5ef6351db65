"""The judge: a second classifier, trained on held-out pictures. It measures what the model makes and steers nothing.

``python -m training.judge FOLDER`` writes a trained one as ``syncdiffusion evaluate`` reads it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from .autoencoder import to_tensor
from .data import Pictures, open_pictures
from .features import LABELS, Classifier, folded, train_classifier
from .loop import CONFIG, Worker, averaged_weights, read_config

NEIGHBOURS = 8  # K of the distance to true pictures, as GIQA has it


def train(worker: Worker, folder: Path, data: Path, config: Mapping[str, Any]) -> None:
    """The stage."""
    train_classifier(worker, folder, open_pictures(data, held_out=True), config["judge"])


class Judge:
    """What windows (H, W, 3) uint8 show, and how near they are to true pictures.

    ``pictures`` are pictures that the judge has not been trained on: those the model was.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], pictures: Pictures, count: int = 2000) -> None:
        self._network = Classifier(config["judge"]["channels"]).eval()
        self._network.load_state_dict(averaged_weights(folder, "classifier"))
        numbers = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).astype(int)
        images = pictures.images(numbers)
        self._true = self.features(list(images))
        moods = self.mood_chances(list(images)).argmax(1)
        truth = [LABELS["mood"].index(pictures.words[int(number)]["mood"]) for number in numbers]
        self.accuracy = float((moods == torch.tensor(truth)).float().mean())
        """Share of true pictures, none of which it was trained on, whose mood it names."""

    @torch.no_grad()
    def features(self, windows: Sequence[np.ndarray]) -> Tensor:
        """What its heads see of every window: (count, channels)."""
        return torch.cat([self._network.features(batch) for batch in _batches(windows)])

    @torch.no_grad()
    def mood_chances(self, windows: Sequence[np.ndarray]) -> Tensor:
        """Probability of every mood of LABELS: (count, moods)."""
        return self._chances(windows, "mood")

    @torch.no_grad()
    def landscape_chances(self, windows: Sequence[np.ndarray]) -> Tensor:
        """Probability that a window shows a landscape, and not nothing but sky, ground or a material: (count,)."""
        others = [LABELS["scene"].index(name) for name in ("sky", "ground", "material")]
        return 1 - self._chances(windows, "scene")[:, others].sum(1)

    def _chances(self, windows: Sequence[np.ndarray], label: str) -> Tensor:
        return torch.cat([self._network(batch)[label].softmax(1) for batch in _batches(windows)])

    def distance_to_truth(self, windows: Sequence[np.ndarray]) -> float:
        """Mean distance in feature space to the K nearest true pictures: the smaller, the better the windows look."""
        nearest = torch.cdist(self.features(windows), self._true).topk(NEIGHBOURS, largest=False).values
        return float(nearest.mean())


def _batches(windows: Sequence[np.ndarray], size: int = 32) -> list[Tensor]:
    return [to_tensor(np.stack(windows[start : start + size])) for start in range(0, len(windows), size)]


def write(classifier: Classifier, channels: Sequence[int], output: Path) -> None:
    """Write a judge to a folder: its levels, batch normalization folded in, its heads, and what they mean."""
    heads = {f"heads.{name}": value.detach() for name, value in classifier.heads.state_dict().items()}
    output.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in (folded(classifier) | heads).items()}
    save_file(weights, output / "model.safetensors")
    meaning = {"channels": list(channels), "labels": LABELS}
    (output / "config.json").write_text(json.dumps(meaning, indent=2) + "\n", "utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(prog="training.judge", description="Write the judge for syncdiffusion evaluate.")
    parser.add_argument("output", type=Path, help="the folder to write")
    parser.add_argument("--run", type=Path, default=Path("build/training/judge"), help="where training.run wrote")
    parser.add_argument("--config", type=Path, default=CONFIG)
    given = parser.parse_args(arguments)
    channels = read_config(given.config)["judge"]["channels"]
    classifier = Classifier(channels)
    classifier.load_state_dict(averaged_weights(given.run, "classifier"))
    write(classifier.eval(), channels, given.output)


if __name__ == "__main__":
    main()
