"""From checkpoints to the model that is shipped: ``python -m training.export models/landscapes``.

Writes a folder in diffusers layout with float16 weights, the network of the built-in distance beside them, and
``training.json``: the configuration, how far every stage came, and the same of the model that the run went on from.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from syncdiffusion.core.models.libraries import import_diffusers

from .autoencoder import make_autoencoder
from .data import open_pictures
from .denoiser import TOKENIZER, make_text_encoder, make_unet
from .features import Classifier, folded
from .latents import read_latents
from .loop import CONFIG, averaged_weights, read_config
from .samples import SCHEDULER
from .unpack import RECORD
from .words import read_tokenizer

MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", SCHEDULER["_class_name"]],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def load_vae(run: Path, config: Mapping[str, Any]) -> Any:
    """The autoencoder of a run. Where the decoder has been sharpened, its weights lie between the two decoders'.

    Half way is sharper than the first, without the ripples that the adversary leaves in the second.
    """
    vae = make_autoencoder(config["autoencoder"], config["data"]["size"])
    weights = averaged_weights(run / "autoencoder", "vae")
    if (run / "decoder" / "checkpoint.pt").exists():
        sharpened, share = averaged_weights(run / "decoder", "decoder"), config["decoder"]["share"]
        weights |= {name: weights[name].lerp(value, share) for name, value in sharpened.items()}
    vae.load_state_dict(weights)
    return vae.eval()


@torch.no_grad()
def fold_scale(vae: Any, mean: Tensor, spread: Tensor) -> None:
    """Change the 1x1 convolutions around the latents so that every channel has mean 0 and spread 1 between them."""
    first, last = vae.quant_conv, vae.post_quant_conv
    channels = len(mean)
    first.bias[:channels] -= mean
    first.weight[:channels] /= spread[:, None, None, None]
    first.bias[:channels] /= spread
    first.bias[channels:] -= 2.0 * spread.log()  # the log variances
    last.bias += last.weight[:, :, 0, 0] @ mean
    last.weight *= spread[None, :, None, None]


def export(run: Path, output: Path, config: Mapping[str, Any], pictures: int) -> None:
    """Write the model of a run to a folder."""
    import_diffusers()
    latents = read_latents(run / "denoiser")
    vae = load_vae(run, config)
    fold_scale(vae, latents.mean, latents.spread)
    vae.register_to_config(scaling_factor=1.0)
    vae.half().save_pretrained(output / "vae")

    shutil.copytree(run / "denoiser" / TOKENIZER, output / "tokenizer", dirs_exist_ok=True)
    tokenizer = read_tokenizer(output / "tokenizer")
    networks: dict[str, nn.Module] = {
        "unet": make_unet(config["denoiser"], *latents.values.shape[1:3]),
        "text_encoder": make_text_encoder(config["denoiser"], tokenizer),
    }
    for name, network in networks.items():
        network.load_state_dict(averaged_weights(run / "denoiser", name))
        network.half().save_pretrained(output / name)

    if (run / "features" / "checkpoint.pt").exists():  # not in a run that goes on from a shipped model
        _export_distance(run, output / "perceptual", config)

    version = {"_diffusers_version": import_diffusers().__version__}
    _write_json(output / "model_index.json", MODEL_INDEX | version)
    _write_json(output / "scheduler" / "scheduler_config.json", {**SCHEDULER, **version})
    record = {"config": config, "pictures": pictures, "stages": _progress(run)}
    if (run / RECORD).exists():
        record["before"] = json.loads((run / RECORD).read_text(encoding="utf-8"))
    _write_json(output / RECORD, record)


def _export_distance(run: Path, folder: Path, config: Mapping[str, Any]) -> None:
    classifier = Classifier(config["features"]["channels"])
    classifier.load_state_dict(averaged_weights(run / "features", "classifier"))
    weights = {name: value.half().contiguous() for name, value in folded(classifier.eval()).items()}
    _write_json(folder / "config.json", {"channels": config["features"]["channels"]})
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _progress(run: Path) -> dict[str, Any]:
    """Steps taken and the last line of the log, for every stage."""
    progress = {}
    for log in sorted(run.glob("*/log.jsonl")):
        step = torch.load(log.with_name("checkpoint.pt"), "cpu", weights_only=True)["step"]
        progress[log.parent.name] = {"steps": step, "last": json.loads(log.read_text().splitlines()[-1])}
    return progress


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(prog="training.export", description="Write the built-in model from checkpoints.")
    parser.add_argument("output", type=Path)
    parser.add_argument("--run", type=Path, default=Path("build/training"), help="where training.run wrote")
    parser.add_argument("--data", type=Path, default=Path("build/training/data"))
    parser.add_argument("--config", type=Path, default=CONFIG)
    given = parser.parse_args(arguments)
    export(given.run, given.output, read_config(given.config), len(open_pictures(given.data)))
    size = sum(path.stat().st_size for path in given.output.rglob("*.safetensors"))
    print(f"{given.output}: {size / 1e6:.1f} MB of weights")


if __name__ == "__main__":
    main()
