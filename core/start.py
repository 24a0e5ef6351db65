"""Where a run begins: in noise, in a picture under noise (refine), or in noise round a picture (grow)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .decoding.decoder import Decoder
from .decoding.encoder import Encoder
from .diffusion.windows import Windows
from .errors import ModelError
from .files.images import ImageError, read_square, resized
from .files.latents import read_latents
from .panorama.sphere import strip_of
from .pictures import read_srgb
from .request.request import Request
from .request.start import is_latents, is_sphere


def clean_canvas(request: Request, shape: tuple[int, ...], encoder: Encoder, decoder: Decoder) -> Tensor:
    """The latents (1, C, h, w) = ``shape`` of the picture that is refined, enlarged to the canvas."""
    if is_latents(request.init_image):
        latents = torch.from_numpy(read_latents(Path(request.init_image)))
        if latents.shape == shape:
            return latents
        # Enlarged as a picture: latents between those of pictures decode to blur.
        pixels = decoder.canvas(latents.to(decoder.device), "auto", request.wrap_y, request.wrap_x)
        picture = pixels[0].permute(1, 2, 0).numpy()
    else:
        picture = _read(read_srgb, Path(request.init_image))
        if is_sphere(request.target, picture.shape[1], picture.shape[0]):
            enlarged = resized(picture, request.width, request.width // 2, wrap_y=False, wrap_x=True)
            picture = strip_of(enlarged, request.width, request.height, request.horizon)
    picture = resized(picture, request.width, request.height, wrap_y=request.wrap_y, wrap_x=request.wrap_x)
    return encoder.canvas(to_tensor(picture).clamp(0, 1), request.wrap_y, request.wrap_x)


def held_window(
    request: Request, windows: Windows, index: int, encoder: Encoder, device: torch.device
) -> Callable[[Tensor, int], Tensor]:
    """What keeps the window ``index`` of every x0 prediction the picture that a panorama is grown round."""
    square = _read(lambda path: read_square(path, request.window), Path(request.init_image))
    latents = encoder.images(to_tensor(square).to(device))

    def hold(x0: Tensor, _: int) -> Tensor:
        rows, columns = windows.pixels(index, x0)
        held = x0.clone()
        held[:, :, rows, columns] = latents.to(x0.dtype)
        return held

    return hold


def sphere_to_refine(request: Request) -> np.ndarray | None:
    """The whole sphere (H, 2 H, 3) in [0, 1] that is refined; None where a run starts from something else."""
    if request.init_mode != "refine" or is_latents(request.init_image):
        return None
    picture = _read(read_srgb, Path(request.init_image))
    return picture if is_sphere(request.target, picture.shape[1], picture.shape[0]) else None


def to_tensor(picture: np.ndarray) -> Tensor:
    """A picture (H, W, 3) as a batch of one, (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]


def _read(read: Callable[[Path], np.ndarray], path: Path) -> np.ndarray:
    try:
        return read(path)
    except ImageError as error:  # it could be read when the request was checked
        raise ModelError(f"init-image: {error}") from error
