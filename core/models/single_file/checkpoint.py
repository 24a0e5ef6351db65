"""Stable Diffusion 1.x, 2.x and SDXL checkpoints that are one ``.safetensors`` file in the original (LDM) layout.

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
from ..few_step import telling_name, titles
from ..hub_cache import published_tiny_decoder
from ..libraries import import_diffusers
from .configs import Config, inspect_checkpoint
from .families import recognise
from .header import CheckpointError, DamagedFileError, Header, read_header
from .tokenizer import END, make_tokenizer
from .weights import Weights, fill, text_weights, unet_weights, vae_weights

if TYPE_CHECKING:
    import torch

    from ..model import Components


class CheckpointModel:
    """A model that is one checkpoint file, looked at but not loaded.

    Raises InvalidRequestError when the file is of the wrong kind, damaged or unreadable. ``name`` is what the user
    called it.
    """

    variant = None

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        try:
            header = read_header(path)
            self._configs = inspect_checkpoint(header)
            self._names = [telling_name(path), *titles(header.metadata)]
        except CheckpointError as error:
            damaged = isinstance(error, DamagedFileError)
            raise InvalidRequestError([Problem("model", f"{name!r} {error.sentence}", damaged)]) from error
        except OSError as error:
            sentence = f"{name!r} cannot be read: {error.strerror or error}"
            raise InvalidRequestError([Problem("model", sentence)]) from error

    @cached_property
    def facts(self) -> ModelFacts:
        """See ``ModelFacts``."""
        return read_facts(self.name, self._configs, self._names)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that make the model what it is, for its hash."""
        return (self.path,)

    @property
    def tiny_decoder(self) -> Path | None:
        """See ``Model``: its family's, if that is on this machine; no such file holds one."""
        return published_tiny_decoder(self.facts)

    def load(self, dtype: torch.dtype) -> Components:
        """Load all parts in ``dtype``, on the CPU. Raises ModelError when weights are corrupted or incomplete."""
        try:
            return load_checkpoint(self.path, self._configs, dtype)
        except CheckpointError as error:
            raise ModelError(f"the model {self.name!r} {error.sentence}") from error
        except OSError as error:
            raise ModelError(f"the model {self.name!r} cannot be read: {error.strerror or error}") from error


def load_checkpoint(path: str | Path, configs: Mapping[str, Config], dtype: torch.dtype) -> Components:
    """Load the modules of a checkpoint into CPU memory, in evaluation mode.

    The file is mapped into memory and copied tensor by tensor into the wanted dtype: one copy of the weights is made,
    and the file is free again afterwards.

    Args:
        path: the ``.safetensors`` file.
        configs: what ``inspect_checkpoint`` returned for it.
        dtype: the dtype of all weights.

    Raises:
        WrongKindError: the file holds weights that no model of its family has a place for.
        DamagedFileError: weights are missing or do not fit together.
        OSError: the file is missing or unreadable.
    """
    header = read_header(path)
    family = recognise(header)
    modules = _empty_modules(configs)
    from safetensors import SafetensorError, safe_open

    from ..model import Components

    try:
        with safe_open(str(path), framework="pt") as file:
            fill(header, "UNet", modules["unet"], unet_weights(file, header, configs["unet"]), dtype)
            fill(header, "VAE", modules["vae"], vae_weights(file, header, configs["vae"]), dtype)
            for part, weights in text_weights(file, header, family, configs).items():
                _fill_text_encoder(header, modules[part], weights, dtype)
    except SafetensorError as error:
        raise DamagedFileError(header.name, f"cannot be read: {error}") from error
    positions = configs["text_encoder"]["max_position_embeddings"]
    first = make_tokenizer(pad_token="!" if family == "sd2" else END, max_length=positions)
    if family != "sdxl":
        return Components(**modules, tokenizer=first)
    second = make_tokenizer(pad_token="!", max_length=configs["text_encoder_2"]["max_position_embeddings"])
    return Components(**modules, tokenizer=first, tokenizer_2=second, zeros_for_empty=True)


def _fill_text_encoder(header: Header, encoder: torch.nn.Module, weights: Weights, dtype: torch.dtype) -> None:
    projection = getattr(encoder, "text_projection", None)
    if projection is not None:
        own = {"weight": weights.pop("text_projection.weight")}
        fill(header, "text encoder's projection", projection, own, dtype)
    # Before its release 5.6 transformers put the layers of CLIPTextModel under `text_model`, too.
    fill(header, "text encoder", getattr(encoder, "text_model", encoder), weights, dtype)
    encoder.eval()


def _empty_modules(configs: Mapping[str, Config]) -> dict[str, torch.nn.Module]:
    """The modules of a model without memory for their weights, by the names of its parts."""
    diffusers = import_diffusers()
    from accelerate import init_empty_weights
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    kinds = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
    # Buffers are real: modules compute them, and no file holds them.
    with init_empty_weights(include_buffers=False):
        return {
            "unet": diffusers.UNet2DConditionModel.from_config(dict(configs["unet"])),
            "vae": diffusers.AutoencoderKL.from_config(dict(configs["vae"])),
            **{part: kind(CLIPTextConfig(**configs[part])) for part, kind in kinds.items() if part in configs},
        }
