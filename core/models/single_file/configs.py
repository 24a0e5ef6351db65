"""From the shapes of a checkpoint's tensors to the configuration files that the same model has as a diffusers folder.

What shapes tell is taken from them: channels, levels, layers per level, which levels attend to the text, widths,
vocabulary. What they cannot tell is assumed as Stable Diffusion has it:

- attention heads of the UNet: 8 at every level in 1.x, 64 channels each in 2.x and SDXL; of the text encoders: 64
  channels each;
- 32 groups in every GroupNorm; the noise schedule; the latents' scaling factor; the text encoder's activation;
- in 2.x the text encoder's last layer is dropped (the UNet was trained on the layer before), unless the file holds the
  23 layers that remain of OpenCLIP ViT-H once it has been a diffusers folder;
- of the numbers that SDXL's UNet is told beside the text, six are sizes.
"""

from __future__ import annotations

import math
import statistics
from typing import Any

from ..facts import SUPPORTED
from .families import UNET, VAE, CheckpointFamily, recognise
from .header import DamagedFileError, Header, WrongKindError, read_values
from .shapes import count_indices, heads_of, shape_of
from .text_configs import text_encoder_configs

Config = dict[str, Any]

GROUPS = 32
SD1_UNET_HEADS = 8
SDXL_SIZES = 6
SCALING_FACTORS = {"sd1": 0.18215, "sd2": 0.18215, "sdxl": 0.13025}
# Where the two predictions of 2.x differ: this norm's bias has moved far in the v models only (as ComfyUI tells them).
V_MARK = f"{UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias"
V_MARK_DEVIATION = 0.09


def inspect_checkpoint(header: Header) -> dict[str, Config]:
    """Infer the configuration of a Stable Diffusion 1.x, 2.x or SDXL checkpoint in the original layout.

    Returns:
        Under "unet", "vae", "text_encoder" (of SDXL also "text_encoder_2") and "scheduler" what the ``config.json``
        files of that model hold.

    Raises:
        WrongKindError: another family, another layout, or only a part of a model.
        DamagedFileError: tensors that every such model has are missing.
        OSError: the file of the header has become unreadable.
    """
    family = recognise(header)
    texts = text_encoder_configs(header, family)
    vae = vae_config(header) | {"scaling_factor": SCALING_FACTORS[family]}
    prediction = _prediction_type(header, family)
    unet = _unet(header, family)
    width = sum(text["hidden_size"] for text in texts.values())
    if unet["cross_attention_dim"] != width:
        raise WrongKindError(
            header.name,
            f"has a UNet that reads text of width {unet['cross_attention_dim']} and a text encoder that writes "
            f"{width}; its parts belong to different models",
        )
    if family == "sdxl":
        unet |= _added_conditions(header, texts["text_encoder_2"]["projection_dim"])
    if not unet["in_channels"] == unet["out_channels"] == vae["latent_channels"]:
        raise WrongKindError(
            header.name,
            f"has a UNet from {unet['in_channels']} to {unet['out_channels']} channels and a VAE with "
            f"{vae['latent_channels']} latent channels; {SUPPORTED}",
        )
    is_v_of_2 = family == "sd2" and prediction == "v_prediction"
    factor = 2 ** (len(vae["block_out_channels"]) - 1)
    usual = 128 if family == "sdxl" else 96 if is_v_of_2 else 64
    unet["sample_size"] = _native_latent_size(header, factor) or usual
    # 2.1 overflows in half precision without this; 2.0 cannot be told apart and is not harmed by it.
    unet["upcast_attention"] = is_v_of_2
    vae["sample_size"] = unet["sample_size"] * factor
    return {"unet": unet, "vae": vae, **texts, "scheduler": _scheduler(header, prediction)}


def _unet(header: Header, family: CheckpointFamily) -> Config:
    levels = _unet_levels(header)
    channels = [width for width, _, _ in levels]
    layers = levels[0][1]
    if any(count != layers for _, count, _ in levels):
        raise WrongKindError(header.name, f"has a UNet whose levels differ in depth; {SUPPORTED}")
    depths = [depth for _, _, depth in levels]
    if not any(depths):
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
        "cross_attention_dim": shape_of(header, f"{attention}transformer_blocks.0.attn2.to_k.weight", 2)[1],
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "downsample_padding": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": shape_of(header, f"{UNET}input_blocks.0.0.weight", 4)[1],
        "layers_per_block": layers,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-05,
        "norm_num_groups": GROUPS,
        "out_channels": shape_of(header, f"{UNET}out.2.weight", 4)[0],
        "transformer_layers_per_block": _transformer_layers(header, depths),
        "up_block_types": ["CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in up],
        "use_linear_projection": len(shape_of(header, f"{attention}proj_in.weight")) == 2,
    }


def _transformer_layers(header: Header, depths: list[int]) -> int | list[int]:
    """Transformer layers in each attention, by level; one number where all are alike. The middle is as the last."""
    middle = count_indices(header, f"{UNET}middle_block.1.transformer_blocks.")
    if {depth for depth in depths if depth} == {middle}:
        return middle
    if depths[-1] not in (0, middle):
        raise WrongKindError(header.name, f"has a UNet whose middle is unlike its last level; {SUPPORTED}")
    return [*(depth or 1 for depth in depths[:-1]), middle]


def _added_conditions(header: Header, pooled: int) -> Config:
    """What SDXL's UNet is told beside the text: the pooled embedding and six sizes."""
    width = shape_of(header, f"{UNET}label_emb.0.0.weight", 2)[1]
    each, rest = divmod(width - pooled, SDXL_SIZES)
    if each < 1 or rest:
        raise WrongKindError(
            header.name,
            f"has a UNet that takes {width} numbers beside the text, where its text encoder writes {pooled}; "
            "its parts belong to different models",
        )
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": each,
        "projection_class_embeddings_input_dim": width,
    }


def _unet_levels(header: Header) -> list[tuple[int, int, int]]:
    """For each level, from fine to coarse: channels, residual layers, transformer layers that attend to the text."""
    blocks: list[list[tuple[int, int]]] = [[]]
    for index in range(1, count_indices(header, f"{UNET}input_blocks.")):
        block = f"{UNET}input_blocks.{index}."
        if f"{block}0.op.weight" in header.tensors:  # a downsampling ends the level
            blocks.append([])
            continue
        width = shape_of(header, f"{block}0.out_layers.0.weight", 1)[0]
        layers = f"{block}1.transformer_blocks."
        blocks[-1].append((width, count_indices(header, layers) if _attends(header, block) else 0))
    levels = []
    for layers in blocks:
        if len(set(layers)) != 1:
            raise WrongKindError(header.name, f"has a UNet with unlike layers in one level; {SUPPORTED}")
        levels.append((layers[0][0], len(layers), layers[0][1]))
    return levels


def _up_attention(header: Header, levels: int, layers: int) -> list[bool]:
    """For each level, from coarse to fine, whether the way up attends to the text."""
    count = count_indices(header, f"{UNET}output_blocks.")
    if count != levels * layers:
        raise DamagedFileError(
            header.name, f"is incomplete: {count} of the UNet's {levels * layers} output blocks are there"
        )
    return [_attends(header, f"{UNET}output_blocks.{level * layers}.") for level in range(levels)]


def _attends(header: Header, block: str) -> bool:
    return any(name.startswith(f"{block}1.transformer_blocks.") for name in header.tensors)


def _unet_heads(family: CheckpointFamily, channels: list[int]) -> int | list[int]:
    # diffusers calls the number of heads `attention_head_dim` in these models.
    if family == "sd1":
        return math.gcd(SD1_UNET_HEADS, *channels)
    return [heads_of(width) for width in channels]


def _check_groups(header: Header, part: str, channels: list[int]) -> None:
    if any(width % GROUPS for width in channels):
        raise WrongKindError(
            header.name, f"has a {part} whose channels {channels} are no multiples of {GROUPS}; {SUPPORTED}"
        )


def vae_config(header: Header, prefix: str = VAE) -> Config:
    """The VAE's configuration but for the scale of its latents, which no shape tells. Raises CheckpointError."""
    down = f"{prefix}encoder.down."
    levels = count_indices(header, down)
    channels = [shape_of(header, f"{down}{level}.block.0.conv1.weight", 4)[0] for level in range(levels)]
    _check_groups(header, "VAE", channels)
    return {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "in_channels": shape_of(header, f"{prefix}encoder.conv_in.weight", 4)[1],
        "latent_channels": shape_of(header, f"{prefix}post_quant_conv.weight", 4)[1],
        "layers_per_block": count_indices(header, f"{down}0.block."),
        "norm_num_groups": GROUPS,
        "out_channels": shape_of(header, f"{prefix}decoder.conv_out.weight", 4)[0],
        "up_block_types": ["UpDecoderBlock2D"] * levels,
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
