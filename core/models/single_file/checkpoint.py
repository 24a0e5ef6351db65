"""Stable Diffusion 1.x and 2.x checkpoints that are one ``.safetensors`` file in the original (LDM) layout.

``read_header`` and ``inspect_checkpoint`` judge a file from its first kilobytes and import nothing but the standard
library; ``load_checkpoint`` makes the modules. Nothing is downloaded and nothing is unpickled at any point: what a
diffusers folder keeps beside its weights (configuration, tokenizer) is inferred or shipped with this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InvalidRequestError, ModelError, Problem
from ..facts import ModelFacts, read_facts
from ..libraries import import_diffusers
from .configs import Config, inspect_checkpoint
from .families import recognise
from .header import CheckpointError, DamagedFileError, read_header
from .tokenizer import END, make_tokenizer
from .weights import fill, text_weights, unet_weights, vae_weights

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    from ..model import Components


class CheckpointModel:
    """A model that is one checkpoint file, looked at but not loaded.

    Raises InvalidRequestError when the file is of the wrong kind, damaged or unreadable. ``name`` is what the user
    called it.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        try:
            self._configs = inspect_checkpoint(read_header(path))
        except CheckpointError as error:
            damaged = isinstance(error, DamagedFileError)
            raise InvalidRequestError([Problem("model", f"{name!r} {error.sentence}", damaged)]) from error
        except OSError as error:
            sentence = f"{name!r} cannot be read: {error.strerror or error}"
            raise InvalidRequestError([Problem("model", sentence)]) from error

    @cached_property
    def facts(self) -> ModelFacts:
        """See ``ModelFacts``."""
        return read_facts(self.name, self._configs)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that make the model what it is, for its hash."""
        return (self.path,)

    @property
    def tiny_decoder(self) -> None:
        """No such file holds one."""

    def load(self, dtype: torch.dtype) -> Components:
        """Load all parts in ``dtype``, on the CPU. Raises ModelError when weights are corrupted or incomplete."""
        from ..model import Components

        try:
            return Components(*load_checkpoint(self.path, self._configs, dtype))
        except CheckpointError as error:
            raise ModelError(f"the model {self.name!r} {error.sentence}") from error
        except OSError as error:
            raise ModelError(f"the model {self.name!r} cannot be read: {error.strerror or error}") from error


def load_checkpoint(
    path: str | Path, configs: Mapping[str, Config], dtype: torch.dtype
) -> tuple[UNet2DConditionModel, AutoencoderKL, CLIPTextModel, CLIPTokenizer]:
    """Load the modules of a checkpoint into CPU memory, in evaluation mode.

    The file is mapped into memory and copied tensor by tensor into the wanted dtype: one copy of the weights is made,
    and the file is free again afterwards.

    Args:
        path: the ``.safetensors`` file.
        configs: what ``inspect_checkpoint`` returned for it.
        dtype: the dtype of all weights.

    Raises:
        WrongKindError: the file holds weights that no Stable Diffusion 1.x or 2.x has a place for.
        DamagedFileError: weights are missing or do not fit together.
        OSError: the file is missing or unreadable.
    """
    header = read_header(path)
    family = recognise(header)
    unet, vae, text_encoder = _empty_modules(configs)
    from safetensors import SafetensorError, safe_open

    # Before its release 5.6 transformers put the layers of CLIPTextModel under `text_model`.
    text_layers = getattr(text_encoder, "text_model", text_encoder)
    try:
        with safe_open(str(path), framework="pt") as file:
            fill(header, "UNet", unet, unet_weights(file, header, configs["unet"]), dtype)
            fill(header, "VAE", vae, vae_weights(file, header, configs["vae"]), dtype)
            fill(
                header, "text encoder", text_layers, text_weights(file, header, family, configs["text_encoder"]), dtype
            )
    except SafetensorError as error:
        raise DamagedFileError(header.name, f"cannot be read: {error}") from error
    text_encoder.eval()
    positions = configs["text_encoder"]["max_position_embeddings"]
    tokenizer = make_tokenizer(pad_token=END if family == "sd1" else "!", max_length=positions)
    return unet, vae, text_encoder, tokenizer


def _empty_modules(configs: Mapping[str, Config]) -> tuple[UNet2DConditionModel, AutoencoderKL, CLIPTextModel]:
    """The modules without memory for their weights."""
    diffusers = import_diffusers()
    from accelerate import init_empty_weights
    from transformers import CLIPTextConfig, CLIPTextModel

    # Buffers are real: modules compute them, and no file holds them.
    with init_empty_weights(include_buffers=False):
        return (
            diffusers.UNet2DConditionModel.from_config(dict(configs["unet"])),
            diffusers.AutoencoderKL.from_config(dict(configs["vae"])),
            CLIPTextModel(CLIPTextConfig(**configs["text_encoder"])),
        )
