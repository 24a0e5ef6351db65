"""Small random Stable Diffusion checkpoints in the original (LDM) one-file layout, and the modules they were made from.

The names are mapped here from diffusers' to the original ones, independently of the product, which maps the other way.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from .torchvision_import import import_torchvision

Family = Literal["sd1", "sd2", "sdxl"]

SIZE_WIDTH = 32
V_MARK = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
RESNET_NAMES = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
VAE_ATTENTION_NAMES = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPENCLIP_LAYER_NAMES = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


@dataclass
class Modules:
    """The networks of a model."""

    unet: nn.Module
    vae: nn.Module
    text_encoder: nn.Module
    text_encoder_2: nn.Module | None = None

    def __iter__(self) -> Iterator[nn.Module]:
        """All that there are."""
        parts = (self.unet, self.vae, self.text_encoder, self.text_encoder_2)
        return (part for part in parts if part is not None)


def make_single_file(
    path: str | Path,
    *,
    family: Family = "sd1",
    v_prediction: bool = False,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    channels: Sequence[int] = (32, 64, 64, 128),
    layers: int = 2,
    attends: Sequence[bool] = (True, True, True, False),
    vae_channels: Sequence[int] = (32, 32, 64, 64),
    text_width: int = 64,
    text_layers: int = 2,
    depths: Sequence[int] | None = None,
    text_2: Mapping[str, Any] | None = None,
    resolution: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Modules:
    """Write a checkpoint and return its modules, in ``dtype``.

    Weights that the original layout has and nobody uses are in it, too: of 2.x the text encoder's last layer. With
    ``v_prediction`` a 2.x file carries the mark by which tools know it (it needs the default depth), another file the
    tensor ``v_pred``. ``resolution``: the native size in pixels, stated in the metadata. An SDXL has three levels, of
    which the inner two attend in ``depths`` layers, and a second text encoder.
    """
    if family == "sdxl":
        channels, attends, depths = channels[:3], (False, True, True), depths or (1, 2, 3)
        text_2 = {"hidden_size": 128, "num_hidden_layers": 3, "projection_dim": 96, **(text_2 or {})}
    modules = make_modules(
        family,
        unet={"block_out_channels": channels, "layers_per_block": layers, "attends": attends, "depths": depths},
        vae={"block_out_channels": vae_channels, "layers_per_block": 1 if layers == 1 else 2},
        text={"hidden_size": text_width, "num_hidden_layers": text_layers},
        text_2=text_2,
    )
    generator = torch.Generator().manual_seed(seed)
    for module in modules:
        _randomise(module, generator)
        module.to(dtype).eval()
    _set_v_mark(modules.unet, 0.5 if family == "sd2" and v_prediction else 0.01, generator)
    tensors = original_layout(modules, family)
    tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    if family != "sd2" and v_prediction:
        tensors["v_pred"] = torch.zeros(())
    stated = {"modelspec.resolution": f"{resolution}x{resolution}"} if resolution else {}
    save_file(tensors, path, {**stated, **(metadata or {})})
    return modules


def make_modules(
    family: Family,
    *,
    unet: Mapping[str, Any],
    vae: Mapping[str, Any],
    text: Mapping[str, Any],
    text_2: Mapping[str, Any] | None = None,
    size_width: int = SIZE_WIDTH,
) -> Modules:
    """Modules of an architecture of the family; on the meta device when made under ``torch.device("meta")``.

    ``size_width``: numbers for each of the six sizes that SDXL's UNet is told.
    """
    import_torchvision()
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    channels, attends = unet["block_out_channels"], unet["attends"]
    width = text["hidden_size"] + (text_2["hidden_size"] if text_2 else 0)
    added: dict[str, Any] = {}
    if text_2:
        added = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": size_width,
            "projection_class_embeddings_input_dim": text_2["projection_dim"] + 6 * size_width,
        }
    levels = len(vae["block_out_channels"])
    return Modules(
        UNet2DConditionModel(
            block_out_channels=tuple(channels),
            layers_per_block=unet["layers_per_block"],
            down_block_types=tuple("CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends),
            up_block_types=tuple("CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)),
            attention_head_dim=8 if family == "sd1" else tuple(max(1, width // 64) for width in channels),
            cross_attention_dim=width,
            use_linear_projection=family != "sd1",
            transformer_layers_per_block=tuple(unet.get("depths") or [1] * len(channels)),
            **added,
        ),
        AutoencoderKL(
            block_out_channels=tuple(vae["block_out_channels"]),
            layers_per_block=vae["layers_per_block"],
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            latent_channels=4,
        ),
        CLIPTextModel(_text_config(text, "gelu" if family == "sd2" else "quick_gelu")),
        CLIPTextModelWithProjection(_text_config(text_2, "gelu")) if text_2 else None,
    )


def _text_config(text: Mapping[str, Any], activation: str) -> Any:
    from transformers import CLIPTextConfig

    width = text["hidden_size"]
    return CLIPTextConfig(
        intermediate_size=4 * width,
        num_attention_heads=max(1, width // 64),
        hidden_act=activation,
        eos_token_id=2,  # as the real configurations have it: what ends a text is then found as the largest id
        **text,
    )


def original_layout(modules: Modules, family: Family) -> dict[str, Tensor]:
    """All weights by the names, and in the shapes, that the original layout gives them."""
    layers = modules.unet.config.layers_per_block
    levels = len(modules.vae.config.block_out_channels)
    tensors = {
        f"model.diffusion_model.{_unet_name(name, layers, modules.unet)}": tensor
        for name, tensor in modules.unet.state_dict().items()
    }
    for name, tensor in modules.vae.state_dict().items():
        original = _vae_name(name, levels)
        is_projection = ".attn_1." in original and tensor.ndim == 2
        tensors[f"first_stage_model.{original}"] = tensor[:, :, None, None] if is_projection else tensor
    text = _text_layers(modules.text_encoder)
    if family == "sd1":
        return tensors | _clip_names(text, "cond_stage_model.transformer.text_model.")
    if family == "sd2":
        return tensors | _openclip_names(text, "cond_stage_model.model.", extra_layer=True)
    second = _openclip_names(_text_layers(modules.text_encoder_2), "conditioner.embedders.1.model.")
    second["conditioner.embedders.1.model.text_projection"] = modules.text_encoder_2.text_projection.weight.T
    return tensors | _clip_names(text, "conditioner.embedders.0.transformer.text_model.") | second


def _text_layers(encoder: nn.Module) -> dict[str, Tensor]:
    state = {name.removeprefix("text_model."): tensor for name, tensor in encoder.state_dict().items()}
    return {name: tensor for name, tensor in state.items() if not name.startswith("text_projection")}


def _randomise(module: nn.Module, generator: torch.Generator) -> None:
    """Every weight random, also those that start as zeros and ones: a swapped pair of biases must show."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            scale = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1
            if "embedding" in name and parameter.ndim == 2:
                scale = 0.1
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
            if "norm" in name and name.endswith("weight"):
                parameter += 1


def _set_v_mark(unet: nn.Module, deviation: float, generator: torch.Generator) -> None:
    attentions = getattr(unet.up_blocks[-1], "attentions", None)
    if attentions is not None:
        bias = attentions[-1].transformer_blocks[0].norm1.bias
        with torch.no_grad():
            bias.copy_(torch.randn(bias.shape, generator=generator) * deviation)


def _unet_name(name: str, layers: int, unet: nn.Module) -> str:
    for ours, original in UNET_ENDS.items():
        if name.startswith(f"{ours}."):
            return original + name.removeprefix(ours)
    side, kind, rest = re.fullmatch(r"(.+?)\.(resnets|attentions|downsamplers|upsamplers)\.(.+)", name).groups()
    index, _, rest = rest.partition(".")
    if side == "mid_block":
        block, slot = ("middle_block", 1 if kind == "attentions" else 2 * int(index))
        place = f"{block}.{slot}"
    else:
        level = int(side.rpartition(".")[2])
        first = level * (layers + 1)
        if kind == "downsamplers":
            place, rest = f"input_blocks.{first + layers + 1}.0.op", rest.removeprefix("conv.")
        elif kind == "upsamplers":
            after = 2 if hasattr(unet.up_blocks[level], "attentions") else 1
            place = f"output_blocks.{first + layers}.{after}"
        else:
            slot = 1 if kind == "attentions" else 0
            is_down = side.startswith("down_blocks")
            place = f"{'input_blocks' if is_down else 'output_blocks'}.{first + int(index) + is_down}.{slot}"
    if kind == "resnets":
        part, _, weight = rest.rpartition(".")
        rest = f"{RESNET_NAMES[part]}.{weight}"
    return f"{place}.{rest}"


def _vae_name(name: str, levels: int) -> str:
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"down_blocks\.(\d+)\.resnets\.", r"down.\1.block.", name)
    name = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0\.", r"down.\1.downsample.", name)
    name = re.sub(r"up_blocks\.(\d+)\.resnets\.", lambda m: f"up.{levels - 1 - int(m[1])}.block.", name)
    name = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0\.", lambda m: f"up.{levels - 1 - int(m[1])}.upsample.", name)
    name = re.sub(r"mid_block\.resnets\.(\d)\.", lambda m: f"mid.block_{int(m[1]) + 1}.", name)
    if "mid_block.attentions.0." in name:
        head, _, tail = name.partition("mid_block.attentions.0.")
        part, _, weight = tail.rpartition(".")
        name = f"{head}mid.attn_1.{VAE_ATTENTION_NAMES[part]}.{weight}"
    return name


def _clip_names(text: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    positions = text["embeddings.position_embedding.weight"]
    position_ids = torch.arange(len(positions), device=positions.device)[None]
    return {prefix + name: tensor for name, tensor in text.items()} | {f"{prefix}embeddings.position_ids": position_ids}


def _openclip_names(text: Mapping[str, Tensor], prefix: str, *, extra_layer: bool = False) -> dict[str, Tensor]:
    """With the projection and the temperature of OpenCLIP, and, where wanted, the last layer that is not used."""
    width = text["final_layer_norm.weight"].shape[0]
    device = text["final_layer_norm.weight"].device
    tensors = {
        "positional_embedding": text["embeddings.position_embedding.weight"],
        "token_embedding.weight": text["embeddings.token_embedding.weight"],
        "ln_final.weight": text["final_layer_norm.weight"],
        "ln_final.bias": text["final_layer_norm.bias"],
        "text_projection": torch.ones(width, width, device=device),
        "logit_scale": torch.ones((), device=device),
    }
    count = 1 + max(int(name.split(".")[2]) for name in text if name.startswith("encoder.layers."))
    for index in range(count):
        tensors |= _openclip_layer(text, index)
    last = f"transformer.resblocks.{count - 1}."
    dropped = f"transformer.resblocks.{count}."
    copies = {name: tensor for name, tensor in tensors.items() if name.startswith(last)}
    if extra_layer:
        tensors |= {name.replace(last, dropped): tensor + 1 for name, tensor in copies.items()}
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _openclip_layer(text: Mapping[str, Tensor], index: int) -> dict[str, Tensor]:
    ours, original = f"encoder.layers.{index}.", f"transformer.resblocks.{index}."
    tensors = {}
    for kind in ("weight", "bias"):
        packed = [text[f"{ours}self_attn.{part}_proj.{kind}"] for part in ("q", "k", "v")]
        tensors[f"{original}attn.in_proj_{kind}"] = torch.cat(packed)
        for part, name in OPENCLIP_LAYER_NAMES.items():
            tensors[f"{original}{name}.{kind}"] = text[f"{ours}{part}.{kind}"]
    return tensors
