"""The denoiser: a Stable Diffusion UNet under a prompt, with classifier-free guidance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..runtime.precision import Network

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..models.model import Components


@dataclass(frozen=True)
class Condition:
    """Text embeddings of the negative prompt and the prompt, stacked: (2, tokens, channels)."""

    embeddings: Tensor


class Denoiser:
    """θ under a prompt: a batch of noisy latents and a timestep to the guided model output.

    ``ε = ε(negative) + g (ε(prompt) - ε(negative))`` with guidance scale g; the same for a model that predicts v.
    Latents go in and come out in their own dtype, the network runs in its own.
    """

    def __init__(self, unet: Network, condition: Condition, guidance_scale: float) -> None:
        self._unet = unet
        self._embeddings = condition.embeddings
        self._guidance_scale = guidance_scale

    def __call__(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """(B, C, h, w) variance-preserving x_t to the guided output, same shape. Differentiable."""
        batch = latents.shape[0]
        output = self._unet(
            torch.cat([latents, latents]),
            timestep.to(latents.device),
            self._embeddings.repeat_interleave(batch, dim=0),
        ).to(latents.dtype)
        unconditional, conditional = output.chunk(2)
        return unconditional + self._guidance_scale * (conditional - unconditional)


def unet_network(components: Components, warn: Callable[[str], None]) -> Network:
    """The UNet behind the guard that keeps NaN out."""

    def run(unet: Any, latents: Tensor, timestep: Tensor, embeddings: Tensor) -> Tensor:
        return unet(latents.to(unet.dtype), timestep, embeddings.to(unet.dtype), return_dict=False)[0]

    return Network("UNet", components.unet, run, warn)


@torch.no_grad()
def encode_prompt(
    components: Components, prompt: str, negative_prompt: str, limit: int, warn: Callable[[str], None]
) -> Condition:
    """Embed a prompt and a negative prompt. Words beyond the encoder's ``limit`` of tokens are named to ``warn``."""
    embeddings = []
    for name, text in (("negative-prompt", negative_prompt), ("prompt", prompt)):
        lost = words_beyond_limit(components.tokenizer, text, limit)
        if lost:
            warn(f"{name}: longer than the model's {limit - 2} tokens; left out: {lost!r}")
        ids = components.tokenizer(
            text, padding="max_length", max_length=limit, truncation=True, return_tensors="pt"
        ).input_ids
        encoder = components.text_encoder
        embeddings.append(encoder(ids.to(encoder.device), return_dict=False)[0])
    stacked = torch.cat(embeddings)
    if not torch.isfinite(stacked).all():
        # Half precision overflowed in the text encoder; it is small, so all of it moves.
        encoder.float()
        warn("text encoder: not finite in half precision; it runs in float32 from here on")
        return encode_prompt(components, prompt, negative_prompt, limit, lambda _: None)
    return Condition(stacked)


def words_beyond_limit(tokenizer: Any, text: str, limit: int) -> str:
    """The end of ``text`` that an encoder of ``limit`` tokens (start and end mark included) does not see whole."""
    offsets = tokenizer(text, truncation=False, verbose=False, return_offsets_mapping=True).offset_mapping[1:-1]
    if len(offsets) <= limit - 2:
        return ""
    start = offsets[limit - 2][0]
    while start > 0 and not text[start - 1].isspace():
        start -= 1  # a word that is cut within is lost as a whole
    return text[start:].strip()
