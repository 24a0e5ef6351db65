"""Latents of the painted pictures, encoded once and kept: what the UNet learns from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from .autoencoder import to_tensor
from .data import Pictures
from .loop import Worker


@dataclass(frozen=True)
class Latents:
    """Latents of all pictures, each followed by those of its mirror image: (2 count, C, h, w) float16 as encoded.

    ``mean`` and ``spread`` of every channel: (C,) float32.
    The UNet sees every channel at mean 0 and spread 1: one that varies little may be one that the eye sees much.
    """

    values: np.ndarray
    mean: Tensor
    spread: Tensor

    def batch(self, numbers: Sequence[int] | np.ndarray) -> Tensor:
        """Scaled latents of these pictures, (B, C, h, w) float32."""
        return (torch.from_numpy(self.values[numbers]).float() - _channels(self.mean)) / _channels(self.spread)

    def unscaled(self, latents: Tensor) -> Tensor:
        """From the UNet's scale back to the decoder's."""
        return latents * _channels(self.spread).to(latents.device) + _channels(self.mean).to(latents.device)


def encode_pictures(worker: Worker, pictures: Pictures, vae: Any, folder: Path) -> Latents:
    """Encode every shard of pictures once, each worker its share. Latents are the means of the posterior.

    A mirror image is a picture of the same caption, for a tenth of the time that painting another one takes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"latents-{number:04d}.npy" for number in range(len(pictures.shards))]
    for number in range(worker.rank, len(paths), worker.count):
        if not paths[number].exists():
            unfinished = paths[number].with_suffix(".tmp.npy")
            np.save(unfinished, _encode(worker, pictures.shards[number], vae))
            os.replace(unfinished, paths[number])
    if worker.count > 1:
        dist.barrier()
    return read_latents(folder)


def read_latents(folder: Path) -> Latents:
    """The latents that ``encode_pictures`` wrote."""
    values = np.concatenate([np.load(path) for path in sorted(folder.glob("latents-????.npy"))])
    mean, spread = (measure(values, axis=(0, 2, 3), dtype=np.float64) for measure in (np.mean, np.std))
    return Latents(values, torch.from_numpy(mean).float(), torch.from_numpy(spread).float())


def _channels(values: Tensor) -> Tensor:
    return values[:, None, None]


@torch.no_grad()
def _encode(worker: Worker, images: np.ndarray, vae: Any, batch: int = 4) -> np.ndarray:
    made = []
    for start in range(0, len(images), batch):
        painted = to_tensor(images[start : start + batch]).to(worker.device)
        both = torch.stack([painted, painted.flip(-1)], dim=1).flatten(0, 1)
        with worker.autocast():
            posterior = vae.encode(both).latent_dist
        made.append(posterior.mean.half().cpu().numpy())
    return np.concatenate(made)
