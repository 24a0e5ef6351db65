"""Contact sheets of what the model makes: ``python -m training.sheets FOLDER``.

Reconstructions of held-out pictures, single windows for 24 prompts, panoramas for 8 prompts and 4 seeds, and
MultiDiffusion beside SyncDiffusion on the same noise for vague prompts. ``--only`` makes one of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from syncdiffusion.core.models.catalog import find_model

from .autoencoder import to_tensor
from .data import Pictures, open_pictures
from .generated import Studio
from .samples import PROMPTS, to_images
from .view import save, sheet

MORE_PROMPTS = (
    "a photo of rolling hills with flowers at dawn",
    "an oil painting of a lake with reflections at sunset",
    "a photo of a desert at night",
    "an anime illustration of the countryside on a sunny day",
    "a photo of a pine forest under the northern lights",
    "a photo of an autumn forest at sunset",
    "vines on a brick wall",
    "a photo of a winter landscape with snow at twilight",
)
PANORAMA_PROMPTS = PROMPTS[:8]
VAGUE_PROMPTS = ("a landscape", "a photo of nature")
METHODS = ("multidiffusion", "syncdiffusion")


@torch.no_grad()
def reconstructions(pictures: Pictures, count: int = 12) -> tuple[list[np.ndarray], list[str]]:
    """Held-out pictures, each row above what the autoencoder makes of it."""
    vae = find_model("builtin").load(torch.float32).vae.eval()
    true = pictures.images(np.linspace(0, len(pictures) - 1, count).astype(int))
    made = to_images(vae.decode(vae.encode(to_tensor(true)).latent_dist.mean).sample)
    images, captions = [], []
    for start in range(0, count, 6):
        images += [*true[start : start + 6], *made[start : start + 6]]
        captions += ["painted"] * 6 + ["reconstructed"] * 6
    return images, captions


def windows(studio: Studio, **settings: Any) -> tuple[list[np.ndarray], list[str]]:
    """Single windows."""
    prompts = (*PROMPTS, *MORE_PROMPTS)
    made = [
        studio.picture(f"window-{number:02d}", prompt, width=256, method="multidiffusion", seed=number, **settings)
        for number, prompt in enumerate(prompts)
    ]
    return made, list(prompts)


def panoramas(studio: Studio, seeds: int = 4, **settings: Any) -> tuple[list[np.ndarray], list[str]]:
    """Strips six windows wide, a prompt below the other."""
    made = [
        studio.picture(f"panorama-{number}-{seed}", prompt, seed=seed, **settings)
        for number, prompt in enumerate(PANORAMA_PROMPTS)
        for seed in range(seeds)
    ]
    return made, [f"{prompt}, seed {seed}" for prompt in PANORAMA_PROMPTS for seed in range(seeds)]


def coherence(studio: Studio, seeds: int = 4, **settings: Any) -> tuple[list[np.ndarray], list[str]]:
    """The same noise without and with the gradient, side by side."""
    made, captions = [], []
    for prompt in VAGUE_PROMPTS:
        for seed in range(seeds):
            for method in METHODS:
                name = f"coherence-{prompt.replace(' ', '-')}-{seed}-{method}"
                made.append(studio.picture(name, prompt, seed=seed, method=method, **settings))
                captions.append(f"{prompt}, seed {seed}, {method}")
    return made, captions


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and make the sheets."""
    parser = argparse.ArgumentParser(prog="training.sheets", description="Contact sheets of the built-in model.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=Path("build/training/data"))
    parser.add_argument("--studio", type=Path, default=Path("build/training/studio"))
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--dtype", default="auto", help="bfloat16 is faster on a CPU with AMX")
    parser.add_argument("--only", choices=("reconstructions", "windows", "panoramas", "coherence"))
    given = parser.parse_args(arguments)

    studio = Studio(given.studio, dtype=given.dtype)
    # What makes a sheet, its columns, and its scale on paper.
    sheets: dict[str, tuple[Callable[[], tuple[list[np.ndarray], list[str]]], int, float]] = {
        "reconstructions": (lambda: reconstructions(open_pictures(given.data, held_out=True)), 6, 0.6),
        "windows": (lambda: windows(studio), 8, 0.6),
        "panoramas": (lambda: panoramas(studio, preset=given.preset), 4, 0.3),
        "coherence": (lambda: coherence(studio, preset=given.preset), 2, 0.5),
    }
    for name, (make, columns, scale) in sheets.items():
        if given.only in (None, name):
            images, captions = make()
            path = given.folder / f"model-{name}.jpg"
            save(sheet(images, captions, columns), path, scale)
            print(f"{path}: {len(images)} pictures")


if __name__ == "__main__":
    main()
