"""A model in memory, and the place that keeps it there."""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import torch

    from ..decoding.preview import LatentPreview
    from .catalog import Model

T = TypeVar("T")


@dataclass
class Components:
    """The parts of a Stable Diffusion model, frozen (no parameter asks for a gradient)."""

    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    preview: LatentPreview | None = None

    def to(self, device: torch.device) -> Components:
        """Move all networks to a device and freeze them for inference."""
        for network in (self.unet, self.vae, self.text_encoder):
            network.requires_grad_(False).eval().to(device)
        return self


class Kept(Generic[T]):
    """Keeps the one thing used last, so that it need not be loaded again. Not for two threads at a time."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._value: T | None = None

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """What ``key`` stands for: the thing kept, or, once that is released, the one ``load`` gives."""
        if self._value is None or key != self._key:
            self.release()
            self._value = load()
            self._key = key
        return self._value

    def release(self) -> None:
        """Forget it and give its memory back."""
        self._value = None
        free_unused_memory()


def model_key(model: Model, device: torch.device, dtype: torch.dtype) -> Hashable:
    """What tells a loaded model from another: where it is, in what precision, and the state of every file."""
    stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in model.files)
    return model.name, str(device), dtype, stamps


def free_unused_memory() -> None:
    """Give memory that nothing refers to back to the device."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
