"""Tiles of a canvas for the VAE, normalization statistics they share, and attention in little memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Statistics count as settled when no layer's mean moves by more than this share of its deviation (nor its variance).
SETTLED = 1e-3
ATTENTION_CHUNK = 4096


@dataclass(frozen=True)
class Span:
    """A stretch of one axis of ``length`` cells: the core a tile answers for, and the margins it sees beside it."""

    start: int
    stop: int
    before: int
    after: int
    length: int

    def indices(self) -> list[int]:
        """All cells the tile sees, wrapped round a loop (on an open axis margins end at the edge)."""
        return [i % self.length for i in range(self.start - self.before, self.stop + self.after)]


@dataclass(frozen=True)
class Tile:
    """A rectangle of a canvas with the margins around it."""

    y: Span
    x: Span

    def crop(self, features: Tensor, factor: int = 1) -> Tensor:
        """The tile with its margins, from features (1, C, h, w) of the whole canvas at ``factor`` times its size."""
        rows, columns = (
            torch.tensor([i * factor + k for i in span.indices() for k in range(factor)], device=features.device)
            for span in (self.y, self.x)
        )
        return features[:, :, rows[:, None], columns]

    def core_of(self, activation: Tensor) -> Tensor:
        """The part of a tile's activation, at any resolution, that lies in its core."""
        scale = activation.shape[-1] // len(self.x.indices())
        top, left = self.y.before * scale, self.x.before * scale
        height, width = (self.y.stop - self.y.start) * scale, (self.x.stop - self.x.start) * scale
        return activation[..., top : top + height, left : left + width]

    def rows(self, factor: int) -> slice:
        """The core's rows in an image ``factor`` times the canvas."""
        return slice(self.y.start * factor, self.y.stop * factor)

    def columns(self, factor: int) -> slice:
        """The core's columns in an image ``factor`` times the canvas."""
        return slice(self.x.start * factor, self.x.stop * factor)


def spans(length: int, core: int, margin: int, wrap: bool) -> list[Span]:
    """Cut an axis into cores of about ``core`` cells, all of nearly one size."""
    count = math.ceil(length / core)
    edges = [k * length // count for k in range(count + 1)]
    return [
        Span(
            start,
            stop,
            before=margin if wrap else min(margin, start),
            after=margin if wrap else min(margin, length - stop),
            length=length,
        )
        for start, stop in pairwise(edges)
    ]


def tiles_over(shape: Sequence[int], core: int, margin: int, wrap: tuple[bool, bool]) -> list[Tile]:
    """Tiles whose cores cover a canvas of ``shape`` (h, w) once. ``wrap``: (y, x)."""
    rows, columns = (spans(n, core, margin, w) for n, w in zip(shape, wrap, strict=True))
    return [Tile(y, x) for y in rows for x in columns]


def receptive_radius(decoder: Any) -> int:
    """How many latents to each side the upsampling half of a VAE decoder looks, rounded up."""
    radius, cell = 0.0, 1.0
    for block in decoder.up_blocks:
        radius += 2 * len(block.resnets) * cell
        if block.upsamplers is not None:
            cell /= 2
            radius += cell
    return math.ceil(radius + cell) + 1


class SharedGroupNorms:
    """Group normalizations that use statistics of the whole canvas though each call sees one tile."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._norms = [m for module in modules for m in module.modules() if isinstance(m, nn.GroupNorm)]
        self._statistics: dict[nn.GroupNorm, tuple[Tensor, Tensor]] = {}

    def measure(self, tiles: Sequence[Tile], forward: Callable[[Tile], Tensor]) -> None:
        """Find every layer's mean and variance over the canvas.

        The first pass over the tiles normalizes each by its own statistics, each further one by those of the pass
        before, until they have settled. Pass k has the first k layers right whatever the others do, so as many passes
        as there are layers are enough; a single tile needs one.
        """
        for _ in range(len(self._norms) if len(tiles) > 1 else 1):
            sums = {norm: torch.zeros(3, norm.num_groups, dtype=torch.float64) for norm in self._norms}
            for tile in tiles:
                with self._forwards(partial(self._measuring, sums, tile)):
                    forward(tile)
            if self._update(sums) < SETTLED:
                return

    def _update(self, sums: dict[nn.GroupNorm, Tensor]) -> float:
        """Take new statistics over; returns how far they moved."""
        moved = 0.0
        for norm, (count, total, squares) in sums.items():
            mean = total / count
            variance = (squares / count - mean**2).clamp_min(0)
            old_mean, old_variance = self._statistics.get(norm, (mean + math.inf, variance))
            scale = variance + norm.eps
            moved = max(
                moved, ((mean - old_mean).abs() / scale.sqrt()).max(), ((variance - old_variance).abs() / scale).max()
            )
            self._statistics[norm] = (mean, variance)
        return float(moved)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Within, every layer normalizes by the canvas's statistics."""
        with self._forwards(self._normalize):
            yield

    @contextmanager
    def _forwards(self, forward: Callable[[nn.GroupNorm, Tensor], Tensor]) -> Iterator[None]:
        for norm in self._norms:
            norm.forward = partial(forward, norm)
        try:
            yield
        finally:
            for norm in self._norms:
                del norm.forward

    def _measuring(self, sums: dict[nn.GroupNorm, Tensor], tile: Tile, norm: nn.GroupNorm, x: Tensor) -> Tensor:
        core = tile.core_of(x).float().unflatten(1, (norm.num_groups, -1)).flatten(2)[0]
        # Sums of whole canvases are kept in double precision on the CPU: not every device has it.
        variance, mean = (s.cpu().double() for s in torch.var_mean(core, dim=1, correction=0))
        sums[norm] += core.shape[1] * torch.stack([torch.ones_like(mean), mean, variance + mean**2])
        return self._normalize(norm, x)

    def _normalize(self, norm: nn.GroupNorm, x: Tensor) -> Tensor:
        if norm not in self._statistics:  # the first pass
            return F.group_norm(x, norm.num_groups, norm.weight, norm.bias, norm.eps)
        mean, variance = (s.to(x.device, torch.float32)[None, :, None] for s in self._statistics[norm])
        grouped = x.float().unflatten(1, (norm.num_groups, -1)).flatten(2)
        normal = ((grouped - mean) * torch.rsqrt(variance + norm.eps)).view(x.shape).to(x.dtype)
        return normal * norm.weight[:, None, None] + norm.bias[:, None, None]


@contextmanager
def attention_in_chunks(mid_block: Any) -> Iterator[None]:
    """Within, the attention layers of a VAE's middle block take their queries in chunks: exact, in linear memory."""
    attentions = [a for a in mid_block.attentions if a is not None]
    processors = [a.processor for a in attentions]
    for attention in attentions:
        attention.processor = _ChunkedAttention()
    try:
        yield
    finally:
        for attention, processor in zip(attentions, processors, strict=True):
            attention.processor = processor


class _ChunkedAttention:
    """An attention processor of diffusers for self-attention over a picture; the signature is the one it looks for."""

    def __call__(
        self,
        attention: Any,
        hidden_states: Tensor,
        encoder_hidden_states: None = None,
        attention_mask: None = None,
        temb: None = None,
    ) -> Tensor:
        batch, channels, height, width = hidden_states.shape
        tokens = hidden_states.flatten(2)
        if attention.group_norm is not None:
            tokens = attention.group_norm(tokens)
        tokens = tokens.transpose(1, 2)
        query, key, value = (
            layer(tokens).unflatten(2, (attention.heads, -1)).transpose(1, 2)
            for layer in (attention.to_q, attention.to_k, attention.to_v)
        )
        chunks = [F.scaled_dot_product_attention(q, key, value) for q in query.split(ATTENTION_CHUNK, dim=2)]
        mixed = attention.to_out[0](torch.cat(chunks, dim=2).transpose(1, 2).flatten(2))
        mixed = mixed.transpose(1, 2).reshape(batch, channels, height, width)
        if attention.residual_connection:
            mixed = mixed + hidden_states
        return mixed / attention.rescale_output_factor
