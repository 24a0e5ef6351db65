"""What a model's configuration says, before any weight is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import InvalidRequestError, Problem
from .few_step import FewStep, few_step_model

SUPPORTED = "this version loads Stable Diffusion 1.x, 2.x and SDXL"
PREDICTION_TYPES = ("epsilon", "v_prediction")
Family = Literal["sd", "sdxl"]
# The width of the text that a UNet reads -> which of the published architectures it is.
TEXT_WIDTHS = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "SDXL"}
BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")


@dataclass(frozen=True)
class ModelFacts:
    """The numbers of a model that requests are checked against and the engine works with. Sizes in pixels.

    ``family`` says how the UNet is conditioned: ``sd`` (1.x and 2.x) by one text encoder, ``sdxl`` by two, a pooled
    embedding and the sizes of the picture. ``text_width`` is the width of the embeddings the UNet reads, -1 where the
    configuration leaves it to the library. ``few_step`` is None but for models that were distilled to a few steps.
    """

    family: Family
    native_window: int
    latent_factor: int
    latent_channels: int
    scaling_factor: float
    shift_factor: float
    prediction_type: str
    train_steps: int
    text_limit: int
    text_width: int
    scheduler_config: Mapping[str, Any]
    few_step: FewStep | None = None


def read_facts(model: str, configs: Mapping[str, Mapping[str, Any]], names: Iterable[str] = ()) -> ModelFacts:
    """Facts from the configurations of ``unet``, ``vae``, ``text_encoder`` and ``scheduler``, as diffusers writes them.

    An SDXL model is known by its UNet. Raises InvalidRequestError with a sentence about ``model`` when a number is
    missing or of a family not supported. ``names``: what the model is called, which may tell of a few-step model.
    """
    try:
        facts = _facts(configs, names)
        input_channels = int(configs["unet"].get("in_channels", 4))
    except KeyError as error:
        raise _refuse(f"{model!r} has a configuration without {error}; download it again") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise _refuse(f"{model!r} has a configuration that makes no sense ({error}); download it again") from None
    if input_channels != facts.latent_channels:
        raise _refuse(
            f"{model!r} takes {input_channels} channels where its latents have {facts.latent_channels} "
            "(an inpainting or depth model?); use a text-to-image model"
        )
    if configs["vae"].get("latents_mean") is not None:
        raise _refuse(f"{model!r} normalizes its latents channel by channel (Playground?); {SUPPORTED}")
    if facts.prediction_type not in PREDICTION_TYPES:
        raise _refuse(f"{model!r} predicts {facts.prediction_type!r}; supported are {', '.join(PREDICTION_TYPES)}")
    noise = configs["scheduler"].get("beta_schedule", "linear")
    if noise not in BETA_SCHEDULES:
        raise _refuse(f"{model!r} has the noise schedule {noise!r}; supported are {', '.join(BETA_SCHEDULES)}")
    return facts


def family_of(unet: Mapping[str, Any]) -> Family:
    """The family of a UNet by its configuration."""
    return "sdxl" if unet.get("addition_embed_type") == "text_time" else "sd"


def _facts(configs: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> ModelFacts:
    unet, vae, scheduler = configs["unet"], configs["vae"], configs["scheduler"]
    latent_factor = 2 ** (len(vae["block_out_channels"]) - 1)
    return ModelFacts(
        family=family_of(unet),
        native_window=_count("sample_size", unet["sample_size"]) * latent_factor,
        latent_factor=latent_factor,
        latent_channels=_count("latent_channels", vae.get("latent_channels", 4)),
        scaling_factor=float(vae.get("scaling_factor", 0.18215)),
        shift_factor=float(vae.get("shift_factor") or 0.0),
        prediction_type=str(scheduler.get("prediction_type", "epsilon")),
        train_steps=_count("num_train_timesteps", scheduler.get("num_train_timesteps", 1000)),
        text_limit=_count("max_position_embeddings", configs["text_encoder"].get("max_position_embeddings", 77)),
        text_width=int(unet.get("cross_attention_dim") or -1),
        scheduler_config=dict(scheduler),
        few_step=few_step_model(names, unet, scheduler),
    )


def _count(name: str, value: Any) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is {value!r}")
    return value


def _refuse(sentence: str) -> InvalidRequestError:
    return InvalidRequestError([Problem("model", sentence)])
