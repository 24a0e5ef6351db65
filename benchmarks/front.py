"""``python -m benchmarks.front``: what shortcuts cost in coherence and quality, and save in operations.

Every candidate makes the same seeds on the built-in model, and the judge of the training looks at them. The gain in
coherence is how much of the distance between a panorama's windows goes away, of what the exact gradient (the paper's
settings) takes away from MultiDiffusion's. Pictures are kept under ``--studio``: a stopped measurement goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from syncdiffusion.core.models.builtin import BUILTIN, PERCEPTUAL_FOLDER
from syncdiffusion.core.perceptual.builtin import read_builtin_distance
from syncdiffusion.core.request.validation import prepare
from training.data import open_pictures
from training.generated import Studio
from training.judge import Judge
from training.loop import CONFIG, read_config
from training.measure import VAGUE_PROMPT, Distances, coherence

from .cost import Counting, naive_cost
from .plot import draw_front

WITHIN = 0.05  # of the exact path: coherence, quality and agreement with the prompt

_FAST: Mapping[str, Any] = {"gradient": "no-unet", "reuse_noise": True}
_HALF: Mapping[str, Any] = {**_FAST, "loss_scale": 0.5}
_SHIFT: Mapping[str, Any] = {**_HALF, "shift_windows": True}

# The first two are what the gain is measured between. ``balanced`` and ``draft`` are as shipped.
CANDIDATES: Mapping[str, Mapping[str, Any]] = {
    "multidiffusion": {"preset": "paper", "method": "multidiffusion"},
    "exact": {"preset": "paper"},
    "exact, first 20": {"preset": "paper", "sync_first": 20},
    "no-unet": {"preset": "paper", "gradient": "no-unet"},
    "half scale": {"preset": "paper", "loss_scale": 0.5},
    "noise reused": {"preset": "paper", "reuse_noise": True},
    "shifted": {"preset": "paper", "shift_windows": True},
    "half stride": {"preset": "paper", "stride": 128},
    "no-unet, half, reused": {"preset": "paper", **_HALF},
    "20 steps": {"preset": "balanced", "gradient": "exact", "sync_first": 20},
    "20 steps, no-unet, half, reused": {"preset": "balanced", **_HALF},
    "20 steps, shifted, no-unet, half, reused": {"preset": "balanced", **_SHIFT},
    "10 steps, shifted, no-unet, half, reused": {"preset": "draft", **_SHIFT},
    "balanced": {"preset": "balanced"},
    "draft": {"preset": "draft"},
}


def measure(
    names: Sequence[str], seeds: int, studio: Studio, judge: Judge, extra: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """One row for every candidate: TFLOP, coherence, quality, agreement; the two that bound the gain come first."""
    counting = Counting(BUILTIN)
    distances = {"intra": Distances(read_builtin_distance(PERCEPTUAL_FOLDER))}
    rows: list[dict[str, Any]] = []
    for name in names:
        settings = {**CANDIDATES[name], **extra}
        plan = prepare({"prompt": VAGUE_PROMPT, **settings})
        made = [studio.picture(f"{name}-{seed:02d}", VAGUE_PROMPT, seed=seed, **settings) for seed in range(seeds)]
        row = {"name": name, "tflop": sum(counting.panorama(plan).values()) / 1e12, **coherence(made, judge, distances)}
        rows.append({**row, **_against_exact(row, rows)})
        print(json.dumps(rows[-1]), flush=True)
    plan = prepare({"prompt": VAGUE_PROMPT, "preset": "paper"})
    authors = sum(naive_cost(len(plan.windows), plan.request.steps, counting.window(), 0.0).values()) / 1e12
    for row in rows:
        row["cheaper"] = authors / row["tflop"]
    return rows


def _against_exact(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The share of the exact path's gain, and whether the row holds up against it."""
    if len(rows) < 2:
        return {}
    plain, exact = rows[:2]
    gain = (plain["intra"] - row["intra"]) / (plain["intra"] - exact["intra"])
    quality = exact["distance_to_truth"] / row["distance_to_truth"]
    agreement = row["prompt_agreement"] / exact["prompt_agreement"]
    return {
        "gain": gain,
        "quality": quality,
        "agreement": agreement,
        "holds": bool(min(gain, quality, agreement) >= 1 - WITHIN),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="benchmarks.front", description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="the JSON to write")
    parser.add_argument("--image", type=Path, help="an SVG of the front")
    parser.add_argument("--data", type=Path, default=Path("build/training/data"))
    parser.add_argument("--judge", type=Path, default=Path("build/training/judge"))
    parser.add_argument("--studio", type=Path, default=Path("build/front"))
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--only", nargs="*", choices=list(CANDIDATES), default=list(CANDIDATES))
    parser.add_argument("--dtype", default="auto", help="bfloat16 is faster on a CPU with AMX")
    options = parser.parse_args(arguments)
    names = list(dict.fromkeys(["multidiffusion", "exact", *options.only]))
    judge = Judge(options.judge, read_config(CONFIG), open_pictures(options.data))
    studio = Studio(options.studio, dtype=options.dtype)
    rows = measure(names, options.seeds, studio, judge, {"dtype": options.dtype})
    figures = {"judge_accuracy": float(np.round(judge.accuracy, 3)), "seeds": options.seeds, "dtype": options.dtype}
    options.output.write_text(json.dumps({**figures, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    if options.image:
        options.image.write_text(draw_front(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
