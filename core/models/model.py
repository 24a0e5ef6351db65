"""What a model is to the rest of the engine: found and looked at, then loaded."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .facts import ModelFacts

if TYPE_CHECKING:
    import torch


@dataclass
class Components:
    """The parts of a Stable Diffusion model in memory."""

    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any

    def to(self, device: torch.device) -> Components:
        """Move all networks to a device and freeze them: no parameter asks for a gradient."""
        for network in (self.unet, self.vae, self.text_encoder):
            network.requires_grad_(False).eval().to(device)
        return self


class Model(Protocol):
    """A model that has been found and looked at, but not loaded."""

    name: str

    @property
    def facts(self) -> ModelFacts:
        """What its configuration says."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that make it what it is, for its hash."""

    @property
    def tiny_decoder(self) -> Path | None:
        """The folder where its tiny decoder lies, if it has one (see ``tiny_decoder``); None: it cannot have one."""

    def load(self, dtype: torch.dtype) -> Components:
        """Load all its parts in ``dtype``, on the CPU. Raises ModelError."""


def model_key(model: Model, device: torch.device, dtype: torch.dtype) -> Hashable:
    """What tells a loaded model from another: where it is, in what precision, and the state of every file."""
    stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in model.files)
    return model.name, str(device), dtype, stamps
