"""Checkpoints that are one file in the original layout: recognised from the header, loaded offline."""

from .checkpoint import CheckpointModel, load_checkpoint
from .configs import inspect_checkpoint
from .header import CheckpointError, DamagedFileError, Header, TensorInfo, WrongKindError, read_header
from .tokenizer import make_tokenizer

__all__ = [
    "CheckpointError",
    "CheckpointModel",
    "DamagedFileError",
    "Header",
    "TensorInfo",
    "WrongKindError",
    "inspect_checkpoint",
    "load_checkpoint",
    "make_tokenizer",
    "read_header",
]
