"""Train one stage of the built-in model: ``python -m training.run STAGE``. Run again, it goes on where it stopped."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from .loop import CONFIG, read_config, start_workers

STAGES = ("autoencoder", "decoder", "features", "judge", "denoiser")


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(prog="training.run", description="Train one stage of the built-in model.")
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--data", type=Path, default=Path("build/training/data"), help="what training.data painted")
    parser.add_argument("--out", type=Path, default=Path("build/training"), help="a folder per stage is made in it")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=1, help="processes, each on one core of a CPU")
    parser.add_argument("--minutes", type=float, help="stop with a checkpoint after so long")
    parser.add_argument("--config", type=Path, default=CONFIG)
    given = parser.parse_args(arguments)
    config = read_config(given.config)
    if given.minutes is not None:
        config[given.stage]["minutes"] = given.minutes
    stage = import_module(f".{given.stage}", __package__)
    start_workers(stage.train, given.workers, given.device, given.out / given.stage, given.data, config)


if __name__ == "__main__":
    main()
