"""The weights of a checkpoint in the original layout, renamed to what the modules of diffusers and transformers ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from ..facts import SUPPORTED
from .configs import Config
from .families import SD1_TEXT, SD2_TEXT, SDXL_TEXT, SDXL_TEXT_2, UNET, VAE, CheckpointFamily
from .header import DamagedFileError, Header, WrongKindError
from .text_configs import clip_prefix

if TYPE_CHECKING:
    import torch

Weights = dict[str, "torch.Tensor"]

VAE_PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
CLIP_PARTS = ("embeddings.", "encoder.", "final_layer_norm.")
# A projection, a temperature and indices that OpenCLIP and transformers keep beside the layers that are used here.
UNUSED_TEXT_WEIGHTS = ("text_projection", "logit_scale", "position_ids", "attn_mask")
OPENCLIP_NAMES = {
    "positional_embedding": "embeddings.position_embedding.weight",
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
OPENCLIP_LAYER_NAMES = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}


class OpenFile(Protocol):
    """What ``safetensors.safe_open`` gives: tensors that are views of the mapped file, without memory of their own."""

    def get_tensor(self, name: str) -> torch.Tensor:
        """The tensor of that name."""


def unet_weights(file: OpenFile, header: Header, config: Config) -> Weights:
    """The UNet's weights by diffusers' names. Raises DamagedFileError."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    return _converted(header, "UNet", _read(file, header, UNET), config, convert_ldm_unet_checkpoint)


def vae_weights(file: OpenFile, header: Header, config: Config, prefix: str = VAE) -> Weights:
    """The VAE's weights by diffusers' names. Raises DamagedFileError."""
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    source = _read(file, header, tuple(prefix + part for part in VAE_PARTS))
    return _converted(header, "VAE", source, config, convert_ldm_vae_checkpoint)


def text_weights(
    file: OpenFile, header: Header, family: CheckpointFamily, configs: Mapping[str, Config]
) -> dict[str, Weights]:
    """The weights of each text encoder by the names of transformers' CLIPTextModel, the projection beside them.

    Our own mapping: diffusers' loader does not know 1.x encoders without ``text_model.`` in their names, and says
    nothing of weights that are missing.
    """
    if family == "sd1":
        return {"text_encoder": _clip_weights(file, header, SD1_TEXT)}
    if family == "sd2":
        return {"text_encoder": _openclip_weights(file, header, SD2_TEXT, configs["text_encoder"]["num_hidden_layers"])}
    second = _openclip_weights(file, header, SDXL_TEXT_2, configs["text_encoder_2"]["num_hidden_layers"])
    second["text_projection.weight"] = file.get_tensor(f"{SDXL_TEXT_2}text_projection").T
    return {"text_encoder": _clip_weights(file, header, SDXL_TEXT), "text_encoder_2": second}


def fill(header: Header, part: str, module: torch.nn.Module, weights: Weights, dtype: torch.dtype) -> None:
    """Give a module without memory its weights; every one must be there and fit. Empties ``weights``.

    Raises:
        WrongKindError: there are weights for which the module has no place.
        DamagedFileError: weights are missing, of another shape, or no floats.
    """
    wanted = module.state_dict()
    _check(header, part, wanted, weights)
    # Copies even where the dtype is right already: views of the mapped file would keep it locked on Windows, and crash
    # the process if another program rewrote it.
    copies = {name: weights.pop(name).to(dtype, copy=True).contiguous() for name in wanted}
    module.load_state_dict(copies, strict=True, assign=True)
    module.eval()


def _check(header: Header, part: str, wanted: Weights, weights: Weights) -> None:
    missing = [name for name in wanted if name not in weights]
    if missing:
        raise DamagedFileError(header.name, f"is incomplete: its {part} lacks {_some(missing)}")
    if len(weights) > len(wanted):
        left = [name for name in weights if name not in wanted]
        raise WrongKindError(
            header.name,
            f"holds weights that its {part} has no place for: {_some(left)}; {SUPPORTED}",
        )
    for name, expected in wanted.items():
        found = weights[name]
        if found.shape != expected.shape:
            raise DamagedFileError(
                header.name,
                f"is damaged: the weights of its {part} do not fit together, "
                f"{name} is {list(found.shape)} where {list(expected.shape)} is expected",
            )
        if not found.is_floating_point():
            raise WrongKindError(
                header.name,
                f"is quantized ({name} of its {part} is {found.dtype}); choose a float16 or float32 version",
            )


def _read(file: OpenFile, header: Header, prefixes: str | tuple[str, ...]) -> Weights:
    return {name: file.get_tensor(name) for name in header.tensors if name.startswith(prefixes)}


def _converted(
    header: Header, part: str, source: Weights, config: Config, convert: Callable[[Weights, Config], Weights]
) -> Weights:
    """The renamed weights. What the converter passed over keeps its name, so that ``fill`` finds it without a place."""
    try:
        found = convert(dict(source), dict(config))
    except KeyError as error:  # the converters take a bias for granted where there is a weight
        raise DamagedFileError(header.name, f"is incomplete: its {part} lacks {error}") from error
    weights = {name: weight for name, weight in found.items() if weight is not None}
    if len(weights) != len(source):
        used = {weight.data_ptr() for weight in weights.values()}
        weights |= {name: weight for name, weight in source.items() if weight.data_ptr() not in used}
    return weights


def _clip_weights(file: OpenFile, header: Header, encoder: str) -> Weights:
    prefix = clip_prefix(header, encoder)
    source = _read(file, header, tuple(prefix + part for part in CLIP_PARTS))
    return {name.removeprefix(prefix): weight for name, weight in source.items() if not _is_unused(name)}


def _openclip_weights(file: OpenFile, header: Header, encoder: str, layers_kept: int) -> Weights:
    layers = f"{encoder}transformer.resblocks."
    weights: Weights = {}
    for name, weight in _read(file, header, encoder).items():
        if _is_unused(name):
            continue
        if not name.startswith(layers):
            short = name.removeprefix(encoder)
            weights[OPENCLIP_NAMES.get(short, short)] = weight
            continue
        index, _, rest = name.removeprefix(layers).partition(".")
        if int(index) < layers_kept:
            weights |= _openclip_layer_weights(f"encoder.layers.{index}.", rest, weight)
    return weights


def _openclip_layer_weights(prefix: str, name: str, weight: torch.Tensor) -> Weights:
    """One weight of an OpenCLIP layer by its names in transformers; a packed projection becomes three."""
    part, _, kind = name.rpartition(".")
    if name.startswith("attn.in_proj_") and weight.ndim and len(weight) % 3 == 0:
        kind = name.removeprefix("attn.in_proj_")
        pieces = zip("qkv", weight.chunk(3), strict=True)
        return {f"{prefix}self_attn.{letter}_proj.{kind}": piece for letter, piece in pieces}
    return {f"{prefix}{OPENCLIP_LAYER_NAMES.get(part, part)}.{kind}": weight}


def _is_unused(name: str) -> bool:
    return any(part in name for part in UNUSED_TEXT_WEIGHTS)


def _some(names: Iterable[str]) -> str:
    """The first names of a list, and how many more there are."""
    names = list(names)
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
