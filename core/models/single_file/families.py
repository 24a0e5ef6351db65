"""Which family a checkpoint belongs to, by the names and shapes of its tensors; others are refused by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..facts import SUPPORTED
from .header import DamagedFileError, Header, WrongKindError

CheckpointFamily = Literal["sd1", "sd2", "sdxl"]

UNET = "model.diffusion_model."
VAE = "first_stage_model."
SD1_TEXT = "cond_stage_model.transformer."
SD2_TEXT = "cond_stage_model.model."
SDXL_TEXT = "conditioner.embedders.0.transformer."
SDXL_TEXT_2 = "conditioner.embedders.1.model."
SDXL_LABELS = 2816  # the width of the pooled embedding and the six sizes, each as 256 numbers

# Parts of tensor names (matched anywhere in a name), from the most to the least telling: the first that occurs decides.
TELLING_NAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("a LoRA", ("lora_down.", "lora.down.", "lora_A.", ".hada_w", ".lokr_w", "lora_unet_", "lora_te_")),
    ("an IP-Adapter", ("ip_adapter.", "image_proj_model.")),
    ("ControlNet", ("control_model.", "input_hint_block.", "controlnet_cond_embedding.", "controlnet_down_blocks.")),
    ("AnimateDiff's motion modules", ("motion_modules.",)),
    ("Stable Video Diffusion", (".time_stack.",)),
    ("Stable Diffusion 3", ("joint_blocks.",)),
    ("HunyuanVideo", ("individual_token_refiner.",)),
    ("Chroma", ("distilled_guidance_layer.",)),
    ("Flux", ("double_blocks.", "single_transformer_blocks.")),
    ("Stable Cascade", ("clip_txt_mapper.", "clip_mapper.", "effnet_mapper.")),
    ("PixArt", ("adaln_single.", "t_block.1.")),
    ("a transformer-based image or video model", ("adaLN_modulation.", ".img_mod.", "cap_embedder.", "cross_attn.")),
    ("Stable unCLIP", ("noise_augmentor.",)),
    ("SDXL (refiner)", ("conditioner.embedders.0.model.",)),
)

# A file with one part of a model only, by the beginnings of its tensors' names.
PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("a UNet in the diffusers layout", ("down_blocks.", "unet.down_blocks.")),
    ("a VAE alone", ("decoder.", "encoder.conv_in.", "encoder.down", VAE, "vae.decoder.")),
    ("a UNet alone", ("input_blocks.",)),
    ("a text encoder alone", ("text_model.", "embeddings.token_embedding.", "token_embedding.", "cond_stage_model.")),
    ("only averaged (EMA) weights", ("model_ema.",)),
    ("a textual inversion embedding", ("emb_params", "string_to_param")),
)

# What a UNet of Stable Diffusion with another number of input channels was trained for.
INPUT_CHANNELS = {
    5: "a depth-to-image model",
    7: "the Stable Diffusion upscaler",
    8: "InstructPix2Pix (a UNet with 8 input channels)",
    9: "an inpainting model (a UNet with 9 input channels)",
}


def recognise(header: Header) -> CheckpointFamily:
    """Tell the family of a checkpoint in the original layout.

    Raises:
        WrongKindError: another family, another layout, or only a part of a model.
    """
    names = header.tensors.keys()
    for label, parts in TELLING_NAMES:
        if any(part in name for name in names for part in parts):
            raise _unsupported(header, label)
    if not _begins(names, UNET):
        raise _only_a_part(header)
    _check_unet_family(header)
    if not _begins(names, VAE):
        raise _lacks(header, "VAE", VAE)
    if f"{UNET}label_emb.0.0.weight" in header.tensors:
        for text in (SDXL_TEXT, SDXL_TEXT_2):
            if not _begins(names, text):
                raise _lacks(header, "text encoder", text)
        return "sdxl"
    if _begins(names, SD2_TEXT):
        return "sd2"
    if _begins(names, SD1_TEXT):
        return "sd1"
    raise _lacks(header, "text encoder", "cond_stage_model.")


def _check_unet_family(header: Header) -> None:
    tensors = header.tensors
    first = tensors.get(f"{UNET}input_blocks.0.0.weight")
    if first is None:
        if _begins(tensors, f"{UNET}input_blocks."):
            raise DamagedFileError(header.name, f"lacks the UNet's first layer ({UNET}input_blocks.0.0.weight)")
        raise _unsupported(header, "a model that is no UNet of Stable Diffusion")
    added = tensors.get(f"{UNET}label_emb.0.0.weight")
    if added is not None and not _begins(tensors, "conditioner.embedders.") and added.shape[-1:] != (SDXL_LABELS,):
        refiner = added.shape[-1:] == (2560,)
        raise _unsupported(header, "SDXL (refiner)" if refiner else "Stable unCLIP or another model with class labels")
    channels = first.shape[1] if len(first.shape) == 4 else 0
    if channels != 4:
        raise _unsupported(header, INPUT_CHANNELS.get(channels, f"a UNet with {channels} input channels"))
    if f"{UNET}label_emb.weight" in tensors:
        raise _unsupported(header, "a model with class labels")


def _unsupported(header: Header, label: str) -> WrongKindError:
    return WrongKindError(header.name, f"looks like {label}; {SUPPORTED}")


def _lacks(header: Header, part: str, prefix: str) -> WrongKindError:
    return WrongKindError(
        header.name,
        f"holds no {part} (no tensors named {prefix}*); "
        "choose a checkpoint that holds UNet, VAE and text encoder in one file",
    )


def _only_a_part(header: Header) -> WrongKindError:
    for label, beginnings in PARTS:
        if _begins(header.tensors, *beginnings):
            remedy = (
                "choose the model's folder, the one with model_index.json"
                if "diffusers" in label
                else f"{SUPPORTED}, with UNet, VAE and text encoder in one file"
            )
            return WrongKindError(header.name, f"looks like {label}; {remedy}")
    return WrongKindError(header.name, f"holds no model known here; {SUPPORTED}")


def _begins(names: Iterable[str], *beginnings: str) -> bool:
    return any(name.startswith(beginnings) for name in names)
