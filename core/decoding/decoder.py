"""From latents to pixels: windows inside the loss, and the finished canvas, whole or in tiles.

A canvas that wraps is decoded with circular convolutions, which makes the decoder commute with rolling: normalization
and attention do not look at positions. Padding the canvas before decoding would not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..runtime.memory import free_unused_memory, is_out_of_memory
from ..runtime.precision import Network, is_finite
from .tiles import SharedGroupNorms, Tile, attention_in_chunks, receptive_radius, tiles_over

if TYPE_CHECKING:
    from ..models.facts import ModelFacts

# A whole decode that would need more than this is tiled under `auto`. A fixed number and not the memory that happens to
# be free, so that the same request gives the same image.
WHOLE_DECODE_BYTES = 3 * 2**30


class Decoder:
    """D of the paper: the VAE's decoder with the model's scaling, giving images in [0, 1].

    ``check_cancelled`` is called before every tile; what it raises ends the decode.
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
        self._warn = warn
        self._check_cancelled = check_cancelled
        self.network = Network("VAE decoder", vae, _decode, warn)
        self.used = ""
        """How the last canvas was decoded: ``whole`` or ``tiles``."""

    @property
    def device(self) -> torch.device:
        """Where the decoder runs."""
        return self._vae.device

    def images(self, latents: Tensor) -> Tensor:
        """Windows (B, C, h, w) to images (B, 3, H, W), clamped to [0, 1] as the authors do. Differentiable."""
        return to_unit_range(self.unclamped(latents))

    def unclamped(self, latents: Tensor) -> Tensor:
        """Windows (B, C, h, w) to what the network gives, (B, 3, H, W) around [-1, 1]. Differentiable."""
        return self.network(self._unscaled(latents)).to(latents.dtype)

    def copy_to_tune(self) -> tuple[Decoder, nn.Module]:
        """A copy in float32 that may be changed, and the part of it whose weights ask for a gradient."""
        vae = copy.deepcopy(self._vae).float()
        return Decoder(vae, self._facts, self._warn, self._check_cancelled), vae.decoder.requires_grad_(True)

    @torch.no_grad()
    def canvas(self, latents: Tensor, mode: str, wrap_y: bool, wrap_x: bool) -> Tensor:
        """The canvas (1, C, h, w) to an image (1, 3, H, W) in [0, 1], on the CPU in float32.

        ``mode``: ``whole``, ``tiles``, or ``auto``, which is whole where that takes little memory.
        """
        latents = self._unscaled(latents)
        if mode == "tiles" or (mode == "auto" and self._whole_bytes(latents) > WHOLE_DECODE_BYTES):
            return self._guarded(partial(self._tiled, latents, wrap_y, wrap_x))
        self.used = "whole"
        try:
            with wrapped_convolutions(self._vae.decoder, wrap_y, wrap_x):
                return to_unit_range(self.network(latents)).float().cpu()
        except RuntimeError as error:
            if mode == "whole" or not is_out_of_memory(error):
                raise
        free_unused_memory()
        self._warn("decode: the whole canvas does not fit into memory; decoded in tiles")
        return self._guarded(partial(self._tiled, latents, wrap_y, wrap_x))

    def _unscaled(self, latents: Tensor) -> Tensor:
        return 1 / self._facts.scaling_factor * latents + self._facts.shift_factor

    def _whole_bytes(self, latents: Tensor) -> int:
        """About what a whole decode holds at its peak: three full-size feature maps of the widest full-size layer."""
        pixels = latents.shape[-2] * latents.shape[-1] * self._facts.latent_factor**2
        channels = max(self._vae.config.block_out_channels[:2])
        return 3 * channels * pixels * self._vae.dtype.itemsize

    def _guarded(self, decode: Callable[[], Tensor]) -> Tensor:
        image = decode()
        if not is_finite(image) and self.network.is_half:
            self.network.to_float32("a tile is not finite")
            image = decode()
        return image

    def _tiled(self, latents: Tensor, wrap_y: bool, wrap_x: bool) -> Tensor:
        """Decode in tiles whose normalization layers share one set of statistics, so that no seam shows.

        The layers at latent resolution are cheap and look at the whole canvas; the upsampling layers are tiled, with a
        margin as wide as their convolutions see.
        """
        self.used = "tiles"
        decoder, factor = self._vae.decoder, self._facts.latent_factor
        features = self._features(latents.to(self._vae.dtype), wrap_y, wrap_x)
        tiles = tiles_over(
            features.shape[-2:],
            core=self._facts.native_window // factor,
            margin=receptive_radius(decoder),
            wrap=(wrap_y, wrap_x),
        )
        norms = SharedGroupNorms([*decoder.up_blocks, decoder.conv_norm_out])
        norms.measure(tiles, lambda tile: self._upsample(features, tile))
        image = torch.empty((1, 3, latents.shape[-2] * factor, latents.shape[-1] * factor))
        with norms.shared():
            for tile in tiles:
                pixels = tile.core_of(self._upsample(features, tile))
                image[:, :, tile.rows(factor), tile.columns(factor)] = to_unit_range(pixels.float()).cpu()
        return image

    def _features(self, latents: Tensor, wrap_y: bool, wrap_x: bool) -> Tensor:
        decoder = self._vae.decoder
        if self._vae.post_quant_conv is not None:
            latents = self._vae.post_quant_conv(latents)
        with wrapped_convolutions(decoder, wrap_y, wrap_x), attention_in_chunks(decoder.mid_block):
            return decoder.mid_block(decoder.conv_in(latents))

    def _upsample(self, features: Tensor, tile: Tile) -> Tensor:
        self._check_cancelled()
        decoder = self._vae.decoder
        x = tile.crop(features)
        for block in decoder.up_blocks:
            x = block(x)
        return decoder.conv_out(decoder.conv_act(decoder.conv_norm_out(x)))


def _decode(vae: Any, latents: Tensor) -> Tensor:
    return vae.decode(latents.to(vae.dtype), return_dict=False)[0]


def to_unit_range(decoded: Tensor) -> Tensor:
    """What a decoder gives, about -1 to 1, to an image in [0, 1], clamped as the authors do."""
    return (decoded / 2 + 0.5).clamp(0, 1)


@contextmanager
def wrapped_convolutions(module: nn.Module, wrap_y: bool, wrap_x: bool) -> Iterator[None]:
    """Within, the convolutions of ``module`` see the opposite edge instead of zeros on the axes that wrap."""
    convolutions = [m for m in module.modules() if isinstance(m, nn.Conv2d) and max(m.padding) > 0]
    if not (wrap_y or wrap_x):
        convolutions = []
    for convolution in convolutions:
        convolution.forward = partial(_wrapped_forward, convolution, wrap_y, wrap_x)
    try:
        yield
    finally:
        for convolution in convolutions:
            del convolution.forward


def _wrapped_forward(convolution: nn.Conv2d, wrap_y: bool, wrap_x: bool, x: Tensor) -> Tensor:
    pad_y, pad_x = convolution.padding
    x = F.pad(x, (pad_x, pad_x, 0, 0), mode="circular" if wrap_x else "constant")
    x = F.pad(x, (0, 0, pad_y, pad_y), mode="circular" if wrap_y else "constant")
    return F.conv2d(
        x, convolution.weight, convolution.bias, convolution.stride, 0, convolution.dilation, convolution.groups
    )
