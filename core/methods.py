"""Which way of sampling a request's method is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Generator, Tensor

from .diffusion.blended import BlendedExtrapolation
from .diffusion.coherence import Coherence
from .diffusion.denoiser import Condition, Denoiser
from .diffusion.diffcollage import DiffCollage
from .diffusion.joint_diffusion import Anchor, JointDiffusion, Shortcuts
from .diffusion.noise import generator_after
from .diffusion.regions import BLEND, region_shares
from .diffusion.samplers import Sampler
from .diffusion.step import Diffusion
from .request.validation import Plan
from .runtime.memory import Batches
from .runtime.precision import Network


def make_sampler(plan: Plan, noise: Generator | None = None, start: int | None = None) -> Sampler:
    """The plan's sampler, at its first step, or at the step ``start``.

    ``noise`` is what it draws from where it adds noise (None: as the canvas's own run does). Samplers of one run that
    do not step the canvas itself share one, or the noise of the first would come again.
    """
    request, facts = plan.request, plan.model.facts
    start = request.start_step if start is None else start
    return Sampler(
        request.scheduler,
        facts.scheduler_config,
        facts.prediction_type,
        request.steps,
        synchronized=[i for i, weight in enumerate(request.sync_weights()) if weight],
        start=start,
        generator=noise or generator_after(request.seed, plan.canvas_shape),
    )


def make_denoiser(plan: Plan, unet: Network, condition: Condition) -> Denoiser:
    """The denoiser under the plan's prompt, or under those of its regions."""
    request, windows, shares = plan.request, plan.windows, None
    if request.regions:
        centers = [place * windows.width for place, _ in request.regions]
        shares = region_shares(centers, windows.width, BLEND * windows.window, request.wrap_x)
    return Denoiser(unet, condition, request.guidance_scale, shares)


def make_diffusion(
    plan: Plan,
    denoise: Denoiser,
    sampler: Sampler,
    batches: Batches,
    coherence: Coherence | None,
    anchor: Anchor | None,
    correct: Callable[[Tensor, int], Tensor] | None,
) -> Diffusion:
    """The plan's method. ``coherence`` and ``anchor`` are for the steps that synchronize; None where none does."""
    request = plan.request
    if request.method == "blended":
        noise = generator_after(request.seed, plan.canvas_shape)
        return BlendedExtrapolation(plan.windows, denoise, partial(make_sampler, plan, noise), batches, request.seed)
    if request.method == "diffcollage":
        return DiffCollage(plan.windows, denoise, sampler, batches)
    return JointDiffusion(
        plan.windows,
        denoise,
        sampler,
        batches,
        request.sync_weights(),
        coherence,
        anchor,
        foresee_noisy=request.foresee == "noisy",
        shortcuts=Shortcuts(drop_jacobian=request.gradient == "no-unet", reuse_output=request.reuse_noise),
        correct=correct,
    )
