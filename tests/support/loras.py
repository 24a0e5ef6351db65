"""Small random LoRAs as two kinds of tools write them, and what each is to add to a weight."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import Tensor

RANK, ALPHA = 4, 2.0
LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.2", "q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
KOHYA = {"unet": "lora_unet", "text_encoder": "lora_te", "text_encoder_2": "lora_te2"}


def make_lora(
    path: Path, networks: Mapping[str, Any], form: Literal["kohya", "peft"] = "kohya", seed: int = 0
) -> dict[tuple[str, str], Tensor]:
    """Write a LoRA for some of ``unet``, ``text_encoder``, ``text_encoder_2``; returns what it adds, by (part, weight).

    ``kohya`` names layers as the trainers of the web interfaces do and scales by an alpha, ``peft`` as diffusers does.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors, added = {}, {}
    for part, network in networks.items():
        for name, weight in network.named_parameters():
            layer = name.removesuffix(".weight")
            if not name.endswith(".weight") or not layer.endswith(LAYERS) or weight.ndim != 2:
                continue
            up = torch.randn(weight.shape[0], RANK, generator=generator) * 0.1
            down = torch.randn(RANK, weight.shape[1], generator=generator) * 0.1
            if part != "unet":
                layer = "text_model." + layer.removeprefix("text_model.")
            if form == "peft":
                tensors |= {f"{part}.{layer}.lora_B.weight": up, f"{part}.{layer}.lora_A.weight": down}
                added[part, name] = up @ down
                continue
            prefix = "lora_te1" if part == "text_encoder" and "text_encoder_2" in networks else KOHYA[part]
            key = f"{prefix}_{layer.replace('.', '_')}"
            tensors |= {
                f"{key}.lora_up.weight": up,
                f"{key}.lora_down.weight": down,
                f"{key}.alpha": torch.tensor(ALPHA),
            }
            added[part, name] = up @ down * ALPHA / RANK
    save_file(tensors, path)
    return added
