"""Words learned by textual inversion: a file's name becomes a word that prompts can use."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ModelError, Problem
from ..facts import TEXT_WIDTHS, ModelFacts
from ..single_file.header import Header
from .judging import problem_of

if TYPE_CHECKING:
    from ..model import Components

SDXL_ENCODERS = ("clip_l", "clip_g")
MAX_VECTORS = 75  # what a text encoder takes


def embedding_problem(path: Path, facts: ModelFacts | None = None) -> Problem | None:
    """What stands against an embedding, by its header; None if nothing. ``facts``: of the model it is for, if known."""
    return problem_of("embedding", path, partial(_objection, facts=facts))


def is_embedding(header: Header) -> bool:
    """Whether a file holds nothing but vectors for a text encoder, in one of the forms that are in use."""
    if set(header.tensors) == set(SDXL_ENCODERS):
        return True
    if len(header.tensors) != 1:
        return False
    ((name, info),) = header.tensors.items()
    # A network's weight has a path for its name, a vector the name of a word.
    return "." not in name and (len(info.shape) == 1 or (len(info.shape) == 2 and info.shape[0] <= MAX_VECTORS))


def learn_words(components: Components, files: tuple[Path, ...]) -> None:
    """Teach the text encoders the words of the ``files``: each file's name without ``.safetensors``. Raises ModelError.

    The tokens stand in angle brackets, so that no other word has them in it: ``Components.spelled_out`` finds the
    words of a prompt that mean them, and puts all tokens of a word of several vectors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from .pipeline import pipeline_of

    pipeline = pipeline_of(components)
    for path in files:
        try:
            vectors = list(_in_order(load_file(path)))
            for (encoder, tokenizer), values in zip(components.text_encoders, vectors, strict=True):
                token = f"<{path.stem}>"
                pipeline.load_textual_inversion({token: values}, token, tokenizer, encoder)
                _end_by_token(encoder, tokenizer)
            components.words[path.stem] = len(vectors[0]) if vectors[0].ndim == 2 else 1
        except (OSError, SafetensorError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"embedding: {path.name!r} cannot be learned ({type(error).__name__}); is it for another model, or "
                "its name a word that the model has?"
            ) from error


def _in_order(state: dict[str, Any]) -> list[Any]:
    return [state[name] for name in SDXL_ENCODERS] if SDXL_ENCODERS[0] in state else list(state.values())


def _end_by_token(encoder: Any, tokenizer: Any) -> None:
    """Old configurations find a text's end as its largest token, which a new word is larger than."""
    encoder.config.eos_token_id = tokenizer.eos_token_id
    getattr(encoder, "text_model", encoder).eos_token_id = tokenizer.eos_token_id


def _objection(header: Header, facts: ModelFacts | None) -> str | None:
    if not is_embedding(header):
        return "is not a textual inversion embedding"
    for_sdxl = set(header.tensors) == set(SDXL_ENCODERS)
    if facts is None:
        return None
    if for_sdxl != (facts.family == "sdxl"):
        return f"is {'' if for_sdxl else 'not '}for SDXL, and the model is {'not' if for_sdxl else 'SDXL'}"
    width = next(iter(header.tensors.values())).shape[-1]
    if not for_sdxl and facts.text_width > 0 and width != facts.text_width:
        return f"is for {TEXT_WIDTHS.get(width, f'a text encoder of width {width}')}, which the model is not"
    return None
