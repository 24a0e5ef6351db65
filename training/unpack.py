"""From a shipped model back to checkpoints: ``python -m training.unpack models/landscapes``.

So the training can go on where the last one ended, on another machine. What float16 and an average of weights do not
hold (the optimizers' state) starts anew. The built-in distance is not unpacked: its heads are gone. How the model was
made so far goes along, for the record of the next one.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from .denoiser import TOKENIZER

FILES = {"vae": "diffusion_pytorch_model", "unet": "diffusion_pytorch_model", "text_encoder": "model"}
RECORD = "training.json"  # of a model; in a run, that of the model it goes on from
STAGES = {"autoencoder": ("vae",), "denoiser": ("unet", "text_encoder")}


def unpack(model: Path, run: Path) -> None:
    """Write a checkpoint of step 0 for the stages whose weights the model holds. Raises FileExistsError."""
    for stage, names in STAGES.items():
        path = run / stage / "checkpoint.pt"
        if path.exists():
            raise FileExistsError(f"{path} is there already; name another folder, or go on from it")
        weights = {name: _weights(model / name / f"{FILES[name]}.safetensors") for name in names}
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"step": 0, "networks": weights, "optimizers": {}, "averages": weights}, path)
    shutil.copytree(model / "tokenizer", run / "denoiser" / TOKENIZER)
    shutil.copy(model / RECORD, run / RECORD)


def _weights(file: Path) -> Mapping[str, Tensor]:
    return {name: value.float() for name, value in load_file(file).items()}


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and unpack."""
    parser = argparse.ArgumentParser(prog="training.unpack", description="Make checkpoints of a shipped model.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--run", type=Path, default=Path("build/training"))
    given = parser.parse_args(arguments)
    unpack(given.model, given.run)
    print(f"{given.run}: go on with python -m training.run autoencoder, or denoiser")


if __name__ == "__main__":
    main()
