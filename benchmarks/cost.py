"""What one window costs on meta tensors, in operations and in memory, and what a panorama costs by that.

On meta tensors nothing is calculated: shapes alone pass through the networks, so full-size models are counted anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from syncdiffusion.core.diffusion.windows import Windows
from syncdiffusion.core.models.builtin import BUILTIN
from syncdiffusion.core.models.catalog import find_model
from syncdiffusion.core.models.facts import ModelFacts
from syncdiffusion.core.models.model import Components
from syncdiffusion.core.perceptual.weights import load_distance
from syncdiffusion.core.request.request import Request
from syncdiffusion.core.request.validation import Plan

from .held import fused_attention, peak_bytes
from .meter import DECODER, DECODER_BACKWARD, FINAL, LOSS, UNET, UNET_BACKWARD
from .models import RandomModel, random_distance, tiny_decoder
from .modes import AUTHORS, MODES, plan_for


@dataclass(frozen=True)
class PartCost:
    """Operations of one window in one network, forward and back to its input. An addition counts as one."""

    forward: float
    backward: float


@dataclass(frozen=True)
class WindowCost:
    """Of one window: the UNet with both branches of guidance, the decoder, and the perceptual distance's features."""

    unet: PartCost
    decoder: PartCost
    loss: PartCost


def operations(work: Callable[[], object]) -> float:
    """How many floating-point operations some work takes."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def part_cost(run: Callable[[Tensor], Tensor], given: Tensor) -> PartCost:
    """The cost of a network that turns ``given`` into something."""
    output: list[Tensor] = []
    forward = operations(lambda: output.append(run(given)))
    backward = operations(lambda: torch.autograd.grad(output[0], given, torch.ones_like(output[0])))
    return PartCost(forward, backward)


def unet_cost(components: Components, facts: ModelFacts, size: int) -> PartCost:
    """The UNet on a window of ``size`` latents, twice: once for each branch of guidance."""
    unet = components.unet
    latents = _input((2, facts.latent_channels, size, size), unet)
    text = _input((2, facts.text_limit, unet.config.cross_attention_dim), unet).detach()
    time = torch.ones((), device=latents.device)
    return part_cost(lambda given: unet(given, time, text, return_dict=False)[0], latents)


def decoder_cost(decoder: Any, facts: ModelFacts, size: int) -> PartCost:
    """A VAE's decoder, or a tiny one, on a window of ``size`` latents."""
    clean = _input((1, facts.latent_channels, size, size), decoder)
    return part_cost(lambda given: decoder.decode(given, return_dict=False)[0], clean)


def loss_cost(distance: Any, pixels: int) -> PartCost:
    """A perceptual distance on a picture of so many pixels a side, to an anchor whose features are there."""
    picture = _input((1, 3, pixels, pixels), distance)
    anchor = [feature.detach() for feature in distance.features(picture)]
    return part_cost(lambda given: distance.distance(distance.features(given), anchor), picture)


def _input(shape: tuple[int, ...], network: torch.nn.Module) -> Tensor:
    like = next(network.parameters())
    return torch.zeros(shape, device=like.device, dtype=like.dtype, requires_grad=True)


def panorama_cost(request: Request, windows: Windows, cost: WindowCost, final_decode: float) -> dict[str, float]:
    """Operations by phase of a request, by the counts of what ``JointDiffusion`` does. ``cost`` at the loss's scale."""
    spent = dict.fromkeys((UNET, UNET_BACKWARD, DECODER, DECODER_BACKWARD, LOSS), 0.0)
    branches = 2 if request.guidance_scale > 1 else 1
    unet, unet_backward = (branches / 2 * amount for amount in (cost.unet.forward, cost.unet.backward))
    for step, weight in enumerate(request.sync_weights()):
        count = len(windows.at_step(step))
        if not weight:
            spent[UNET] += count * unet
            continue
        anchor = 0 if request.anchor_image else 1
        moved = count - anchor
        foreseen = 0 if request.foresee == "noisy" else moved
        spent[UNET] += (anchor + foreseen + moved * (not request.reuse_noise)) * unet
        spent[UNET_BACKWARD] += foreseen * unet_backward * (request.gradient == "exact")
        spent[DECODER] += count * cost.decoder.forward
        spent[DECODER_BACKWARD] += moved * cost.decoder.backward
        spent[LOSS] += count * cost.loss.forward + moved * cost.loss.backward
    return {**spent, FINAL: final_decode}


def naive_cost(count: int, steps: int, cost: WindowCost, final_decode: float) -> dict[str, float]:
    """Operations by phase of the authors' loop: the anchor is decoded once a step and judged with every window."""
    return {
        UNET: steps * (2 * count + 1) * cost.unet.forward,
        UNET_BACKWARD: steps * count * cost.unet.backward,
        DECODER: steps * (count + 1) * cost.decoder.forward,
        DECODER_BACKWARD: steps * count * cost.decoder.backward,
        LOSS: steps * count * (2 * cost.loss.forward + cost.loss.backward),
        FINAL: final_decode,
    }


class Counting:
    """Counts panoramas of one architecture, or of the built-in model, on meta tensors."""

    def __init__(self, name: str, dtype: torch.dtype = torch.float16) -> None:
        meta = torch.device("meta")
        with meta:
            builtin = name == BUILTIN
            self.model = find_model(BUILTIN) if builtin else RandomModel(name, "meta")
            self._distance = (load_distance(BUILTIN, None, print) if builtin else random_distance()).to(meta)
        self._components = self.model.load(dtype).to(meta)
        self._tiny = tiny_decoder(self.model).to(meta, dtype)
        facts = self.model.facts
        self._size = facts.native_window // facts.latent_factor
        self._unet = unet_cost(self._components, facts, self._size)
        self._windows: dict[tuple[float, bool], WindowCost] = {}
        self._peaks: dict[tuple[float, bool, bool], int] = {}

    def row(self, mode: str, across: int) -> dict[str, Any]:
        """Count one mode at one size."""
        # A tiny decoder is counted whether the model has one or not.
        tiny = MODES[mode].get("loss_decoder") == "tiny"
        plan = plan_for(self.model, mode, across, loss_decoder="full")
        request, count = plan.request, len(plan.windows)
        authors = mode == AUTHORS
        if authors:
            spent = naive_cost(count, request.steps, self.window(), self._final_decode(plan.windows))
        else:
            spent = self.panorama(plan, tiny)
        row: dict[str, Any] = {
            "windows": count,
            "tflop": {phase: amount / 1e12 for phase, amount in spent.items()},
            "total_tflop": sum(spent.values()) / 1e12,
            "weights_bytes": self._weights_bytes(),
        }
        if request.synchronizes and not tiny:
            exact = authors or request.gradient == "exact"
            row["gradient_bytes"] = self.gradient_bytes(request.loss_scale, exact)
            row["gradient_bytes_checkpointed"] = self.gradient_bytes(request.loss_scale, exact, checkpointed=True)
        return row

    def panorama(self, plan: Plan, tiny: bool = False) -> dict[str, float]:
        """Operations by phase of a plan on this model."""
        cost = self.window(plan.request.loss_scale, tiny)
        return panorama_cost(plan.request, plan.windows, cost, self._final_decode(plan.windows))

    def window(self, scale: float = 1.0, tiny: bool = False) -> WindowCost:
        """The cost of a window of the native size, compared at a scale."""
        key = (scale, tiny)
        if key not in self._windows:
            facts, small = self.model.facts, int(self._size * scale)
            decoder = self._tiny if tiny else self._components.vae
            loss = loss_cost(self._distance, small * facts.latent_factor)
            self._windows[key] = WindowCost(self._unet, decoder_cost(decoder, facts, small), loss)
        return self._windows[key]

    def gradient_bytes(self, scale: float, exact: bool, checkpointed: bool = False) -> int:
        """The most that is held at once beside the weights while one window's gradient is taken."""
        key = (scale, exact, checkpointed)
        if key not in self._peaks:
            networks = (self._components.unet, self._components.vae)
            for network in networks if checkpointed else ():
                network.enable_gradient_checkpointing()
            x = torch.zeros((1, self.model.facts.latent_channels, self._size, self._size), device="meta")
            with mock.patch.object(F, "scaled_dot_product_attention", fused_attention):
                self._peaks[key] = peak_bytes(lambda: self._gradient(x.requires_grad_(), scale, exact))
            for network in networks if checkpointed else ():
                network.disable_gradient_checkpointing()
        return self._peaks[key]

    def _gradient(self, x: Tensor, scale: float, exact: bool) -> Tensor:
        """Eq. 14's, in shapes: what ``Coherence`` and ``Foresight`` do with the same networks."""
        unet, vae, distance = self._components.unet, self._components.vae, self._distance
        text = torch.zeros((2, self.model.facts.text_limit, unet.config.cross_attention_dim), device="meta")
        with torch.set_grad_enabled(exact):
            both = torch.cat([x, x]).to(unet.dtype)
            time = torch.ones((), device="meta")
            output = unet(both, time, text.to(unet.dtype), return_dict=False)[0].to(x.dtype)
        clean = x - output[:1] - output[1:]
        small = F.avg_pool2d(clean, 2) if scale == 0.5 else clean
        image = vae.decode(small.to(vae.dtype), return_dict=False)[0].to(x.dtype).clamp(0, 1)
        features = distance.features(image)
        anchor = [feature.detach() for feature in features]
        return torch.autograd.grad(distance.distance(features, anchor).sum(), x)[0]

    def _final_decode(self, windows: Windows) -> float:
        """About: the decoder's convolutions grow with the canvas; its one attention, which grows faster, is little."""
        return self.window().decoder.forward * windows.height * windows.width / self._size**2

    def _weights_bytes(self) -> int:
        parts = (self._components.unet, self._components.vae.decoder, self._distance)
        return sum(p.nbytes for part in parts for p in part.parameters())
