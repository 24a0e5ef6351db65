"""CLIP's tokenizer from the vocabulary shipped with this package: checkpoints that are one file carry none."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

MERGES_FILE = Path(__file__).parent / "clip_vocabulary" / "merges.txt.gz"
START, END = "<|startoftext|>", "<|endoftext|>"
VOCABULARY_SIZE = 49_408


def make_tokenizer(*, pad_token: str = END, max_length: int = 77) -> CLIPTokenizer:
    """Build the tokenizer that Stable Diffusion 1.x and 2.x share but for what pads short prompts.

    Args:
        pad_token: ``<|endoftext|>`` for 1.x; ``!`` (id 0) for 2.x.
        max_length: the tokens a text encoder takes, start and end included.
    """
    from transformers import CLIPTokenizer

    merges = [tuple(line.split(" ")) for line in gzip.decompress(MERGES_FILE.read_bytes()).decode("utf-8").splitlines()]
    units = _byte_units()
    words = [*units, *(unit + "</w>" for unit in units), *("".join(pair) for pair in merges), START, END]
    vocabulary = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=pad_token, model_max_length=max_length)


def _byte_units() -> list[str]:
    """One printable character for each byte, in the vocabulary's order: printable bytes first, then the others."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = 256 - len(printable)
    return [chr(code) for code in printable] + [chr(256 + index) for index in range(others)]
