"""From pixels to latents: the VAE's encoder, in tiles that share their statistics, without a seam where a canvas wraps.

The posterior's mean is taken, never a sample of it: the same picture gives the same latents.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..runtime.precision import Network, is_finite
from .decoder import wrapped_convolutions
from .tiles import SharedGroupNorms, Tile, attention_in_chunks, tiles_over

if TYPE_CHECKING:
    from ..models.facts import ModelFacts


class Encoder:
    """The VAE's encoder with the model's scaling, the counterpart of ``Decoder``.

    ``check_cancelled`` is called before every tile; what it raises ends the encoding.
    """

    def __init__(
        self,
        vae: Any,
        facts: ModelFacts,
        warn: Callable[[str], None],
        check_cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        self._vae = vae
        self._facts = facts
        self._check_cancelled = check_cancelled
        self._network = Network("VAE encoder", vae, _encode, warn)

    @torch.no_grad()
    def images(self, images: Tensor) -> Tensor:
        """Windows (B, 3, H, W) in [0, 1] to clean latents (B, C, H / factor, W / factor)."""
        return self._scaled(self._network(images).to(images.dtype))

    @torch.no_grad()
    def canvas(self, image: Tensor, wrap_y: bool, wrap_x: bool) -> Tensor:
        """A picture (1, 3, H, W) in [0, 1], anywhere, to clean latents (1, C, h, w), float32, on the VAE's device.

        H and W are multiples of the latent factor. What is held beside picture and latents does not grow with them.
        """
        mean = self._tiled(image, wrap_y, wrap_x)
        if not is_finite(mean) and self._network.is_half:
            self._network.to_float32("a tile is not finite")
            mean = self._tiled(image, wrap_y, wrap_x)
        return self._scaled(mean)

    def _scaled(self, mean: Tensor) -> Tensor:
        return (mean - self._facts.shift_factor) * self._facts.scaling_factor

    def _tiled(self, image: Tensor, wrap_y: bool, wrap_x: bool) -> Tensor:
        """The downsampling layers in tiles (which are in latents), the layers at latent resolution all at once.

        A tile sees the opposite edge where the canvas wraps, so its convolutions need not.
        """
        encoder, factor, device = self._vae.encoder, self._facts.latent_factor, self._vae.device
        tiles = tiles_over(
            (image.shape[-2] // factor, image.shape[-1] // factor),
            core=self._facts.native_window // factor,
            margin=_receptive_radius(encoder),
            wrap=(wrap_y, wrap_x),
        )

        def down(tile: Tile) -> Tensor:
            self._check_cancelled()
            x = encoder.conv_in(tile.crop(image, factor).to(device, self._vae.dtype) * 2 - 1)
            for block in encoder.down_blocks:
                x = block(x)
            return x

        norms = SharedGroupNorms(encoder.down_blocks)
        norms.measure(tiles, down)
        features: Tensor | None = None
        with norms.shared():
            for tile in tiles:
                core = tile.core_of(down(tile))
                if features is None:
                    shape = (1, core.shape[1], image.shape[-2] // factor, image.shape[-1] // factor)
                    features = core.new_empty(shape)
                features[:, :, tile.rows(1), tile.columns(1)] = core
        with wrapped_convolutions(encoder, wrap_y, wrap_x), attention_in_chunks(encoder.mid_block):
            x = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(encoder.mid_block(features))))
        return self._mean(x)

    def _mean(self, moments: Tensor) -> Tensor:
        if self._vae.quant_conv is not None:
            moments = self._vae.quant_conv(moments)
        return moments.chunk(2, dim=1)[0].float()


def _encode(vae: Any, images: Tensor) -> Tensor:
    return vae.encode(images.to(vae.dtype) * 2 - 1).latent_dist.mean


def _receptive_radius(encoder: Any) -> int:
    """How many latents to each side the downsampling half of a VAE encoder looks, rounded up."""
    blocks = encoder.down_blocks
    cell = 0.5 ** sum(block.downsamplers is not None for block in blocks)
    radius = cell
    for block in blocks:
        radius += 2 * len(block.resnets) * cell
        if block.downsamplers is not None:
            radius += cell
            cell *= 2
    return math.ceil(radius) + 1
