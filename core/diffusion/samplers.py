"""Samplers: S of Eq. 11, one step on the whole canvas, and the x0 prediction (Eq. 10) that goes with each.

Latents that cross this boundary are the paper's variance-preserving x_t = a x_0 + s ε with a² + s² = 1. A sampler that
works in another scale (Euler: x_0 + σ ε) converts at its own door, so that the gradient of Eq. 14 has one meaning.

Why a step on the whole canvas is Eq. 12. The paper steps every window and averages the results. A DDIM step is linear
in the pair (x_t, ε), with coefficients that depend on t alone, so the average of the windows' steps is the step of the
averages: merge the moved latents, merge the windows' model outputs, take one step. A multistep sampler is linear in the
same way once its history is the canvas's own; one state for each window would mix, at the next step, histories of
windows that have been averaged with others since. (DDIM has no history, and steps windows as the paper does.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Name on the command line -> class in diffusers, and what is asked of it.
SAMPLERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ddim": ("DDIMScheduler", {"clip_sample": False}),
    "dpmpp-2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "unipc": ("UniPCMultistepScheduler", {"solver_order": 2}),
    "euler": ("EulerDiscreteScheduler", {}),
    # For models that were distilled to a few steps: they have seen the last timestep, and those evenly spread from it.
    "euler-trailing": ("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "lcm": ("LCMScheduler", {"clip_sample": False}),
}
LCM_STEPS = 50  # of the schedule that LCMs are distilled on, of which a run takes some


def x0_prediction(x: torch.Tensor, output: torch.Tensor, alpha: float, sigma: float, kind: str) -> torch.Tensor:
    """φ_θ of Eq. 10: the clean latents foreseen from x_t = alpha x_0 + sigma ε and the model's output.

    ``kind`` is the model's prediction type: ``epsilon`` (Eq. 10), ``v_prediction`` or ``sample``.
    """
    if kind == "epsilon":
        return (x - sigma * output) / alpha
    if kind == "v_prediction":
        return alpha * x - sigma * output
    if kind == "sample":
        return output
    raise ValueError(f"unknown prediction type {kind!r}")


def output_for(x: torch.Tensor, x0: torch.Tensor, alpha: float, sigma: float, kind: str) -> torch.Tensor:
    """The model output from which ``x0_prediction`` foresees ``x0``: its inverse at x_t."""
    if kind == "epsilon":
        return (x - alpha * x0) / sigma
    if kind == "v_prediction":
        return (alpha * x - x0) / sigma
    if kind == "sample":
        return x0
    raise ValueError(f"unknown prediction type {kind!r}")


class Sampler:
    """One of ``SAMPLERS`` over a run of ``steps`` steps, stepped in order from ``start`` to the last.

    ``synchronized`` are the steps at which windows are moved by the gradient. UniPC's corrector, which replaces the
    sample it is given and would take most of that move back, is off at those. ``generator`` gives the noise that LCM's
    sampler adds after every step but the last, to the whole canvas at once.
    """

    def __init__(
        self,
        name: str,
        scheduler_config: Mapping[str, Any],
        prediction_type: str,
        steps: int,
        synchronized: Collection[int] = (),
        start: int = 0,
        generator: torch.Generator | None = None,
    ) -> None:
        import diffusers

        class_name, options = SAMPLERS[name]
        self._scheduler_class = getattr(diffusers, class_name)
        self._config = {
            **{key: value for key, value in scheduler_config.items() if not key.startswith("_")},
            **options,
            "prediction_type": prediction_type,
            "thresholding": False,
        }
        if name == "unipc":
            # diffusers looks the previous step's index up.
            self._config["disable_corrector"] = [step - 1 for step in synchronized]
        if name == "lcm":
            every = int(self._config.get("num_train_timesteps", 1000))
            self._config["original_inference_steps"] = min(LCM_STEPS, every) if steps <= LCM_STEPS else every
        self._step_options = {"generator": generator} if name == "lcm" else {}
        self._variance_exploding = name.startswith("euler")
        self._prediction_type = prediction_type
        self.first = start
        self._start(steps)

    def _start(self, steps: int) -> None:
        self._scheduler = self._scheduler_class.from_config(self._config)
        self._scheduler.set_timesteps(steps)
        if not self._usable_timesteps(steps):
            # The model's own spacing cannot hold so many or so few steps (it repeats some, or runs past the ends).
            self._scheduler = self._scheduler_class.from_config({**self._config, "timestep_spacing": "trailing"})
            self._scheduler.set_timesteps(steps)
        if hasattr(self._scheduler, "set_begin_index"):
            self._scheduler.set_begin_index(self.first)

    def _usable_timesteps(self, steps: int) -> bool:
        timesteps = self._scheduler.timesteps.tolist()
        in_range = all(0 <= t < self._scheduler.config.num_train_timesteps for t in timesteps)
        # A run that starts at t = 0 takes noise for a finished picture.
        return in_range and timesteps[0] > 0 and len(set(timesteps)) == len(timesteps) == steps

    @property
    def memoryless(self) -> bool:
        """Whether a step depends on nothing but its arguments, so that windows may be stepped one by one."""
        return not hasattr(self._scheduler, "step_index")

    @property
    def timesteps(self) -> torch.Tensor:
        """The timestep t of every step, from the noisiest to the cleanest. Shape (steps,), on the CPU."""
        return self._scheduler.timesteps

    def scales(self, step: int) -> tuple[float, float]:
        """(a, s) of x_t = a x_0 + s ε at a step: sqrt(α_t) and sqrt(1 - α_t) in the paper's α."""
        sigmas = getattr(self._scheduler, "sigmas", None)
        if sigmas is None:
            alpha_bar = self._scheduler.alphas_cumprod[self.timesteps[step]]
            return float(alpha_bar**0.5), float((1 - alpha_bar) ** 0.5)
        scale = self._vp_scale(float(sigmas[step]))
        return scale, float(sigmas[step]) * scale

    def x0(self, x: torch.Tensor, output: torch.Tensor, step: int) -> torch.Tensor:
        """The x0 prediction at a step; see ``x0_prediction``. Any batch of latents."""
        return x0_prediction(x, output, *self.scales(step), self._prediction_type)

    def output_for(self, x: torch.Tensor, x0: torch.Tensor, step: int) -> torch.Tensor:
        """The model output that would have foreseen ``x0`` at a step: the inverse of ``x0``."""
        return output_for(x, x0, *self.scales(step), self._prediction_type)

    def noised(self, clean: torch.Tensor, noise: torch.Tensor, step: int) -> torch.Tensor:
        """x_t of Eq. 5 at a step: clean latents under noise of that step's strength."""
        alpha, sigma = self.scales(step)
        return alpha * clean + sigma * noise

    def step(self, canvas: torch.Tensor, output: torch.Tensor, step: int) -> torch.Tensor:
        """S of Eq. 11: from the moved latents and the outputs at t to the latents at t - 1.

        Of the whole canvas, merged, and once for each step; only a memoryless sampler may be given windows.
        """
        sample = canvas
        if self._variance_exploding:
            sample = canvas / self._vp_scale(float(self._scheduler.sigmas[step]))
            # Our latents are scaled already, but it insists on being asked.
            self._scheduler.scale_model_input(sample, self.timesteps[step])
        result = self._scheduler.step(output, self.timesteps[step], sample, return_dict=False, **self._step_options)[0]
        if self._variance_exploding:
            result = result * self._vp_scale(float(self._scheduler.sigmas[step + 1]))
        return result.to(canvas.dtype)

    @staticmethod
    def _vp_scale(sigma: float) -> float:
        """The factor from x_0 + σ ε to variance-preserving latents."""
        return (sigma * sigma + 1) ** -0.5
