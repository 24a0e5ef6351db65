"""The tokenizer of the built-in model, learned from captions, and captions as people might write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from syncdiffusion.core.models.libraries import import_diffusers

END_OF_WORD = "</w>"
START, END = "<|startoftext|>", "<|endoftext|>"

# What people add to prompts and the pictures do not know: the model learns to pass over it.
FILLERS = (
    "highly detailed",
    "4k",
    "8k",
    "wide angle",
    "masterpiece",
    "award winning",
    "cinematic",
    "beautiful light",
    "sharp focus",
    "peaceful",
    "dramatic",
    "with a castle",
    "with a small house",
    "with animals",
    "national park",
    "in europe",
    "best quality",
    "360 degrees",
    "by a famous artist",
    "trending",
)


def with_fillers(caption: str, rng: np.random.Generator, share: float = 0.2) -> str:
    """The caption, now and then followed by one to three of FILLERS."""
    if rng.uniform() >= share:
        return caption
    return ", ".join([caption, *rng.choice(FILLERS, size=rng.integers(1, 4), replace=False)])


def learn_merges(captions: Iterable[str], count: int) -> list[tuple[str, str]]:
    """The byte pairs that captions consist of, most frequent first, at most ``count``."""
    import_diffusers()
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE(end_of_word_suffix=END_OF_WORD))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(vocab_size=512 + count, end_of_word_suffix=END_OF_WORD, show_progress=False)
    learner.train_from_iterator(captions, trainer)
    merges = json.loads(learner.to_str())["model"]["merges"]
    return [(left, right) for left, right in merges][:count]


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer that ``save_tokenizer`` wrote."""
    import_diffusers()
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(folder)


def save_tokenizer(merges: list[tuple[str, str]], tokens: int, folder: Path) -> Any:
    """Write a CLIP tokenizer of byte letters and merges (``vocab.json`` and ``merges.txt``), and return it."""
    import_diffusers()
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    pieces = [*letters, *(letter + END_OF_WORD for letter in letters), *(a + b for a, b in merges), START, END]
    folder.mkdir(parents=True, exist_ok=True)
    words = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    (folder / "vocab.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": tokens,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    return read_tokenizer(folder)


def tokens(tokenizer: Any, captions: Sequence[str]) -> Tensor:
    """Token ids (B, text_tokens), cut or padded."""
    return tokenizer(
        list(captions),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids
