"""Decoding with background reconstruction (Blended Latent Diffusion, Section 4.2): known pixels stay what they were.

A window's decoded picture differs from its neighbour's where the two overlap, since a decoder looks around. So for
every window that was grown the decoder's weights are tuned until the known part comes out as it is already there.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..decoding.decoder import Decoder, to_unit_range
from .blended import growth
from .windows import Windows, pixels_of

# As the authors' code has them.
STEPS = 75
LEARNING_RATE = 1e-4
PRESERVATION = 100.0  # weight of the known part's error over that of the new part


def decode_grown(
    decoder: Decoder, windows: Windows, latents: Tensor, check_cancelled: Callable[[], None], steps: int = STEPS
) -> Tensor:
    """A canvas (1, C, h, w) that has grown window by window to an image (1, 3, H, W) in [0, 1], on the CPU in float32.

    Every window is decoded by itself and gives the pixels that were not known before. ``check_cancelled`` is called
    before every step; what it raises ends the decode.
    """
    tuned, image = None, None
    for grown in growth(windows):
        check_cancelled()
        z = windows.crop(latents, [grown.index])
        with torch.no_grad():
            window = decoder.unclamped(z).float()
        factor = window.shape[-1] // windows.window
        if image is None:
            image = window.new_zeros((1, 3, windows.height * factor, windows.width * factor))
        known = grown.known.to(z.device).repeat_interleave(factor, 0).repeat_interleave(factor, 1)
        rows, columns = _pixels(windows, grown.index, factor, image)
        there = image[:, :, rows, columns]
        if known.any():
            tuned = tuned or _Tuned(decoder)
            window = tuned.reconstruct(z, window, there, known, steps, check_cancelled)
        image[:, :, rows, columns] = torch.where(known, there, window)
    return to_unit_range(image).cpu()


def _pixels(windows: Windows, index: int, factor: int, image: Tensor) -> tuple[Tensor, Tensor]:
    top, left = windows.positions[index]
    size = windows.window * factor
    canvas = (windows.height * factor, windows.width * factor)
    return pixels_of((top * factor, left * factor), (size, size), canvas, image)


class _Tuned:
    """A copy of the decoder whose weights are tuned to one window after another, each time from the original's."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder, self._part = decoder.copy_to_tune()
        self._original = {name: value.clone() for name, value in self._part.state_dict().items()}

    @torch.enable_grad()
    def reconstruct(
        self, z: Tensor, new: Tensor, there: Tensor, known: Tensor, steps: int, check_cancelled: Callable[[], None]
    ) -> Tensor:
        """The window z decoded so that it is ``there`` where ``known`` and stays ``new`` elsewhere, around [-1, 1]."""
        self._part.load_state_dict(self._original)
        optimizer = torch.optim.Adam(self._part.parameters(), lr=LEARNING_RATE)
        for _ in range(steps):
            check_cancelled()
            optimizer.zero_grad()
            reconstruction_error(self._decoder.unclamped(z.float()), new, there, known).backward()
            optimizer.step()
        with torch.no_grad():
            return self._decoder.unclamped(z.float())


def reconstruction_error(decoded: Tensor, new: Tensor, there: Tensor, known: Tensor) -> Tensor:
    """Mean squared error to ``new``, and, many times heavier, to what is ``there`` where it is ``known``."""
    return F.mse_loss(decoded * ~known, new * ~known) + PRESERVATION * F.mse_loss(decoded * known, there * known)
