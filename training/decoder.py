"""The decoder once more, alone: sharpened by an adversary on the latents of the frozen encoder.

The L1 distance makes the best of what it cannot know by blurring it. A patch adversary (PatchGAN), trained along with
the decoder, tells grass from a blur of grass; no foreign network is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .autoencoder import crops, make_autoencoder, reconstruction_loss
from .data import open_pictures
from .loop import Loop, Worker, averaged_weights

ADVERSARY_STARTS = 100  # steps after which the decoder begins to listen to the adversary


class Adversary(nn.Module):
    """Pictures (B, 3, H, W) to a logit per patch (true or made), with the activations on the way."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for before, after in zip((3, *channels), channels, strict=False):
            convolution = nn.utils.parametrizations.spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1))
            self.levels.append(nn.Sequential(convolution, nn.LeakyReLU(0.2)))
        self.judge = nn.Conv2d(channels[-1], 1, 3, padding=1)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, 1, h, w) and the activations of every level."""
        activations = []
        for level in self.levels:
            images = level(images)
            activations.append(images)
        return self.judge(images), activations


def matching_distance(made: Sequence[Tensor], true: Sequence[Tensor]) -> Tensor:
    """Mean L1 distance between the adversary's activations of a picture and of its reconstruction."""
    distances = [F.l1_loss(a.float(), b.float().detach()) for a, b in zip(made, true, strict=True)]
    return sum(distances) / len(distances)


def train(worker: Worker, folder: Path, data: Path, config: Mapping[str, Any]) -> None:
    """The stage."""
    settings = config["decoder"]
    torch.manual_seed(settings["seed"])
    pictures = open_pictures(data)
    vae = make_autoencoder(config["autoencoder"], config["data"]["size"]).to(worker.device)
    vae.load_state_dict(averaged_weights(folder.parent / "autoencoder", "vae"))
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)
    decoder = nn.ModuleDict({"post_quant_conv": vae.post_quant_conv, "decoder": vae.decoder})
    adversary = Adversary(settings["adversary_channels"]).to(worker.device)
    optimizers = {
        "decoder": torch.optim.AdamW(decoder.parameters(), settings["learning_rate"], betas=(0.5, 0.99)),
        "adversary": torch.optim.AdamW(adversary.parameters(), settings["adversary_learning_rate"], betas=(0.5, 0.99)),
    }
    networks = {"decoder": decoder, "adversary": adversary}
    loop = Loop(worker, folder, settings, networks, optimizers, averaged=["decoder"])
    for step in loop:
        true = crops(pictures, loop.random(), settings["batch"], settings["crop"]).to(worker.device)
        with worker.autocast():
            with torch.no_grad():
                latents = vae.encode(true).latent_dist.sample()
                latents = latents + settings["latent_noise"] * latents.std() * torch.randn_like(latents)
            made = vae.decode(latents).sample
            with torch.no_grad():
                _, wanted = adversary(true)
            logits, seen = adversary(made)
        made = made.float()
        reconstruction = reconstruction_loss(made, true, config["autoencoder"]["edge_weight"])
        loss = reconstruction + settings["matching_weight"] * matching_distance(seen, wanted)
        if step >= ADVERSARY_STARTS:
            loss = loss - settings["adversary_weight"] * logits.float().mean()
        loop.update("decoder", loss, reconstruction=reconstruction)

        with worker.autocast():
            judged_true, _ = adversary(true)
            judged_made, _ = adversary(made.detach())
        hinge = F.relu(1 - judged_true.float()).mean() + F.relu(1 + judged_made.float()).mean()
        loop.update("adversary", hinge)
