"""From what lies in an experiment's folder to the numbers of the tables."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .experiment import Experiment, Job, Row
from .metrics import NEIGHBOURS, fid, giqa, kid
from .networks import Networks
from .worker import FEATURES, IMAGE, METRICS, is_done, read_picture, to_images, write_json

PAIRS = 1000  # Section 5: random pairs of single windows that give the scale of Intra-LPIPS


@dataclass(frozen=True)
class Picture:
    """One measured picture."""

    prompt: str
    seed: int
    image: Path
    values: Mapping[str, float]
    features: Tensor


@dataclass(frozen=True)
class Cell:
    """Mean and standard deviation over ``count`` values."""

    mean: float
    deviation: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Cell | None:
        """None where there is no finite value. Of a single value the deviation is 0."""
        kept = [value for value in values if math.isfinite(value)]
        return cls(float(np.mean(kept)), float(np.std(kept)), len(kept)) if kept else None


@dataclass
class Results:
    """What has been measured so far. ``cells`` are in plain units; ``Metric.scale`` shows them as the paper does."""

    experiment: Experiment
    networks: str
    pictures: dict[Row, list[Picture]]
    cells: dict[Row, dict[str, Cell | None]] = field(default_factory=dict)

    def row(self, key: str) -> Row | None:
        """The row that repeats the paper's row ``key``."""
        rows = (row for row in self.pictures if not row.reference and self.experiment.paper_key(row) == key)
        return next(rows, None)

    def cell(self, key: str, metric: str) -> Cell | None:
        """A metric in the row that repeats the paper's row ``key``."""
        return self.cells.get(self.row(key), {}).get(metric)

    def pictures_of(self, key: str) -> list[Picture]:
        """The pictures of the row that repeats the paper's row ``key``."""
        return self.pictures.get(self.row(key), [])


def gather(experiment: Experiment, folder: Path, jobs: Iterable[Job], identity: str) -> dict[Row, list[Picture]]:
    """The pictures of every row that are done."""
    pictures: dict[Row, list[Picture]] = {row: [] for row in experiment.rows()}
    for job in jobs:
        here = folder / job.folder
        if is_done(here, identity):
            read = json.loads((here / METRICS).read_text(encoding="utf-8"))
            values = {name: math.nan if value is None else value for name, value in read.items() if name != "networks"}
            features = torch.from_numpy(np.load(here / FEATURES))
            pictures[job.row].append(Picture(job.prompt, job.seed, here / IMAGE, values, features))
    return pictures


def summarise(
    experiment: Experiment, folder: Path, pictures: dict[Row, list[Picture]], identity: str, networks: Networks
) -> Results:
    """The cells of all rows.

    Of a picture: Intra-LPIPS, Intra-Style-L, GIQA, CLIP-S, seconds; mean and deviation are over all pictures. Of a set:
    FID and KID, against the reference pictures of the same prompt; mean and deviation are over prompts.
    """
    results = Results(experiment, networks.title, pictures)
    reference = _by_prompt(pictures[next(row for row in pictures if row.reference)])
    for row, made in pictures.items():
        cells = {name: Cell.of(one.values[name] for one in made) for name in ("agreement", "seconds")}
        distances = _distances(folder, row, made, identity, networks)
        cells |= {name: Cell.of(values) for name, values in distances.items()}
        sets = [(features, reference[prompt]) for prompt, features in _by_prompt(made).items() if prompt in reference]
        cells["giqa"] = Cell.of(itertools.chain.from_iterable(_giqa(row, *pair) for pair in sets))
        cells["fid"] = Cell.of(_compared(row, fid, sets))
        cells["kid"] = Cell.of(_compared(row, kid, sets))
        results.cells[row] = cells
    return results


def _by_prompt(pictures: Sequence[Picture]) -> dict[str, Tensor]:
    prompts = dict.fromkeys(picture.prompt for picture in pictures)
    return {name: torch.stack([one.features for one in pictures if one.prompt == name]) for name in prompts}


def _giqa(row: Row, features: Tensor, reference: Tensor) -> list[float]:
    """Nothing where there are fewer reference pictures than neighbours, nor for those pictures themselves."""
    return [] if row.reference or len(reference) < NEIGHBOURS else giqa(features, reference).tolist()


def _compared(
    row: Row, compare: Callable[[Tensor, Tensor], float], sets: Sequence[tuple[Tensor, Tensor]]
) -> list[float]:
    return [] if row.reference else [compare(*pair) for pair in sets if min(map(len, pair)) > 1]


def _distances(
    folder: Path, row: Row, pictures: Sequence[Picture], identity: str, networks: Networks
) -> dict[str, list[float]]:
    """Distances within panoramas; of single windows, those of random pairs of one prompt."""
    own = {name: [one.values[name] for one in pictures] for name in ("distance", "style")}
    if not pictures or any(math.isfinite(value) for value in own["distance"]):
        return own
    pairs = random_pairs(pictures, PAIRS)
    file = folder / "pairs" / f"{row.method}-{'reference' if row.reference else 'own'}.json"
    key = {"networks": identity, "pairs": [[str(a.image.parent.name), str(b.image.parent.name)] for a, b in pairs]}
    if file.is_file() and (kept := json.loads(file.read_text(encoding="utf-8")))["key"] == key:
        return kept["values"]
    values: dict[str, list[float]] = {"distance": [], "style": []}
    for a, b in pairs:
        (looks, grams), (others, other_grams) = (
            networks.coherence(to_images(read_picture(one.image))) for one in (a, b)
        )
        values["distance"].append(networks.distance(looks, others))
        values["style"].append(networks.style(grams, other_grams))
    file.parent.mkdir(exist_ok=True)
    write_json(file, {"key": key, "values": values})
    return values


def random_pairs(pictures: Sequence[Picture], count: int) -> list[tuple[Picture, Picture]]:
    """At most ``count`` pairs of pictures for every prompt, drawn without repetition, always the same."""
    chosen = []
    for prompt in dict.fromkeys(picture.prompt for picture in pictures):
        pairs = list(itertools.combinations([one for one in pictures if one.prompt == prompt], 2))
        order = np.random.default_rng(0).permutation(len(pairs))[:count]
        chosen += [pairs[index] for index in sorted(order)]
    return chosen
