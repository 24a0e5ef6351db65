"""The configurations of the text encoders of a checkpoint: OpenAI's CLIP in 1.x and SDXL, OpenCLIP in 2.x and SDXL."""

from __future__ import annotations

from typing import Any

from .families import SD1_TEXT, SD2_TEXT, SDXL_TEXT, SDXL_TEXT_2, CheckpointFamily
from .header import Header, WrongKindError
from .shapes import count_indices, heads_of, shape_of
from .tokenizer import VOCABULARY_SIZE

SD2_LAYERS_KEPT = 23


def text_encoder_configs(header: Header, family: CheckpointFamily) -> dict[str, dict[str, Any]]:
    """Under "text_encoder", of SDXL also under "text_encoder_2", what their ``config.json`` hold.

    Raises WrongKindError, DamagedFileError.
    """
    if family == "sd1":
        return {"text_encoder": _clip(header, SD1_TEXT)}
    if family == "sd2":
        config = _openclip(header, SD2_TEXT)
        layers = config["num_hidden_layers"]
        # The UNet was trained on what the layer before the last gives, so the last is dropped.
        kept = layers if layers == SD2_LAYERS_KEPT else max(1, layers - 1)
        return {"text_encoder": config | {"num_hidden_layers": kept}}
    second = _openclip(header, SDXL_TEXT_2) | {
        "architectures": ["CLIPTextModelWithProjection"],
        "projection_dim": shape_of(header, f"{SDXL_TEXT_2}text_projection", 2)[1],
    }
    return {"text_encoder": _clip(header, SDXL_TEXT), "text_encoder_2": second}


def clip_prefix(header: Header, encoder: str) -> str:
    """What the names of OpenAI's CLIP begin with: transformers has put its layers under ``text_model.`` or not."""
    nested = f"{encoder}text_model."
    return nested if any(name.startswith(nested) for name in header.tensors) else encoder


def _clip(header: Header, encoder: str) -> dict[str, Any]:
    prefix = clip_prefix(header, encoder)
    embeddings, layers = f"{prefix}embeddings.", f"{prefix}encoder.layers."
    words = shape_of(header, f"{embeddings}token_embedding.weight", 2)
    positions = shape_of(header, f"{embeddings}position_embedding.weight", 2)
    config = _config(header, words, positions, layers, "mlp.fc1.weight")
    return config | {"hidden_act": "quick_gelu", "projection_dim": words[1]}


def _openclip(header: Header, encoder: str) -> dict[str, Any]:
    words = shape_of(header, f"{encoder}token_embedding.weight", 2)
    positions = shape_of(header, f"{encoder}positional_embedding", 2)
    return _config(header, words, positions, f"{encoder}transformer.resblocks.", "mlp.c_fc.weight")


def _config(
    header: Header, words: tuple[int, ...], positions: tuple[int, ...], layers: str, wide: str
) -> dict[str, Any]:
    vocabulary, width = words
    if vocabulary < VOCABULARY_SIZE:
        raise WrongKindError(
            header.name, f"has a text encoder that knows only {vocabulary} of CLIP's {VOCABULARY_SIZE} tokens"
        )
    return {
        "architectures": ["CLIPTextModel"],
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "hidden_act": "gelu",
        "hidden_size": width,
        "initializer_factor": 1.0,
        "initializer_range": 0.02,
        "intermediate_size": shape_of(header, f"{layers}0.{wide}", 2)[0],
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": positions[0],
        "model_type": "clip_text_model",
        "num_attention_heads": heads_of(width),
        "num_hidden_layers": count_indices(header, layers),
        "pad_token_id": 1,
        "projection_dim": 512,
        "vocab_size": vocabulary,
    }
