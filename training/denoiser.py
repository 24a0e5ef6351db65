"""The UNet and its text encoder, on latents of painted pictures: v prediction on Stable Diffusion's noise schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from syncdiffusion.core.models.libraries import import_diffusers

from .autoencoder import make_autoencoder
from .data import Pictures, open_pictures
from .latents import encode_pictures
from .loop import Loop, Worker, averaged_weights
from .samples import alphas_cumprod, sample_sheet
from .words import learn_merges, read_tokenizer, save_tokenizer, tokens, with_fillers

CAPTIONS_TO_LEARN_FROM = 20000
SAMPLES_EVERY = 500  # steps
TOKENIZER = "tokenizer"  # the folder


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
        numbers = rng.integers(len(latents.values), size=settings["batch"])
        captions = captions_of(pictures, numbers // 2, rng)  # a picture and its mirror image have one
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
