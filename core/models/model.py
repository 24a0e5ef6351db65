"""What a model is to the rest of the engine: found and looked at, then loaded."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .facts import ModelFacts

if TYPE_CHECKING:
    import torch


@dataclass
class Components:
    """The parts of a Stable Diffusion model in memory. Only SDXL has a second text encoder with its tokenizer.

    ``zeros_for_empty``: an empty negative prompt is embeddings of zeros and not those of an empty text. ``words``:
    those learned by textual inversion, and how many vectors each has. ``notes``: what the user is to be told.
    """

    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    text_encoder_2: Any = None
    tokenizer_2: Any = None
    zeros_for_empty: bool = False
    words: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def text_encoders(self) -> list[tuple[Any, Any]]:
        """Every text encoder with its tokenizer, in the order in which the UNet reads what they write."""
        pairs = [(self.text_encoder, self.tokenizer), (self.text_encoder_2, self.tokenizer_2)]
        return [(encoder, tokenizer) for encoder, tokenizer in pairs if encoder is not None]

    def spelled_out(self, text: str) -> str:
        """A text with the tokens of learned words in their place: ``word``, ``<word>`` or ``embedding:word``."""
        for word, count in self.words.items():
            tokens = " ".join([f"<{word}>", *(f"<{word}>_{index}" for index in range(1, count))])
            pattern = rf"(?:embedding:|<)?(?<!\w){re.escape(word)}(?!\w)>?"
            text = re.sub(pattern, lambda _, tokens=tokens: tokens, text, flags=re.IGNORECASE)
        return text

    def to(self, device: torch.device) -> Components:
        """Move the networks to a device and freeze them: no parameter asks for a gradient.

        The text encoders stay where they are, on the CPU: they are on the device only while they encode.
        """
        for network in (self.unet, self.vae, *(encoder for encoder, _ in self.text_encoders)):
            network.requires_grad_(False).eval()
        self.unet.to(device)
        self.vae.to(device)
        return self

    @contextmanager
    def encoders_on_device(self) -> Iterator[None]:
        """Within, the text encoders are where the UNet is."""
        try:
            for encoder, _ in self.text_encoders:
                encoder.to(self.unet.device)
            yield
        finally:
            for encoder, _ in self.text_encoders:
                encoder.to("cpu")


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

    @property
    def variant(self) -> Hashable:
        """What tells it from other models of the same files; None for a model as it is."""

    def load(self, dtype: torch.dtype) -> Components:
        """Load all its parts in ``dtype``, on the CPU. Raises ModelError."""


def model_key(model: Model, device: torch.device, dtype: torch.dtype) -> Hashable:
    """What tells a loaded model from another: where it is, in what precision, and the state of every file."""
    stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in model.files)
    return model.name, str(device), dtype, stamps, model.variant
