"""Where the built-in model lies: a folder in diffusers layout that comes with the package."""

from __future__ import annotations

from pathlib import Path

BUILTIN = "builtin"  # what users call it
BUILTIN_FOLDER = Path(__file__).resolve().parents[2] / "models" / "landscapes"
PERCEPTUAL_FOLDER = BUILTIN_FOLDER / "perceptual"  # the network of the loss ``builtin``
