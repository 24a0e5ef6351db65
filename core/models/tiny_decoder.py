"""The tiny decoder that may lie beside a model's VAE: an ``AutoencoderTiny`` in the folder ``tiny_decoder/``.

It gives about the same pictures from the same latents at a small part of the cost, good enough to compare windows by.
Published ones (TAESD and its kin) fit all models of a family.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..activity import Activity
from ..errors import ModelError
from .download import fetch_snapshot
from .facts import ModelFacts
from .libraries import import_diffusers
from .single_file.header import CheckpointError, read_header

if TYPE_CHECKING:
    import torch

FOLDER = "tiny_decoder"
CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
REMEDY = "put a diffusers AutoencoderTiny of the model's family there, or take --loss-decoder full"


def fetch_tiny_decoder(hub_id: str, activity: Activity) -> str:
    """Download one of ``TINY_DECODERS`` into the Hugging Face cache; returns a sentence.

    Raises as ``fetch_snapshot`` does.
    """
    fetch_snapshot(hub_id, lambda names: [name for name in names if name in (CONFIG, WEIGHTS)], activity)
    return f"{hub_id} is in the Hugging Face cache; models of its family find it there"


def tiny_decoder_files(folder: Path) -> tuple[Path, ...]:
    """What it consists of."""
    return (folder / CONFIG, folder / WEIGHTS)


def tiny_decoder_problem(
    folder: Path | None, facts: ModelFacts | None, called: str = f"the model's {FOLDER}"
) -> str | None:
    """What is wrong with a tiny decoder as a sentence, or None. ``folder`` None: the model has none.

    Looks at its configuration and the header of its weights, and loads none. ``facts``: of the model, if known.
    """
    if folder is None or not folder.is_dir():
        return f"tiny needs a tiny decoder, and the model has none beside its VAE ({FOLDER}/); {REMEDY}"
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        channels = config.get("latent_channels", 4)
        factor = config.get("upsampling_scaling_factor", 2) ** (len(config["decoder_block_out_channels"]) - 1)
        read_header(folder / WEIGHTS)
    except CheckpointError as error:
        return f"{called}/{WEIGHTS} {error.sentence}; {REMEDY}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"{called}/ lacks a {CONFIG} or {WEIGHTS} that can be read; {REMEDY}"
    if facts is not None and (channels, factor) != (facts.latent_channels, facts.latent_factor):
        return (
            f"{called}/ is of another family: it turns {channels} channels into {factor} times as many "
            f"pixels a side, the model has {facts.latent_channels} and {facts.latent_factor}; {REMEDY}"
        )
    return None


def load_tiny_decoder(folder: Path, dtype: torch.dtype) -> Any:
    """The ``AutoencoderTiny`` of a folder, on the CPU in ``dtype``, frozen. Raises ModelError when it is damaged."""
    from ..runtime.memory import is_out_of_memory

    try:
        network = import_diffusers().AutoencoderTiny.from_pretrained(
            folder, torch_dtype=dtype, use_safetensors=True, local_files_only=True
        )
    except Exception as error:  # whatever the library raises on files that are damaged or do not fit together
        if is_out_of_memory(error):
            raise
        raise ModelError(f"the model's {FOLDER}/ cannot be loaded ({type(error).__name__}); {REMEDY}") from error
    return network.requires_grad_(False).eval()
