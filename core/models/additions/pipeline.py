"""A model's parts as a pipeline of diffusers, for the loaders that are methods of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..libraries import import_diffusers

if TYPE_CHECKING:
    from ..model import Components


def pipeline_of(components: Components) -> Any:
    """A ``StableDiffusionPipeline`` or ``StableDiffusionXLPipeline`` over the same modules. It is not to be run."""
    diffusers = import_diffusers()
    parts = {
        "unet": components.unet,
        "vae": components.vae,
        "text_encoder": components.text_encoder,
        "tokenizer": components.tokenizer,
        "scheduler": diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),  # asked for, and not used
    }
    if components.text_encoder_2 is None:
        return diffusers.StableDiffusionPipeline(
            **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    return diffusers.StableDiffusionXLPipeline(
        **parts,
        text_encoder_2=components.text_encoder_2,
        tokenizer_2=components.tokenizer_2,
        add_watermarker=False,
    )
