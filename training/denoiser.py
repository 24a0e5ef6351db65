"""The UNet and its text encoder, on latents of painted pictures: v prediction on Stable Diffusion's noise schedule."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from syncdiffusion.core.models.libraries import import_diffusers

from .autoencoder import make_autoencoder, to_tensor
from .data import Pictures, open_pictures
from .loop import Loop, Worker, averaged_weights
from .samples import alphas_cumprod, sample_sheet
from .words import learn_merges, read_tokenizer, save_tokenizer, with_fillers

CAPTIONS_TO_LEARN_FROM = 20000
SAMPLES_EVERY = 500  # steps
TOKENIZER = "tokenizer"  # the folder


@dataclass(frozen=True)
class Latents:
    """Latents of all pictures, (count, C, h, w) float16 as encoded; every channel's mean and spread, (C,) float32.

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
    """Encode every shard of pictures once, each worker its share. Latents are the means of the posterior."""
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
        with worker.autocast():
            posterior = vae.encode(to_tensor(images[start : start + batch]).to(worker.device)).latent_dist
        made.append(posterior.mean.half().cpu().numpy())
    return np.concatenate(made)


def make_unet(settings: Mapping[str, Any], latent_channels: int, sample_size: int) -> Any:
    """A ``UNet2DConditionModel`` with random weights: attention at every level but the finest."""
    channels = settings["block_out_channels"]
    attends = len(channels) - 1
    return import_diffusers().UNet2DConditionModel(
        sample_size=sample_size,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=channels,
        down_block_types=["DownBlock2D"] + ["CrossAttnDownBlock2D"] * attends,
        up_block_types=["CrossAttnUpBlock2D"] * attends + ["UpBlock2D"],
        layers_per_block=1,
        attention_head_dim=settings["attention_heads"],  # diffusers reads the number of heads from it
        cross_attention_dim=settings["text_width"],
        norm_num_groups=8,
        use_linear_projection=True,
    )


def make_text_encoder(settings: Mapping[str, Any], tokenizer: Any) -> Any:
    """A small ``CLIPTextModel`` with random weights."""
    import_diffusers()
    from transformers import CLIPTextConfig, CLIPTextModel

    width = settings["text_width"]
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=4 * width,
            projection_dim=width,
            num_hidden_layers=settings["text_layers"],
            num_attention_heads=settings["text_heads"],
            max_position_embeddings=settings["text_tokens"],
            hidden_act="gelu",
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def tokens(tokenizer: Any, captions: Sequence[str]) -> Tensor:
    """Token ids (B, text_tokens), cut or padded."""
    return tokenizer(
        list(captions),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids


def captions_of(pictures: Pictures, numbers: Sequence[int] | np.ndarray, rng: np.random.Generator) -> list[str]:
    """A caption for every picture, drawn anew at every call."""
    return [with_fillers(pictures.caption(int(number), rng), rng) for number in numbers]


def v_loss(predict: Any, x0: Tensor, noise: Tensor, timesteps: Tensor, alphas: Tensor) -> Tensor:
    """Squared error of a v prediction, all timesteps alike: those of much noise decide on mood and composition."""
    alpha = alphas[timesteps]
    a, s = alpha.sqrt()[:, None, None, None], (1 - alpha).sqrt()[:, None, None, None]
    predicted = predict(a * x0 + s * noise, timesteps).float()
    return (predicted - (a * noise - s * x0)).square().mean()


def _tokenizer(worker: Worker, pictures: Pictures, settings: Mapping[str, Any], folder: Path) -> Any:
    """The tokenizer of this run; the leader learns it from captions where there is none yet."""
    if worker.leads and not (folder / TOKENIZER).exists():
        rng = np.random.default_rng(settings["seed"])
        examples = captions_of(pictures, rng.integers(len(pictures), size=CAPTIONS_TO_LEARN_FROM), rng)
        save_tokenizer(learn_merges(examples, settings["vocabulary"]), settings["text_tokens"], folder / TOKENIZER)
    if worker.count > 1:
        dist.barrier()
    return read_tokenizer(folder / TOKENIZER)


def train(worker: Worker, folder: Path, data: Path, config: Mapping[str, Any]) -> None:
    """The stage."""
    settings = config["denoiser"]
    torch.manual_seed(settings["seed"])
    pictures = open_pictures(data)
    vae = make_autoencoder(config["autoencoder"], config["data"]["size"]).to(worker.device).eval()
    vae.load_state_dict(averaged_weights(folder.parent / "autoencoder", "vae"))
    latents = encode_pictures(worker, pictures, vae, folder)

    tokenizer = _tokenizer(worker, pictures, settings, folder)
    text = make_text_encoder(settings, tokenizer).to(worker.device)
    unet = make_unet(settings, *latents.values.shape[1:3]).to(worker.device)
    if worker.device.type == "cpu":
        # A third faster than the fused kernel at so few tokens, and channels last a little more.
        unet.set_attn_processor(import_diffusers().models.attention_processor.AttnProcessor())
        unet = unet.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        [*unet.parameters(), *text.parameters()], settings["learning_rate"], betas=(0.9, 0.99), weight_decay=1e-2
    )
    networks = {"unet": unet, "text_encoder": text}
    loop = Loop(worker, folder, settings, networks, {"denoiser": optimizer}, averaged=list(networks))
    alphas = alphas_cumprod().to(worker.device)
    for step in loop:
        rng = loop.random()
        numbers = rng.integers(len(pictures), size=settings["batch"])
        captions = captions_of(pictures, numbers, rng)
        captions = ["" if rng.uniform() < settings["drop_caption"] else caption for caption in captions]
        x0 = latents.batch(numbers).to(worker.device)
        # One timestep in every stretch of the schedule: less noise in the loss than independent draws.
        strata = (np.arange(len(x0)) + rng.uniform(size=len(x0))) / len(x0)
        timesteps = torch.from_numpy((strata * len(alphas)).astype(np.int64)).to(worker.device)
        with worker.autocast():
            condition = text(tokens(tokenizer, captions).to(worker.device))[0]
            loss = v_loss(
                lambda x, t, condition=condition: unet(x, t, condition).sample,
                x0,
                torch.randn_like(x0),
                timesteps,
                alphas,
            )
        loop.update("denoiser", loss)
        if worker.leads and (step + 1) % SAMPLES_EVERY == 0:
            averages = {name: average.state for name, average in loop.averages.items()}
            sample_sheet(worker, folder / f"samples-{step + 1:05d}.png", networks, averages, tokenizer, vae, latents)
