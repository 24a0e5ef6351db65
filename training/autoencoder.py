"""The autoencoder (VAE): encoder and decoder together, on crops of painted pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from syncdiffusion.core.models.libraries import import_diffusers

from .data import Pictures, open_pictures
from .loop import Loop, Worker


def make_autoencoder(settings: Mapping[str, Any], size: int) -> Any:
    """An ``AutoencoderKL`` with random weights, without attention.

    Then a wide canvas is decoded as windows are, and at a cost that grows with its area.
    """
    channels = settings["block_out_channels"]
    return import_diffusers().AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * len(channels),
        up_block_types=["UpDecoderBlock2D"] * len(channels),
        block_out_channels=channels,
        layers_per_block=1,
        latent_channels=settings["latent_channels"],
        norm_num_groups=settings["norm_num_groups"],
        mid_block_add_attention=False,
        sample_size=size,
    )


def crops(pictures: Pictures, rng: np.random.Generator, count: int, size: int) -> Tensor:
    """Random crops of random pictures, half of them mirrored: (count, 3, size, size) in [-1, 1]."""
    made = []
    for image in pictures.images(rng.integers(len(pictures), size=count)):
        top, left = rng.integers(image.shape[0] - size + 1, size=2)
        crop = image[top : top + size, left : left + size]
        made.append(crop[:, ::-1] if rng.uniform() < 0.5 else crop)
    return to_tensor(np.stack(made))


def to_tensor(images: np.ndarray) -> Tensor:
    """Pictures (B, H, W, 3) uint8 to a tensor (B, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float() / 127.5 - 1.0


def reconstruction_loss(made: Tensor, true: Tensor, edge_weight: float) -> Tensor:
    """L1 between pictures, and between their differences of neighbouring pixels."""
    difference = made - true
    edges = difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
    return difference.abs().mean() + edge_weight * edges


def train(worker: Worker, folder: Path, data: Path, config: Mapping[str, Any]) -> None:
    """The stage."""
    settings = config["autoencoder"]
    torch.manual_seed(settings["seed"])
    pictures = open_pictures(data)
    vae = make_autoencoder(settings, config["data"]["size"]).to(worker.device)
    optimizer = torch.optim.AdamW(vae.parameters(), settings["learning_rate"], betas=(0.9, 0.99), weight_decay=0.0)
    loop = Loop(worker, folder, settings, {"vae": vae}, {"vae": optimizer}, averaged=["vae"])
    for _ in loop:
        true = crops(pictures, loop.random(), settings["batch"], settings["crop"]).to(worker.device)
        with worker.autocast():
            posterior = vae.encode(true).latent_dist
            made = vae.decode(posterior.sample()).sample
        made = made.float()
        kl = 0.5 * (posterior.mean.float().square() + posterior.logvar.float().exp() - 1.0 - posterior.logvar.float())
        loss = reconstruction_loss(made, true, settings["edge_weight"]) + settings["kl_weight"] * kl.mean()
        decibels = 10 * torch.log10(4.0 / F.mse_loss(made.detach().clamp(-1, 1), true))
        loop.update("vae", loss, kl=kl.mean(), psnr=decibels)
