"""The Hugging Face cache as folders, found without importing the library that fills it."""

from __future__ import annotations

import os
from pathlib import Path

from .facts import ModelFacts

# The width of the text that a UNet reads tells the family; that of its latents is the same for all models of it.
TINY_DECODERS = {768: "madebyollin/taesd", 1024: "madebyollin/taesd", 2048: "madebyollin/taesdxl"}


def hub_cache() -> Path:
    """Where the Hugging Face libraries keep what they download."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if chosen := os.environ.get(variable):
            return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("HF_HOME") or os.path.join(cache, "huggingface")).expanduser() / "hub"


def cached_repository(hub_id: str) -> Path | None:
    """The folder of a repository at the revision that its id stands for on this machine; None if it is not there."""
    snapshots = hub_cache() / f"models--{hub_id.replace('/', '--')}" / "snapshots"
    revision = current_revision(snapshots)
    return snapshots / revision if revision and os.path.isdir(snapshots / revision) else None


def repository_of(path: Path) -> str | None:
    """The hub id of the repository that a file or folder of the cache belongs to; None for any other path."""
    parts = Path(path).parts
    if "snapshots" not in parts[1:]:
        return None
    folder = parts[parts.index("snapshots", 1) - 1]
    return folder.removeprefix("models--").replace("--", "/", 1) if folder.startswith("models--") else None


def published_tiny_decoder(facts: ModelFacts) -> Path | None:
    """The tiny decoder of a model's family, if it is in the cache; None if not, or if the family has none."""
    hub_id = TINY_DECODERS.get(facts.text_width)
    return cached_repository(hub_id) if hub_id else None


def current_revision(snapshots: Path) -> str | None:
    """Which of a repository's snapshots its id stands for; None where nothing says so."""
    try:
        return (snapshots.parent / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
