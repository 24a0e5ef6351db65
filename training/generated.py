"""Panoramas of the model in training or shipped, made once by the project's own engine and kept as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from syncdiffusion.core.engine import Engine
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.request.validation import prepare

WINDOWS = 6


class Studio:
    """Makes pictures with one model and keeps them in a folder by name; what is there is not made again."""

    def __init__(self, folder: Path, model: str = "builtin", **settings: Any) -> None:
        self._folder = folder
        self._settings = {"model": model, "loss": "builtin", **settings}
        self._engine = Engine()
        folder.mkdir(parents=True, exist_ok=True)

    def picture(self, name: str, prompt: str, **settings: Any) -> np.ndarray:
        """The picture of a request, (H, W, 3) uint8. ``name`` has to tell it from all others."""
        path = self._folder / f"{name}.png"
        if not path.exists():
            plan = prepare({"prompt": prompt, **self._settings, **settings})
            self._engine.generate(plan, Outputs(output=path))
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))


def windows_of(panorama: np.ndarray, count: int = WINDOWS) -> list[np.ndarray]:
    """The ``count`` windows side by side that a strip consists of, without overlap."""
    return np.split(panorama, count, axis=1)


def pair_distances(distances: Sequence[Sequence[float]]) -> float:
    """The mean over all pairs of windows, from a symmetric table."""
    table = np.asarray(distances)
    return float(table[np.triu_indices(len(table), 1)].mean())
