"""The denoiser: a Stable Diffusion UNet under a prompt, with classifier-free guidance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..runtime.precision import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..models.model import Components


@dataclass(frozen=True)
class Condition:
    """What the negative prompt and the prompt (or those of several regions) are to the UNet, stacked in this order.

    ``embeddings`` (N, tokens, channels); ``pooled`` (N, channels) is SDXL's embedding of the text as a whole.
    """

    embeddings: Tensor
    pooled: Tensor | None = None


class Denoiser:
    """θ under a prompt: a batch of noisy latents and a timestep to the guided model output.

    ``ε = ε(negative) + g (ε(prompt) - ε(negative))`` with guidance scale g; the same for a model that predicts v. At
    g <= 1, as few-step models have it, ``ε = ε(prompt)``: the unconditional branch is not run. Nor is it for a UNet
    that is told g (LCM). Latents go in and come out in their own dtype, the network runs in its own.

    With regions ``ε(prompt)`` is the mean of what their prompts give, weighed column by column: ``shares`` (regions,
    width of the canvas), as ``regions.region_shares`` gives them. A window is evaluated for those prompts only that
    count somewhere in it.
    """

    def __init__(
        self, unet: Network, condition: Condition, guidance_scale: float, shares: Tensor | None = None
    ) -> None:
        self._unet = unet
        self._condition = condition
        self._guidance_scale = guidance_scale
        self._shares = shares
        width = unet.module.config.time_cond_proj_dim
        self._guides = guidance_scale > 1 and width is None
        self._told_scale = None if width is None else guidance_embedding(guidance_scale, width)

    def __call__(self, latents: Tensor, timestep: Tensor, columns: Tensor | None = None) -> Tensor:
        """(B, C, h, w) variance-preserving x_t to the guided output, same shape. Differentiable.

        ``columns`` (B, w): those of the canvas that the windows show; only regions ask for them.
        """
        batch = latents.shape[0]
        # Pairs of a row of the condition and a window to evaluate under it; the negative prompt is row 0.
        pairs = [(0, window) for window in range(batch)] if self._guides else []
        shares = None
        if self._shares is None:
            pairs += [(1, window) for window in range(batch)]
        else:
            shares = self._shares.to(latents)[:, columns]  # (regions, B, w)
            counts = (shares > 0).any(dim=-1).tolist()  # of each region: in which windows it does
            pairs += [(1 + r, window) for r, there in enumerate(counts) for window in range(batch) if there[window]]
        output = self._evaluate(latents, timestep, pairs)
        unconditional, conditional = (output[:batch], output[batch:]) if self._guides else (None, output)
        if shares is not None:
            conditional = _weighed(conditional, shares, pairs[-len(conditional) :])
        if unconditional is None:
            return conditional
        return unconditional + self._guidance_scale * (conditional - unconditional)

    def _evaluate(self, latents: Tensor, timestep: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
        rows, windows = (list(side) for side in zip(*pairs, strict=True))
        embeddings, pooled = self._condition.embeddings, self._condition.pooled
        output = self._unet(
            latents[windows],
            timestep.to(latents.device),
            embeddings[rows],
            None if pooled is None else pooled[rows],
            self._told_scale,
        )
        return output.to(latents.dtype)


def _weighed(outputs: Tensor, shares: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """For every window the sum of its outputs under several prompts, each times its share at every column."""
    weighed = [output * shares[row - 1, window] for output, (row, window) in zip(outputs, pairs, strict=True)]
    windows = torch.tensor([window for _, window in pairs], device=outputs.device)
    return outputs.new_zeros(shares.shape[1], *outputs.shape[1:]).index_add(0, windows, torch.stack(weighed))


def unet_network(components: Components, warn: Callable[[str], None]) -> Network:
    """The UNet behind the guard that keeps NaN out."""
    pixels = 2 ** (len(components.vae.config.block_out_channels) - 1)
    native = components.unet.config.sample_size * pixels

    def run(
        unet: Any,
        latents: Tensor,
        timestep: Tensor,
        embeddings: Tensor,
        pooled: Tensor | None,
        told_scale: Tensor | None,
    ) -> Tensor:
        added = None
        if pooled is not None:
            sizes = window_sizes(latents.shape[-1] * pixels, native).to(latents.device).repeat(len(latents), 1)
            added = {"text_embeds": pooled.to(unet.dtype), "time_ids": sizes}
        return unet(
            latents.to(unet.dtype),
            timestep,
            embeddings.to(unet.dtype),
            timestep_cond=None if told_scale is None else told_scale.to(latents.device, unet.dtype),
            added_cond_kwargs=added,
            return_dict=False,
        )[0]

    return Network("UNet", components.unet, run, warn)


def guidance_embedding(guidance_scale: float, width: int) -> Tensor:
    """g as LCM's UNets are told it (Luo et al., 2023): sinusoids of 1000 (g - 1), shape (1, width), width even."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half) * (-math.log(10000) / (half - 1)))
    angles = 1000 * (guidance_scale - 1) * frequencies
    return torch.cat([angles.sin(), angles.cos()])[None]


def window_sizes(window: int, native: int) -> Tensor:
    """SDXL's size conditions for a window, in pixels: (6,), original size, crop, target size, each height first.

    The same for all windows of a panorama: a whole picture of the window's size, cropped at (0, 0). The window's place
    on the canvas would be a crop far beyond those of the training, means "cut off" to the model, and differs between
    windows that are averaged and are to agree. A small original size means an enlarged and therefore blurred picture,
    so that of a small window is the native one.
    """
    original = max(window, native)
    return torch.tensor([original, original, 0, 0, window, window])


@torch.no_grad()
def encode_prompt(
    components: Components,
    prompt: str,
    negative_prompt: str,
    limit: int,
    warn: Callable[[str], None],
    regions: Sequence[str] = (),
) -> Condition:
    """Embed a negative prompt and a prompt, or in its place those of ``regions``.

    Words beyond the encoder's ``limit`` of tokens are named to ``warn``.
    """
    prompts = {f"region {number}": text for number, text in enumerate(regions, start=1)} or {"prompt": prompt}
    given = {"negative-prompt": negative_prompt, **prompts}
    texts = {name: components.spelled_out(text) for name, text in given.items()}
    for name, text in texts.items():
        lost = words_beyond_limit(components.tokenizer, text, limit)
        if lost:
            warn(f"{name}: longer than the model's {limit - 2} tokens; left out: {lost!r}")
    with components.encoders_on_device():
        stacked = _encode_all(components, [*texts.values()], limit)
        if not all(torch.isfinite(tensor).all() for tensor in stacked):
            # Half precision overflowed in a text encoder; they are small, so they move as a whole.
            for encoder, _ in components.text_encoders:
                encoder.float()
            warn("text encoder: not finite in half precision; it runs in float32 from here on")
            stacked = _encode_all(components, [*texts.values()], limit)
    return Condition(*stacked)


def _encode_all(components: Components, texts: Sequence[str], limit: int) -> list[Tensor]:
    """What ``Condition`` holds for texts of which the first is the negative prompt."""
    rows = [_encode(components, text, limit) for text in texts]
    if components.zeros_for_empty and not texts[0]:
        rows[0] = [torch.zeros_like(tensor) for tensor in rows[0]]
    return [torch.cat(tensors) for tensors in zip(*rows, strict=True)]


def _encode(components: Components, text: str, limit: int) -> list[Tensor]:
    """The embeddings (1, tokens, channels) of one text; of SDXL, of both encoders, followed by the pooled one."""
    inputs = {"padding": "max_length", "max_length": limit, "truncation": True, "return_tensors": "pt"}
    outputs = [
        encoder(
            tokenizer(text, **inputs).input_ids.to(encoder.device),
            output_hidden_states=components.text_encoder_2 is not None,
            return_dict=False,
        )
        for encoder, tokenizer in components.text_encoders
    ]
    if components.text_encoder_2 is None:
        return [outputs[0][0]]
    # SDXL was trained on what the layer before the last gives; the second encoder's first output is the pooled one.
    return [torch.cat([states[-1][-2] for states in outputs], dim=-1), outputs[-1][0]]


def words_beyond_limit(tokenizer: Any, text: str, limit: int) -> str:
    """The end of ``text`` that an encoder of ``limit`` tokens (start and end mark included) does not see whole."""
    offsets = tokenizer(text, truncation=False, verbose=False, return_offsets_mapping=True).offset_mapping[1:-1]
    if len(offsets) <= limit - 2:
        return ""
    start = offsets[limit - 2][0]
    while start > 0 and not text[start - 1].isspace():
        start -= 1  # a word that is cut within is lost as a whole
    return text[start:].strip()
