"""``python -m benchmarks.seams``: whether loops of the built-in model show where they close.

Every seed is drawn as a loop and, with the same noise, as an open strip. Of each picture the join is ranked among the
steps at the borders of latents inside it (``core.panorama.seam``). Loops pass where the mean rank and the number of
joins that stand out are small; the open strips, whose ends know nothing of each other, have to fail the same test.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from syncdiffusion.core.models.builtin import BUILTIN
from syncdiffusion.core.panorama.seam import seam
from syncdiffusion.core.request.validation import prepare
from training.generated import Studio

MOST_MEAN_RANK = 0.65
STANDS_OUT = 0.95
MOST_THAT_STAND_OUT = 0.15  # of all seeds: 3 of 20
# By name: the target, how it wraps, and the axes in which it is to close.
KINDS: dict[str, dict[str, tuple[str, str, tuple[int, ...]]]] = {
    "strip": {"closed": ("strip", "x", (1,)), "open": ("strip", "none", (1,))},
    "tile": {"closed": ("tile", "xy", (1, 0)), "open": ("strip", "none", (1, 0))},
}


def verdict(ranks: Sequence[float]) -> dict[str, Any]:
    """What a set of ranks comes to, and whether it passes."""
    out = sum(rank > STANDS_OUT for rank in ranks)
    mean = float(np.mean(ranks))
    return {
        "count": len(ranks),
        "mean_rank": round(mean, 3),
        "stand_out": out,
        "passes": mean < MOST_MEAN_RANK and out <= MOST_THAT_STAND_OUT * len(ranks),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure. Returns 0 where loops pass and open strips do not."""
    parser = argparse.ArgumentParser(prog="benchmarks.seams", description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=list(KINDS), default="strip", help="a loop, or a tile: both of its joins")
    parser.add_argument("--prompt", default="a landscape")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--model", default=BUILTIN)
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--dtype", default="auto", help="bfloat16 is faster on some CPUs")
    parser.add_argument("--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"), help="the target's default")
    parser.add_argument("--folder", type=Path, default=Path("build/seams"), help="where pictures and figures are kept")
    given = parser.parse_args(arguments)
    wanted = {"prompt": given.prompt, "model": given.model, "preset": given.preset, "dtype": given.dtype}
    # Open and closed have the same canvas, which a tile and a strip do not by default.
    usual = prepare({**wanted, "target": given.kind}).request
    wanted["width"], wanted["height"] = given.size or (usual.width, usual.height)
    studio = Studio(given.folder / given.kind, **{name: value for name, value in wanted.items() if name != "prompt"})
    found: dict[str, Any] = {"settings": wanted}
    for name, (target, wrap, axes) in KINDS[given.kind].items():
        seen = []
        for seed in range(given.seeds):
            picture = studio.picture(f"{name}-{seed:02d}", given.prompt, target=target, wrap=wrap, seed=seed)
            seen += [round(seam(picture, axis=axis).rank, 3) for axis in axes]
            print(f"{name}, seed {seed}: {seen[-len(axes) :]}", flush=True)
        found[name] = {**verdict(seen), "ranks": seen}
        print(f"{name}: {verdict(seen)}", flush=True)
    (given.folder / f"{given.kind}.json").write_text(json.dumps(found, indent=2) + "\n")
    return 0 if found["closed"]["passes"] and not found["open"]["passes"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
