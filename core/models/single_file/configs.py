"""From the shapes of a checkpoint's tensors to the configuration files that the same model has as a diffusers folder.

What shapes tell is taken from them: channels, levels, layers per level, which levels attend to the text, widths,
vocabulary. What they cannot tell is assumed as Stable Diffusion has it:

- attention heads of the UNet: 8 at every level in 1.x, 64 channels each in 2.x; of the text encoder: 64 channels each;
- 32 groups in every GroupNorm; the noise schedule; the latents' scaling factor; the text encoder's activation;
- in 2.x the text encoder's last layer is dropped (the UNet was trained on the layer before), unless the file holds the
  23 layers that remain of OpenCLIP ViT-H once it has been a diffusers folder.
"""

from __future__ import annotations

import math
import statistics
from typing import Any

from .families import SD1_TEXT, SD2_TEXT, SUPPORTED, UNET, VAE, recognise
from .header import DamagedFileError, Header, WrongKindError, read_values
from .tokenizer import VOCABULARY_SIZE

Config = dict[str, Any]

GROUPS = 32
HEAD_WIDTH = 64
SD1_UNET_HEADS = 8
SD2_LAYERS_KEPT = 23
# Where the two predictions of 2.x differ: this norm's bias has moved far in the v models only (as ComfyUI tells them).
V_MARK = f"{UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias"
V_MARK_DEVIATION = 0.09


def inspect_checkpoint(header: Header) -> dict[str, Config]:
    """Infer the configuration of a Stable Diffusion 1.x or 2.x checkpoint in the original layout.

    Returns:
        Under "unet", "vae", "text_encoder" and "scheduler" what the ``config.json`` files of that model hold.

    Raises:
        WrongKindError: another family, another layout, or only a part of a model.
        DamagedFileError: tensors that every such model has are missing.
        OSError: the file of the header has become unreadable.
    """
    family = recognise(header)
    text = _text_encoder(header, family)
    vae = _vae(header)
    prediction = _prediction_type(header, family)
    unet = _unet(header, family)
    if unet["cross_attention_dim"] != text["hidden_size"]:
        raise WrongKindError(
            header.name,
            f"has a UNet that reads text of width {unet['cross_attention_dim']} and a text encoder that writes "
            f"{text['hidden_size']}; its parts belong to different models",
        )
    if not unet["in_channels"] == unet["out_channels"] == vae["latent_channels"]:
        raise WrongKindError(
            header.name,
            f"has a UNet from {unet['in_channels']} to {unet['out_channels']} channels and a VAE with "
            f"{vae['latent_channels']} latent channels; {SUPPORTED}",
        )
    is_v_of_2 = family == "sd2" and prediction == "v_prediction"
    factor = 2 ** (len(vae["block_out_channels"]) - 1)
    unet["sample_size"] = _native_latent_size(header, factor) or (96 if is_v_of_2 else 64)
    # 2.1 overflows in half precision without this; 2.0 cannot be told apart and is not harmed by it.
    unet["upcast_attention"] = is_v_of_2
    vae["sample_size"] = unet["sample_size"] * factor
    return {"unet": unet, "vae": vae, "text_encoder": text, "scheduler": _scheduler(header, prediction)}


def _shape(header: Header, name: str, rank: int | None = None) -> tuple[int, ...]:
    info = header.tensors.get(name)
    if info is None:
        raise DamagedFileError(header.name, f"is incomplete: it lacks {name}")
    if (rank is not None and len(info.shape) != rank) or 0 in info.shape:
        raise DamagedFileError(header.name, f"is damaged: {name} has the impossible shape {list(info.shape)}")
    return info.shape


def _count(header: Header, prefix: str) -> int:
    """How many indices follow the prefix; they must run from 0 without a gap."""
    found = {name[len(prefix) :].split(".", 1)[0] for name in header.tensors if name.startswith(prefix)}
    missing = [index for index in range(len(found)) if str(index) not in found]
    if missing or not found:
        raise DamagedFileError(header.name, f"is incomplete: it lacks {prefix}{missing[0] if missing else 0}")
    return len(found)


def _unet(header: Header, family: str) -> Config:
    levels = _unet_levels(header)
    channels = [width for width, _, _ in levels]
    layers = levels[0][1]
    if any(count != layers for _, count, _ in levels):
        raise WrongKindError(header.name, f"has a UNet whose levels differ in depth; {SUPPORTED}")
    attends = [attention for _, _, attention in levels]
    if not any(attends):
        raise WrongKindError(header.name, f"has a UNet that does not attend to any text; {SUPPORTED}")
    _check_groups(header, "UNet", channels)
    attention = f"{UNET}middle_block.1."
    up = _up_attention(header, len(levels), layers + 1)
    return {
        "_class_name": "UNet2DConditionModel",
        "act_fn": "silu",
        "attention_head_dim": _unet_heads(family, channels),
        "block_out_channels": channels,
        "center_input_sample": False,
        "cross_attention_dim": _shape(header, f"{attention}transformer_blocks.0.attn2.to_k.weight", 2)[1],
        "down_block_types": ["CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends],
        "downsample_padding": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": _shape(header, f"{UNET}input_blocks.0.0.weight", 4)[1],
        "layers_per_block": layers,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-05,
        "norm_num_groups": GROUPS,
        "out_channels": _shape(header, f"{UNET}out.2.weight", 4)[0],
        "transformer_layers_per_block": _count(header, f"{attention}transformer_blocks."),
        "up_block_types": ["CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in up],
        "use_linear_projection": len(_shape(header, f"{attention}proj_in.weight")) == 2,
    }


def _unet_levels(header: Header) -> list[tuple[int, int, bool]]:
    """For each level, from fine to coarse: channels, residual layers, whether they attend to the text."""
    blocks: list[list[tuple[int, bool]]] = [[]]
    for index in range(1, _count(header, f"{UNET}input_blocks.")):
        block = f"{UNET}input_blocks.{index}."
        if f"{block}0.op.weight" in header.tensors:  # a downsampling ends the level
            blocks.append([])
            continue
        width = _shape(header, f"{block}0.out_layers.0.weight", 1)[0]
        blocks[-1].append((width, _attends(header, block)))
    levels = []
    for layers in blocks:
        if len(set(layers)) != 1:
            raise WrongKindError(header.name, f"has a UNet with unlike layers in one level; {SUPPORTED}")
        levels.append((layers[0][0], len(layers), layers[0][1]))
    return levels


def _up_attention(header: Header, levels: int, layers: int) -> list[bool]:
    """For each level, from coarse to fine, whether the way up attends to the text."""
    count = _count(header, f"{UNET}output_blocks.")
    if count != levels * layers:
        raise DamagedFileError(
            header.name, f"is incomplete: {count} of the UNet's {levels * layers} output blocks are there"
        )
    return [_attends(header, f"{UNET}output_blocks.{level * layers}.") for level in range(levels)]


def _attends(header: Header, block: str) -> bool:
    return any(name.startswith(f"{block}1.transformer_blocks.") for name in header.tensors)


def _unet_heads(family: str, channels: list[int]) -> int | list[int]:
    # diffusers calls the number of heads `attention_head_dim` in these models.
    if family == "sd1":
        return math.gcd(SD1_UNET_HEADS, *channels)
    return [_heads_of(width) for width in channels]


def _heads_of(width: int) -> int:
    """The number of heads of 64 channels, at least one; fewer where they would not divide the width."""
    heads = max(1, width // HEAD_WIDTH)
    while width % heads:
        heads -= 1
    return heads


def _check_groups(header: Header, part: str, channels: list[int]) -> None:
    if any(width % GROUPS for width in channels):
        raise WrongKindError(
            header.name, f"has a {part} whose channels {channels} are no multiples of {GROUPS}; {SUPPORTED}"
        )


def _vae(header: Header) -> Config:
    down = f"{VAE}encoder.down."
    levels = _count(header, down)
    channels = [_shape(header, f"{down}{level}.block.0.conv1.weight", 4)[0] for level in range(levels)]
    _check_groups(header, "VAE", channels)
    return {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "in_channels": _shape(header, f"{VAE}encoder.conv_in.weight", 4)[1],
        "latent_channels": _shape(header, f"{VAE}post_quant_conv.weight", 4)[1],
        "layers_per_block": _count(header, f"{down}0.block."),
        "norm_num_groups": GROUPS,
        "out_channels": _shape(header, f"{VAE}decoder.conv_out.weight", 4)[0],
        "scaling_factor": 0.18215,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
    }


def sd1_text_prefix(header: Header) -> str:
    """What the names of a 1.x text encoder begin with: transformers has put its layers under ``text_model.`` or not."""
    nested = f"{SD1_TEXT}text_model."
    return nested if any(name.startswith(nested) for name in header.tensors) else SD1_TEXT


def _text_encoder(header: Header, family: str) -> Config:
    if family == "sd1":
        prefix = sd1_text_prefix(header)
        words, positions = f"{prefix}embeddings.token_embedding.weight", f"{prefix}embeddings.position_embedding.weight"
        layers, wide = f"{prefix}encoder.layers.", "0.mlp.fc1.weight"
    else:
        words, positions = f"{SD2_TEXT}token_embedding.weight", f"{SD2_TEXT}positional_embedding"
        layers, wide = f"{SD2_TEXT}transformer.resblocks.", "0.mlp.c_fc.weight"
    vocabulary, width = _shape(header, words, 2)
    if vocabulary < VOCABULARY_SIZE:
        raise WrongKindError(
            header.name, f"has a text encoder that knows only {vocabulary} of CLIP's {VOCABULARY_SIZE} tokens"
        )
    count = _count(header, layers)
    return {
        "architectures": ["CLIPTextModel"],
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "hidden_act": "quick_gelu" if family == "sd1" else "gelu",
        "hidden_size": width,
        "initializer_factor": 1.0,
        "initializer_range": 0.02,
        "intermediate_size": _shape(header, layers + wide, 2)[0],
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": _shape(header, positions, 2)[0],
        "model_type": "clip_text_model",
        "num_attention_heads": _heads_of(width),
        "num_hidden_layers": count if family == "sd1" or count == SD2_LAYERS_KEPT else max(1, count - 1),
        "pad_token_id": 1,
        "projection_dim": width if family == "sd1" else 512,
        "vocab_size": vocabulary,
    }


def _prediction_type(header: Header, family: str) -> str:
    stated = header.metadata.get("modelspec.prediction_type", "").lower()
    if stated in ("v", "v_prediction", "v-prediction"):
        return "v_prediction"
    if stated == "epsilon":
        return "epsilon"
    if "v_pred" in header.tensors:
        return "v_prediction"
    if family == "sd2" and V_MARK in header.tensors:
        values = read_values(header, V_MARK)
        if values and statistics.pstdev(values) > V_MARK_DEVIATION:
            return "v_prediction"
    return "epsilon"


def _native_latent_size(header: Header, factor: int) -> int | None:
    """The side of the latents the model was trained on, where the file's metadata state it ("512x512")."""
    sides = header.metadata.get("modelspec.resolution", "").lower().split("x")
    if len(sides) != 2 or not all(side.strip().isdecimal() for side in sides):
        return None
    return min(int(side) for side in sides) // factor or None


def _scheduler(header: Header, prediction: str) -> Config:
    betas = header.tensors.get("betas")
    config = {
        "_class_name": "DDIMScheduler" if prediction == "v_prediction" else "PNDMScheduler",
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": False,
        "num_train_timesteps": betas.shape[0] if betas is not None and len(betas.shape) == 1 else 1000,
        "prediction_type": prediction,
        "set_alpha_to_one": False,
        "skip_prk_steps": True,
        "steps_offset": 1,
        "trained_betas": None,
    }
    if "ztsnr" in header.tensors:  # trained down to pure noise: the schedule must end there, too
        config |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return config
