"""What is done for one job, on whatever machine: the picture is made if it is not there, and measured."""

from __future__ import annotations

import json
import math
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..core.engine import Engine
from ..core.errors import CancelledError, SyncDiffusionError
from ..core.files.outputs import Outputs
from ..core.request.validation import prepare
from ..core.runtime.devices import resolve_device
from .experiment import Experiment, Job
from .metrics import intra, random_crop, windows_of
from .networks import Networks, load_networks, networks_identity

IMAGE, REPORT, METRICS, FEATURES, ERROR = "image.png", "report.json", "metrics.json", "features.npy", "error.txt"


def read_picture(path: Path) -> np.ndarray:
    """A picture (H, W, 3), 8-bit."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def to_images(picture: np.ndarray) -> Tensor:
    """A picture (H, W, 3), 8-bit, as a batch of one in [0, 1]."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255


def is_made(folder: Path) -> bool:
    """Whether a job's picture is there, whole: its report is written last."""
    return (folder / IMAGE).is_file() and (folder / REPORT).is_file()


def is_done(folder: Path, identity: str) -> bool:
    """Whether a job's picture is there and has been measured by the networks with this identity."""
    try:
        measured = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return is_made(folder) and measured.get("networks") == identity


class Worker:
    """Makes and measures pictures on one device, and keeps engine and networks from job to job."""

    def __init__(self, experiment: Experiment, folder: Path, device: str) -> None:
        self._experiment = experiment
        self._folder = folder
        self._device = device
        self._engine = Engine()
        self._networks: Networks | None = None

    def attempt(self, job: Job, cancelled: Callable[[], bool] = lambda: False) -> str | None:
        """Carry a job out; gives the sentence of what went wrong, which is left in its folder as well, or None.

        Raises CancelledError.
        """
        folder = self._folder / job.folder
        error_file = folder / ERROR
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not is_made(folder):
                plan = prepare({**job.settings, "device": self._device})
                self._engine.generate(plan, Outputs(folder / IMAGE, report=folder / REPORT), cancelled=cancelled)
            self._measure(job, folder)
            error_file.unlink(missing_ok=True)
        except CancelledError:
            raise
        except Exception as error:  # whatever it is, the other jobs go on
            known = isinstance(error, SyncDiffusionError)
            sentence = str(error) if known else f"an unexpected error: {type(error).__name__}: {error}"
            if folder.is_dir():
                error_file.write_text(f"{sentence}\n\n{traceback.format_exc()}", encoding="utf-8")
            return sentence
        return None

    def _measure(self, job: Job, folder: Path) -> None:
        identity = networks_identity(self._experiment.networks)
        if is_done(folder, identity):
            return
        if self._networks is None:
            device = resolve_device(self._device)
            self._networks = load_networks(self._experiment.networks, device, print)
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        picture, window = read_picture(folder / IMAGE), report["settings"]["window"]
        values, features = measure(self._networks, picture, window, int(job.digest[:8], 16))
        prompt = self._experiment.prompts[job.prompt]
        crop = to_images(random_crop(picture, window, int(job.digest[:8], 16)))
        values["agreement"] = self._networks.agreement(crop, prompt)
        values["seconds"] = report["seconds"]["sampling"] + report["seconds"]["decoding"]
        np.save(folder / FEATURES, features)
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        write_json(folder / METRICS, {"networks": identity, **finite})


def measure(
    networks: Networks, picture: np.ndarray, window: int, crop_seed: int
) -> tuple[dict[str, float], np.ndarray]:
    """Coherence of a panorama, and the features (D,) of its one random crop."""
    seen = [networks.coherence(to_images(view)) for view in windows_of(picture, window)]
    features = networks.embed(to_images(random_crop(picture, window, crop_seed)))
    values = {
        "distance": intra([looks for looks, _ in seen], networks.distance),
        "style": intra([grams for _, grams in seen], networks.style),
    }
    return values, features[0].numpy()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")
    os.replace(temporary, path)
