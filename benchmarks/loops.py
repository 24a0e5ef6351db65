"""The three loops that are compared, on the same weights and noise: the authors', diffusers', and this project's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from syncdiffusion.core.diffusion.noise import initial_noise
from syncdiffusion.core.diffusion.samplers import x0_prediction
from syncdiffusion.core.engine import Engine
from syncdiffusion.core.events import Event, Phase, Progress
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.models.model import Components
from syncdiffusion.core.request.validation import Plan

from .meter import DECODER, DECODER_BACKWARD, FINAL, LOSS, MERGE, SAMPLER, UNET, UNET_BACKWARD, Meter

Spent = Mapping[str, float]  # by phase


@dataclass
class Run:
    """What a loop was seen to spend: in one step of each kind that it has, and at the end."""

    synchronized: Spent | None
    plain: Spent | None
    end: Spent
    report: Mapping[str, Any] | None = None

    def panorama(self, synchronized: int, plain: int) -> dict[str, float]:
        """What so many steps of each kind and the end come to."""
        total = dict(self.end)
        for steps, spent in ((synchronized, self.synchronized), (plain, self.plain)):
            for phase, amount in (spent or {}).items() if steps else ():
                total[phase] = total.get(phase, 0.0) + steps * amount
        return total


class _Ledger:
    """Cuts what a meter counts into steps."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._before: dict[str, float] = {}

    def since(self) -> dict[str, float]:
        """What has been spent since the last call."""
        spent = {phase: amount - self._before.get(phase, 0.0) for phase, amount in self._meter.spent.items()}
        self._before = dict(self._meter.spent)
        return {phase: amount for phase, amount in spent.items() if amount > 0}


def run_ours(plan: Plan, meter: Meter, engine: Engine) -> Run:
    """The engine, as users have it. Of its steps the last of each kind counts, when everything is warm."""
    ledger = _Ledger(meter)
    weights = plan.request.sync_weights()
    seen: dict[bool, Spent] = {}

    def note(event: Event) -> None:
        if isinstance(event, Progress) and event.phase is Phase.SAMPLING:
            spent = ledger.since()
            if event.step:
                seen[weights[event.step - 1] > 0] = spent

    with meter.engine():
        result = engine.generate(plan, Outputs(), note)
    return Run(seen.get(True), seen.get(False), ledger.since(), result.report)


def run_naive(
    plan: Plan, components: Components, distance: Any, condition: Tensor, meter: Meter, autocast: torch.dtype | None
) -> Run:
    """The authors' loop as they run it: one window at a time, LPIPS of the anchor anew with each, all steps alike.

    ``condition``: embeddings of the negative prompt and the prompt, (2, tokens, channels). Under ``autocast`` weights
    are float32 and networks run in half precision, as theirs do.
    """
    from diffusers import DDIMScheduler

    request, facts, windows = plan.request, plan.model.facts, plan.windows
    scheduler = DDIMScheduler.from_config(dict(facts.scheduler_config), clip_sample=False)
    scheduler.set_timesteps(request.steps)
    device = condition.device
    z = initial_noise(request.seed, (1, facts.latent_channels, windows.height, windows.width)).to(device)
    ledger, spent = _Ledger(meter), {}

    def predict(x: Tensor, t: Tensor) -> Tensor:
        both = components.unet(torch.cat([x, x]), t, condition, return_dict=False)[0]
        unconditional, conditional = both.chunk(2)
        return unconditional + request.guidance_scale * (conditional - unconditional)

    def foreseen(x: Tensor, t: Tensor) -> Tensor:
        alpha = float(scheduler.alphas_cumprod[t])
        clean = x0_prediction(x, predict(x, t), alpha**0.5, (1 - alpha) ** 0.5, facts.prediction_type)
        return decoded(clean)

    def decoded(clean: Tensor) -> Tensor:
        image = components.vae.decode(clean / facts.scaling_factor + facts.shift_factor, return_dict=False)[0]
        return (image / 2 + 0.5).clamp(0, 1)

    def gradient(x: Tensor, t: Tensor, anchor: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        image = foreseen(x, t)
        loss = distance.distance(distance.features(image), distance.features(anchor)).sum()
        return torch.autograd.grad(loss, x)[0]

    synchronize = meter.wrapped(gradient, LOSS)
    step = meter.wrapped(lambda x, output, t: scheduler.step(output, t, x).prev_sample, SAMPLER)
    add = meter.wrapped(_add, MERGE)
    half = torch.autocast(device.type, autocast) if autocast else nullcontext()
    with half:
        for i, t in enumerate(scheduler.timesteps):
            views = windows.positions
            total, count = torch.zeros_like(z), torch.zeros_like(z)
            with torch.no_grad():
                anchor = foreseen(windows.crop(z, [windows.center]), t)
            for index in range(len(views)):
                x = windows.crop(z, [index])
                moved = synchronize(x, t, anchor)
                if index != windows.center:
                    x = x - request.sync_weight * request.sync_decay**i * moved
                with torch.no_grad():
                    add(total, count, windows, index, step(x, predict(x, t), t))
            z = total / count
            spent = ledger.since()
        with torch.no_grad():
            meter.wrapped(decoded, FINAL)(z)
    return Run(spent, None, ledger.since())


def _add(total: Tensor, count: Tensor, windows: Any, index: int, view: Tensor) -> None:
    rows, columns = windows.pixels(index, view)
    total[:, :, rows, columns] += view
    count[:, :, rows, columns] += 1


def run_diffusers(plan: Plan, components: Components, meter: Meter, batch: int) -> Run:
    """diffusers' panorama pipeline (MultiDiffusion), with this request's windows in place of its 64 latents at 8."""
    from diffusers import DDIMScheduler
    from diffusers.pipelines.deprecated.stable_diffusion_panorama.pipeline_stable_diffusion_panorama import (
        StableDiffusionPanoramaPipeline,
    )

    request, facts, windows = plan.request, plan.model.facts, plan.windows
    pipeline = StableDiffusionPanoramaPipeline(
        vae=components.vae,
        text_encoder=components.text_encoder,
        tokenizer=components.tokenizer,
        unet=components.unet,
        scheduler=DDIMScheduler.from_config(dict(facts.scheduler_config), clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    size = windows.window
    pipeline.get_views = lambda *_, **__: [(top, top + size, left, left + size) for top, left in windows.positions]
    noise = initial_noise(request.seed, (1, facts.latent_channels, windows.height, windows.width))
    ledger, spent = _Ledger(meter), {}

    def note(_: Any, step: int, __: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        spent.clear()
        spent.update(ledger.since())
        return tensors

    decode: Callable[..., Any] = components.vae.decode
    components.vae.decode = meter.wrapped(decode, FINAL)
    try:
        with components.encoders_on_device():
            meter.wrapped(pipeline.__call__, MERGE)(
                request.prompt,
                height=request.height,
                width=request.width,
                num_inference_steps=request.steps,
                guidance_scale=request.guidance_scale,
                view_batch_size=batch,
                latents=noise.to(components.unet.device, components.unet.dtype),
                callback_on_step_end=note,
                output_type="np",
            )
    finally:
        del components.vae.decode
    return Run(None, spent, ledger.since())


def watch(components: Components, meter: Meter) -> Callable[[], None]:
    """Count the networks' passes; returns what ends that."""
    ends = [
        meter.watch(components.unet, UNET, UNET_BACKWARD),
        meter.watch(components.vae.decoder, DECODER, DECODER_BACKWARD),
    ]
    return lambda: [end() for end in ends] and None
