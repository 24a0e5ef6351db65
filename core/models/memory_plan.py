"""What a model needs of a graphics card's memory, computed: whether it fits, and what to give up where it does not.

A run holds the weights, and for one window at a time what the backward pass of Eq. 14 needs of the networks it flows
through: the UNet (for both branches of the guidance), the decoder, and the distance. The text encoders are on the card
only while they encode. More windows at a time, where there is room, are faster and not counted here.

The sizes below are those of the true architectures: parameters, and the tensors that autograd keeps for one window of
the native size in half precision with fused attention. Tests count both on meta tensors. What the kernels need besides,
what the allocator wastes, and what the driver and the desktop hold are rules of thumb (docs/limitations.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .facts import TEXT_WIDTHS, ModelFacts

GIB = 2**30
CARDS = (6, 8, 12, 16, 24)  # in GB, as cards are sold
HALF, FULL = 2, 4  # bytes of a number
VGG16_PARAMETERS = 14_714_688
DISTANCE_KEPT = 0.357 * GIB / 512**2  # of a pixel, in float32
TINY_KEPT = 0.269 * GIB / 512**2
WASTE = 1.15  # over what is kept
RESERVED = 0.8 * GIB  # the driver's own, and a desktop's
USABLE = 0.95  # of a card, before a driver spills into system memory, far slower


@dataclass(frozen=True)
class Footprint:
    """Parameters of the parts, and bytes kept for the backward pass of one native window.

    ``unet_kept`` is for one branch of the guidance. ``native`` in pixels. ``..._checkpointed``: the same where the
    networks calculate again what they do not keep; of the decoder with the distance, and the most at once.
    """

    native: int
    unet: int
    vae: int
    text: int
    unet_kept: float
    vae_kept: float
    unet_checkpointed: float
    decoder_checkpointed: float


# Checkpointed, 1.x is taken to be as 2.x, whose blocks are the same.
FOOTPRINTS: Mapping[str, Footprint] = {
    "Stable Diffusion 1.x": Footprint(
        512, 859_520_964, 83_653_863, 123_060_480, 0.722 * GIB, 2.777 * GIB, 0.101 * GIB, 1.646 * GIB
    ),
    "Stable Diffusion 2.x": Footprint(
        512, 865_910_724, 83_653_863, 340_387_840, 0.678 * GIB, 2.777 * GIB, 0.101 * GIB, 1.646 * GIB
    ),
    "SDXL": Footprint(
        1024, 2_567_463_684, 83_653_863, 817_720_320, 4.970 * GIB, 11.110 * GIB, 0.469 * GIB, 6.584 * GIB
    ),
}


@dataclass(frozen=True)
class MemoryPlan:
    """A way to run: what it is called, the settings that make it, and its peak in bytes.

    ``checkpointed``: by gradient checkpointing, which the engine goes over to by itself where memory is short; slower,
    with the same result.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    checkpointed: bool = False
    peak_bytes: int = 0

    def fits(self, gigabytes: float) -> bool:
        """Whether a card of so many GB can run it."""
        return fits(self.peak_bytes, gigabytes * GIB)


_TINY = {"loss_decoder": "tiny"}
# From the paper's way to the least: what each gives up.
_WAYS = (
    MemoryPlan("exact"),
    MemoryPlan("exact, checkpointed", checkpointed=True),
    MemoryPlan("tiny decoder in the loss", _TINY),
    MemoryPlan("tiny decoder in the loss, checkpointed", _TINY, checkpointed=True),
    MemoryPlan("gradient past the UNet, tiny decoder in the loss", {"gradient": "no-unet", **_TINY}),
    MemoryPlan("no coherence (MultiDiffusion)", {"method": "multidiffusion"}),
)


def footprint_of(facts: ModelFacts) -> Footprint | None:
    """The footprint of a model's architecture; None for one that is none of the published ones (and mostly small)."""
    return FOOTPRINTS.get(TEXT_WIDTHS.get(facts.text_width, ""))


def memory_plans(model: Footprint, window: int | None = None, guided: bool = True) -> list[MemoryPlan]:
    """The ways to run a model in half precision, from the paper's to the least, with the peak of each.

    ``window`` in pixels (None: the native size). ``guided``: whether there are two branches, as few-step models lack.
    """
    return [
        replace(way, peak_bytes=peak_bytes(model, window, guided, checkpointed=way.checkpointed, **way.settings))
        for way in _WAYS
    ]


def peak_bytes(
    model: Footprint,
    window: int | None = None,
    guided: bool = True,
    number: int = HALF,
    *,
    method: str = "syncdiffusion",
    gradient: str = "exact",
    loss_decoder: str = "full",
    loss_scale: float = 1.0,
    checkpointed: bool = False,
) -> int:
    """The peak of one way to run a model: the settings of a request that make it one, and those of ``memory_plans``.

    ``number``: bytes of the networks' numbers, 4 in float32.
    """
    pixels = (window or model.native) ** 2
    scale = pixels / model.native**2
    precision = number / HALF  # of what is counted in half precision
    weights = number * (model.unet + model.vae)
    branches = 2 if guided else 1
    kept = 0.0
    if method == "syncdiffusion":
        if loss_decoder == "tiny":  # which has nothing that could be calculated again
            seen = (DISTANCE_KEPT + precision * TINY_KEPT) * pixels
        elif checkpointed:
            seen = precision * model.decoder_checkpointed * scale
        else:
            seen = DISTANCE_KEPT * pixels + precision * model.vae_kept * scale
        kept = FULL * VGG16_PARAMETERS + seen * loss_scale**2
        if gradient == "exact":
            kept += precision * branches * (model.unet_checkpointed if checkpointed else model.unet_kept) * scale
    # One pass without a gradient holds a few feature maps: here and in the last decode, which goes in tiles.
    passing = precision * max(0.15 * branches * model.unet_kept, 0.25 * model.vae_kept) * scale
    return int(weights + max(number * model.text, WASTE * kept, passing))


def fits(peak: float, card: float) -> bool:
    """Whether a card can hold a peak, both in bytes."""
    return peak + RESERVED <= USABLE * card


def best_plan(plans: Sequence[MemoryPlan], gigabytes: float) -> MemoryPlan | None:
    """The first that fits a card; None: not even the least does, and a smaller window is needed."""
    return next((plan for plan in plans if plan.fits(gigabytes)), None)
