"""Times loops on one device: a few steps of each kind, from which a whole panorama follows."""

from __future__ import annotations

from typing import Any

import torch

from syncdiffusion.core.diffusion.denoiser import encode_prompt
from syncdiffusion.core.engine import Engine
from syncdiffusion.core.models.builtin import BUILTIN
from syncdiffusion.core.models.catalog import find_model
from syncdiffusion.core.models.model import Components
from syncdiffusion.core.perceptual.weights import load_distance
from syncdiffusion.core.runtime.devices import resolve_dtype

from .loops import Run, run_diffusers, run_naive, run_ours, watch
from .meter import Meter, clock
from .models import RandomModel, random_distance
from .modes import AUTHORS, DIFFUSERS, plan_for


class WatchedModel:
    """A model whose networks a meter watches wherever they are loaded."""

    def __init__(self, model: Any, meter: Meter) -> None:
        self._model = model
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def load(self, dtype: torch.dtype) -> Components:
        """Load, and watch from here on."""
        components = self._model.load(dtype)
        watch(components, self._meter)
        return components


class Timing:
    """Times the modes of one model on one device."""

    def __init__(self, name: str, device: torch.device, dtype: str, steps: int) -> None:
        self._device = device
        self._dtype = dtype
        self._steps = steps
        self._meter = Meter(clock(device))
        model = find_model(BUILTIN) if name == BUILTIN else RandomModel(name, str(device))
        self._model = WatchedModel(model, self._meter)
        self._engine = Engine()

    def row(self, mode: str, across: int) -> dict[str, Any]:
        """Measure one mode at one size."""
        plan = plan_for(self._model, mode, across)
        weights = plan.request.sync_weights()
        synchronized = len(weights) if mode == AUTHORS else sum(weight > 0 for weight in weights)
        plain = len(weights) - synchronized
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self._device)
        run = self._run(mode, across, synchronized > 0, plain > 0)
        spent = run.panorama(synchronized, plain)
        row: dict[str, Any] = {
            "windows": len(plan.windows),
            "steps": {"synchronized": synchronized, "plain": plain},
            "seconds": spent,
            "total_seconds": sum(spent.values()),
        }
        if run.report is not None:
            row["batch_sizes"] = run.report["batch_sizes"]
        if self._device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self._device)  # the engine measures its batches in between
            row["peak_memory_bytes"] = run.report["peak_memory_bytes"] if run.report else peak
        return row

    def _run(self, mode: str, across: int, synchronizes: bool, rests: bool) -> Run:
        short = {"device": str(self._device), "dtype": self._dtype, "steps": self._steps * (synchronizes + rests)}
        if mode != DIFFUSERS:
            short["sync_first"] = self._steps if synchronizes else 0
        plan = plan_for(self._model, mode, across, **short, sync_count=None, sync_every=1)
        if mode not in (AUTHORS, DIFFUSERS):
            return run_ours(plan, self._meter, self._engine)
        self._engine.release()
        autocast = torch.float16 if mode == AUTHORS and self._device.type == "cuda" else None
        dtype = torch.float32 if autocast else resolve_dtype(self._dtype, self._device)
        components = self._model.load(dtype).to(self._device)
        if mode == DIFFUSERS:
            return run_diffusers(plan, components, self._meter, batch=1)
        distance = load_distance(BUILTIN, None, print) if self._model.name == BUILTIN else random_distance()
        condition = encode_prompt(components, plan.request.prompt, "", self._model.facts.text_limit, print)
        text = condition.embeddings.float().to(self._device)
        return run_naive(plan, components, distance.to(self._device), text, self._meter, autocast)
