"""Another VAE in place of the model's own: a folder in diffusers layout, or one file in the original layout."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ModelError, Problem
from ..facts import ModelFacts
from ..libraries import import_diffusers
from ..single_file.configs import vae_config
from ..single_file.families import VAE
from ..single_file.header import CheckpointError, DamagedFileError, Header, read_header

if TYPE_CHECKING:
    import torch

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class Vae:
    """A VAE on disk."""

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """What it consists of."""
        return (self.path / CONFIG, self.path / WEIGHTS) if os.path.isdir(self.path) else (self.path,)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """Its configuration, of a file inferred from its shapes. Raises OSError, ValueError, CheckpointError."""
        if not os.path.isdir(self.path):
            header = read_header(self.path)
            return vae_config(header, _prefix(header))
        config = json.loads((self.path / CONFIG).read_text(encoding="utf-8"))
        read_header(self.path / WEIGHTS)
        if not isinstance(config, dict) or config.get("_class_name", "AutoencoderKL") != "AutoencoderKL":
            raise ValueError(f"{CONFIG} is not that of an AutoencoderKL")
        return config

    def problem(self, facts: ModelFacts | None = None) -> Problem | None:
        """What stands against it, without its weights; None if nothing. ``facts``: of the model, if known."""
        damaged = False
        try:
            sentence = self._objection(facts)
        except CheckpointError as error:
            sentence, damaged = error.sentence, isinstance(error, DamagedFileError)
        except (OSError, ValueError, KeyError, TypeError) as error:
            sentence = f"is not a VAE that can be read ({error}); give a folder with {CONFIG} and {WEIGHTS}, or a file"
        return Problem("vae", f"{os.fspath(self.path)!r} {sentence}", damaged) if sentence else None

    def applied_to(self, facts: ModelFacts) -> ModelFacts:
        """The facts of a model that has this VAE: latents are scaled as it says, if it says so."""
        return replace(
            facts,
            scaling_factor=float(self.config.get("scaling_factor") or facts.scaling_factor),
            shift_factor=float(self.config.get("shift_factor") or 0.0),
        )

    def load(self, dtype: torch.dtype) -> Any:
        """An ``AutoencoderKL`` on the CPU. Raises ModelError."""
        diffusers = import_diffusers()
        from safetensors import SafetensorError

        try:
            if os.path.isdir(self.path):
                return diffusers.AutoencoderKL.from_pretrained(
                    self.path, dtype=dtype, use_safetensors=True, local_files_only=True
                ).eval()
            return self._load_file(dtype)
        except CheckpointError as error:
            raise ModelError(f"vae: {self.path.name!r} {error.sentence}") from error
        except (OSError, SafetensorError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"vae: {self.path.name!r} cannot be loaded ({type(error).__name__}); download it again"
            ) from error

    def _load_file(self, dtype: torch.dtype) -> Any:
        from accelerate import init_empty_weights
        from safetensors import safe_open

        from ..single_file.weights import fill, vae_weights

        header = read_header(self.path)
        with init_empty_weights(include_buffers=False):
            vae = import_diffusers().AutoencoderKL.from_config(dict(self.config))
        with safe_open(str(self.path), framework="pt") as file:
            fill(header, "VAE", vae, vae_weights(file, header, self.config, _prefix(header)), dtype)
        return vae

    def _objection(self, facts: ModelFacts | None) -> str | None:
        channels = self.config.get("latent_channels", 4)
        factor = 2 ** (len(self.config["block_out_channels"]) - 1)
        if facts is not None and (channels, factor) != (facts.latent_channels, facts.latent_factor):
            return (
                f"has {channels} latent channels of {factor} pixels; the model has {facts.latent_channels} of "
                f"{facts.latent_factor}"
            )
        return None


def is_vae(header: Header) -> bool:
    """Whether a file holds a VAE in the original layout, and no more."""
    names = header.tensors
    return all(name.startswith((VAE, "encoder.", "decoder.", "quant_conv.", "post_quant_conv.", "loss.", "model_ema."))
               for name in names) and any(name.endswith("decoder.conv_in.weight") for name in names)  # fmt: skip


def _prefix(header: Header) -> str:
    return VAE if any(name.startswith(VAE) for name in header.tensors) else ""
