"""LoRAs: judged by their header, put into a model's weights by diffusers' own loader."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ModelError, Problem
from ..facts import TEXT_WIDTHS, ModelFacts
from ..single_file.header import Header
from .judging import problem_of

if TYPE_CHECKING:
    from ..model import Components

# Parts of names, and what they tell that cannot be used here.
NOT_USABLE = (
    ("a LoHa", (".hada_w",)),
    ("a LoKr", (".lokr_w",)),
    ("a DoRA", (".dora_scale", ".lora_magnitude_vector")),
    ("a LoRA of Flux", ("double_blocks", "single_transformer_blocks")),
    ("a LoRA of Stable Diffusion 3", ("joint_blocks", "transformer_blocks.0.attn.add_")),
    ("a LoRA of a transformer-based model", ("adaLN", "transformer.transformer_blocks", "diffusion_model.layers")),
)
# The first of a layer's two factors, as the tools name it that train LoRAs.
FIRST_FACTORS = ("lora_down.weight", "lora.down.weight", "lora_A.weight")


@dataclass(frozen=True)
class Lora:
    """A LoRA file and how strongly it counts: 1 as it was trained, 0 not at all."""

    path: Path
    weight: float = 1.0

    def named(self, name: str) -> str:
        """``read_lora`` backwards, with another name."""
        return name if self.weight == 1 else f"{name}:{self.weight!r}"


def read_lora(text: str) -> Lora:
    """``FILE`` or ``FILE:WEIGHT``. What follows the last colon is a weight if it is a number."""
    file, _, weight = text.rpartition(":")
    try:
        number = float(weight)
    except ValueError:
        number = math.nan
    return Lora(Path(file), number) if file and math.isfinite(number) else Lora(Path(text))


def lora_problem(path: Path, facts: ModelFacts | None = None) -> Problem | None:
    """What stands against a LoRA, by its header; None if nothing. ``facts``: of the model it is for, if known."""
    return problem_of("lora", path, partial(_objection, facts=facts))


def is_lora(header: Header) -> bool:
    """Whether a file holds low-rank factors and not whole weights."""
    return any(name.endswith(FIRST_FACTORS) for name in header.tensors)


def text_width(header: Header) -> int | None:
    """The width of the text that the UNet's layers of a LoRA read; None where it has none that say so."""
    for name, info in header.tensors.items():
        is_reader = "attn2" in name and ("to_k" in name or "to_v" in name)
        if is_reader and name.endswith(FIRST_FACTORS) and len(info.shape) in (2, 4):
            return info.shape[1]
    return None


def put_in(components: Components, loras: tuple[Lora, ...]) -> None:
    """Add LoRAs, each times its weight, to the weights of a model, on the CPU. Raises ModelError.

    Fused: the networks are then what they were before, without layers beside their layers. Where the model has no
    place for some layers of a LoRA, ``components.notes`` says so.
    """
    from safetensors import SafetensorError

    from .pipeline import pipeline_of

    pipeline = pipeline_of(components)
    names = [f"lora{number}" for number in range(len(loras))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are several is meant
            for name, lora in zip(names, loras, strict=True):
                _load(pipeline, name, lora, components.notes)
            pipeline.set_adapters(names, [lora.weight for lora in loras])
            pipeline.fuse_lora(components=[part for part, there in pipeline.get_list_adapters().items() if there])
            pipeline.unload_lora_weights()
    except (OSError, SafetensorError, ValueError, KeyError, RuntimeError) as error:
        # What the loaders raise where shapes do not fit; they name layers by the hundred.
        files = ", ".join(repr(lora.path.name) for lora in loras)
        raise ModelError(
            f"lora: {files} cannot be put into the model ({type(error).__name__}); is it for another model?"
        ) from error


def _load(pipeline: Any, name: str, lora: Lora, notes: list[str]) -> None:
    from safetensors.torch import load_file

    state = load_file(lora.path)
    layers = sum(key.endswith(FIRST_FACTORS) for key in state)
    pipeline.load_lora_weights(state, adapter_name=name)
    placed = _places(pipeline, name)
    if placed == 0:
        raise ModelError(f"lora: {lora.path.name!r} has no layers that fit the model; is it for another?")
    if placed < layers:
        notes.append(f"lora: the model has places for {placed} of the {layers} layers of {lora.path.name!r}")


def _places(pipeline: Any, name: str) -> int:
    """How many layers of the model a LoRA has got into."""
    networks = (getattr(pipeline, part, None) for part in ("unet", "text_encoder", "text_encoder_2"))
    modules = (module for network in networks if network is not None for module in network.modules())
    return sum(name in getattr(module, "lora_A", ()) for module in modules)


def _objection(header: Header, facts: ModelFacts | None) -> str | None:
    for label, parts in NOT_USABLE:
        if any(part in name for name in header.tensors for part in parts):
            return f"is {label}; LoRAs of Stable Diffusion 1.x, 2.x and SDXL can be used"
    if not is_lora(header):
        return "is not a LoRA"
    width = text_width(header)
    if facts is not None and facts.text_width > 0 and width not in (None, facts.text_width):
        mine, other = (TEXT_WIDTHS.get(w, f"a model that reads text of width {w}") for w in (facts.text_width, width))
        return f"is for {other}, and the model is {mine}"
    return None
