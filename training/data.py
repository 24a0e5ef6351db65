"""The pictures that the training reads, painted once and kept as shards.

``python -m training.data DIR --count 20000`` paints what is missing, on every core. It can be stopped at any time: a
shard is ``SHARD`` pictures of successive seeds, ``NAME.npy`` (SHARD, size, size, 3) uint8 with ``NAME.json`` beside
it, and is renamed into place when it is whole.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .landscapes import sample, words_for
from .landscapes.noise import Array

SHARD = 500
HELD_OUT_SEED = 1_000_000  # seeds from here on are never trained on
_WORDS = ("mood", "scene", "style", "material", "extra")


@dataclass(frozen=True)
class Pictures:
    """Painted pictures on disk: memory-mapped shards, and for every picture the fields of its Sample."""

    shards: Sequence[Array]
    words: Sequence[dict[str, str]]

    def __len__(self) -> int:
        return len(self.words)

    def images(self, numbers: Sequence[int] | Array) -> Array:
        """Pictures by number, (count, size, size, 3) uint8."""
        each = len(self.shards[0])
        return np.stack([self.shards[int(number) // each][int(number) % each] for number in numbers])

    def caption(self, number: int, rng: np.random.Generator) -> str:
        """One of the captions that a picture can have."""
        return words_for(rng, **self.words[number])


def open_pictures(folder: Path, *, held_out: bool = False) -> Pictures:
    """The whole shards in a folder, in the order of their seeds. Raises FileNotFoundError where there are none."""
    paths = sorted(folder.glob("held-*.json" if held_out else "train-*.json"))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no pictures; paint them with python -m training.data {folder}")
    words = [words for path in paths for words in json.loads(path.read_text())]
    return Pictures([np.load(path.with_suffix(".npy"), mmap_mode="r") for path in paths], words)


@dataclass(frozen=True)
class Shard:
    """A shard to be painted: its JSON file, the seed of its first picture, how many, and their size."""

    path: Path
    first_seed: int
    count: int
    size: int


def paint(shard: Shard) -> None:
    """Paint a shard and rename it into place."""
    path = shard.path
    samples = [sample(seed, shard.size) for seed in range(shard.first_seed, shard.first_seed + shard.count)]
    unfinished = path.with_suffix(".tmp.npy")
    np.save(unfinished, np.stack([one.image for one in samples]))
    os.replace(unfinished, path.with_suffix(".npy"))
    words = [{name: getattr(one, name) for name in _WORDS} for one in samples]
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(words))
    os.replace(unfinished, path)


def missing(folder: Path, count: int, held_out: int, size: int, each: int = SHARD) -> list[Shard]:
    """The shards that have yet to be painted for so many pictures to train on and to judge by."""
    shards = [
        Shard(folder / f"{name}-{n:04d}.json", first_seed + n * each, each, size)
        for name, first_seed, pictures in (("held", HELD_OUT_SEED, held_out), ("train", 0, count))
        for n in range(-(-pictures // each))
    ]
    return [shard for shard in shards if not shard.path.exists()]


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and paint."""
    parser = argparse.ArgumentParser(prog="training.data", description="Paint the pictures for the training.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=20000, help="pictures to train on, in steps of 500")
    parser.add_argument("--held-out", type=int, default=1000, help="pictures to judge by, in steps of 500")
    parser.add_argument("--size", type=int, default=256, help="of a picture, in pixels")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args(arguments)

    given.folder.mkdir(parents=True, exist_ok=True)
    jobs = missing(given.folder, given.count, given.held_out, given.size)
    started = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(given.workers) as pool:
        for done, _ in enumerate(pool.imap_unordered(paint, jobs), 1):
            seconds = time.perf_counter() - started
            left = seconds / done * (len(jobs) - done)
            print(f"{done} of {len(jobs)} shards, {seconds:.0f} s, {left:.0f} s left", flush=True)


if __name__ == "__main__":
    main()
