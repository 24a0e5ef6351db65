"""A model with what a user adds to it, as one model to the rest of the engine."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import Problem
from ..facts import ModelFacts
from ..few_step import few_step_lora
from ..single_file.header import read_header
from ..tiny_decoder import tiny_decoder_files, tiny_decoder_problem
from .embedding import embedding_problem, learn_words
from .lora import Lora, lora_problem, put_in
from .vae import Vae

if TYPE_CHECKING:
    import torch

    from ..model import Components, Model


@dataclass(frozen=True)
class Additions:
    """LoRAs, files of words, another VAE, a tiny decoder."""

    loras: tuple[Lora, ...] = ()
    embeddings: tuple[Path, ...] = ()
    vae: Vae | None = None
    tiny_decoder: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.loras or self.embeddings or self.vae or self.tiny_decoder)

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that are read."""
        vae = self.vae.files if self.vae else ()
        tiny = tiny_decoder_files(self.tiny_decoder) if self.tiny_decoder else ()
        return (*(lora.path for lora in self.loras), *self.embeddings, *vae, *tiny)

    def problems(self, facts: ModelFacts | None) -> Iterator[Problem]:
        """What stands against them, by their headers. ``facts``: of the model they are for, if it is known."""
        found = [lora_problem(lora.path, facts) for lora in self.loras]
        found += [embedding_problem(path, facts) for path in self.embeddings]
        if self.vae is not None:
            found.append(self.vae.problem(facts))
        if self.tiny_decoder is not None:
            sentence = f"there is no folder {str(self.tiny_decoder)!r}"
            if self.tiny_decoder.is_dir():
                sentence = tiny_decoder_problem(self.tiny_decoder, facts, str(self.tiny_decoder))
            found.append(Problem("tiny_decoder", sentence) if sentence else None)
        yield from (problem for problem in found if problem is not None)


class AdaptedModel:
    """A model and its additions. ``files`` are the model's own: what is added is hashed by itself."""

    def __init__(self, model: Model, additions: Additions) -> None:
        self._model = model
        self._additions = additions
        self.name = model.name

    @cached_property
    def facts(self) -> ModelFacts:
        """The model's, with the scale of the other VAE, and what a LoRA makes of it. Raises OSError."""
        facts = self._model.facts
        if self._additions.vae is not None:
            facts = self._additions.vae.applied_to(facts)
        for lora in self._additions.loras:
            found = few_step_lora(lora.path, read_header(lora.path).metadata)
            if found is not None and lora.weight:
                facts = replace(facts, few_step=found)
        return facts

    @property
    def files(self) -> tuple[Path, ...]:
        """See ``Model``."""
        return self._model.files

    @property
    def tiny_decoder(self) -> Path | None:
        """See ``Model``."""
        return self._additions.tiny_decoder or self._model.tiny_decoder

    @property
    def variant(self) -> Hashable:
        """See ``Model``."""
        stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in self._additions.files)
        return stamps, tuple(lora.weight for lora in self._additions.loras)

    def load(self, dtype: torch.dtype) -> Components:
        """Load the model, then what is added. Raises ModelError."""
        components = self._model.load(dtype)
        if self._additions.vae is not None:
            components.vae = self._additions.vae.load(dtype)
        if self._additions.loras:
            put_in(components, self._additions.loras)
        if self._additions.embeddings:
            learn_words(components, self._additions.embeddings)
        return components
