"""What a model's configuration says, before any weight is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequestError, Problem

PREDICTION_TYPES = ("epsilon", "v_prediction")


@dataclass(frozen=True)
class ModelFacts:
    """The numbers of a model that requests are checked against and the engine works with. Sizes in pixels."""

    native_window: int
    latent_factor: int
    latent_channels: int
    scaling_factor: float
    shift_factor: float
    prediction_type: str
    train_steps: int
    text_limit: int
    scheduler_config: Mapping[str, Any]


def read_facts(model: str, configs: Mapping[str, Mapping[str, Any]]) -> ModelFacts:
    """Facts from the configurations of ``unet``, ``vae``, ``text_encoder`` and ``scheduler``, as diffusers writes them.

    Raises InvalidRequestError with a sentence about ``model`` when a number is missing or of a family not supported.
    """
    try:
        facts = _facts(configs)
        input_channels = int(configs["unet"].get("in_channels", 4))
    except (KeyError, TypeError, ValueError) as error:
        raise _refuse(f"{model!r} has a configuration that cannot be read ({error!r})") from None
    if input_channels != facts.latent_channels:
        raise _refuse(
            f"{model!r} takes {input_channels} channels where its latents have {facts.latent_channels} "
            "(an inpainting or depth model?); use a text-to-image model"
        )
    if facts.prediction_type not in PREDICTION_TYPES:
        raise _refuse(f"{model!r} predicts {facts.prediction_type!r}; supported are {', '.join(PREDICTION_TYPES)}")
    return facts


def _facts(configs: Mapping[str, Mapping[str, Any]]) -> ModelFacts:
    unet, vae, scheduler = configs["unet"], configs["vae"], configs["scheduler"]
    latent_factor = 2 ** (len(vae["block_out_channels"]) - 1)
    return ModelFacts(
        native_window=int(unet["sample_size"]) * latent_factor,
        latent_factor=latent_factor,
        latent_channels=int(vae.get("latent_channels", 4)),
        scaling_factor=float(vae.get("scaling_factor", 0.18215)),
        shift_factor=float(vae.get("shift_factor") or 0.0),
        prediction_type=str(scheduler.get("prediction_type", "epsilon")),
        train_steps=int(scheduler.get("num_train_timesteps", 1000)),
        text_limit=int(configs["text_encoder"].get("max_position_embeddings", 77)),
        scheduler_config=dict(scheduler),
    )


def _refuse(sentence: str) -> InvalidRequestError:
    return InvalidRequestError([Problem("model", sentence)])
