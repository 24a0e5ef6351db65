"""A meter that tells phases of a run apart: seconds by a clock, or operations by a counter."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest import mock

import torch
from torch import nn

from syncdiffusion.core.decoding.decoder import Decoder
from syncdiffusion.core.diffusion import joint_diffusion
from syncdiffusion.core.diffusion.coherence import Coherence
from syncdiffusion.core.diffusion.samplers import Sampler
from syncdiffusion.core.diffusion.windows import Windows

UNET, UNET_BACKWARD = "UNet forward", "UNet backward"
DECODER, DECODER_BACKWARD = "decoder forward", "decoder backward"
LOSS, SAMPLER, MERGE, FINAL = "loss", "sampling", "merge", "final decode"
PHASES = (UNET, UNET_BACKWARD, DECODER, DECODER_BACKWARD, LOSS, SAMPLER, MERGE, FINAL)

# Where the engine does what the networks do not. What a network does within one of these is the network's.
_FUNCTIONS = (
    (Coherence, "_gradient", LOSS),
    (Coherence, "look", LOSS),
    (Sampler, "step", SAMPLER),
    (Windows, "crop", MERGE),
    (joint_diffusion._Merge, "add", MERGE),
    (joint_diffusion._Merge, "result", MERGE),
    (Decoder, "canvas", FINAL),
)


class Meter:
    """Charges what ``read`` counts up to the innermost phase that is open. All within a final decode is its own."""

    def __init__(self, read: Callable[[], float]) -> None:
        self._read = read
        self._open: list[str] = []
        self._last = read()
        self.spent: defaultdict[str, float] = defaultdict(float)

    def begin(self, phase: str) -> None:
        """A phase begins, within the one that is open."""
        self._charge()
        self._open.append(FINAL if FINAL in self._open else phase)

    def end(self) -> None:
        """The innermost phase ends."""
        self._charge()
        self._open.pop()

    def _charge(self) -> None:
        now = self._read()
        if self._open:
            self.spent[self._open[-1]] += now - self._last
        self._last = now

    def watch(self, network: nn.Module, forward: str, backward: str) -> Callable[[], None]:
        """Count a network's passes as phases from here on; returns what ends that."""
        hooks = [
            network.register_forward_pre_hook(lambda *_: self.begin(forward)),
            network.register_forward_hook(lambda *_: self.end()),
            network.register_full_backward_pre_hook(lambda *_: self.begin(backward)),
            network.register_full_backward_hook(lambda *_: self.end()),
        ]
        return lambda: [hook.remove() for hook in hooks] and None

    def wrapped(self, function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        """The function as a phase."""

        @wraps(function)
        def measured(*given: Any, **named: Any) -> Any:
            self.begin(phase)
            try:
                return function(*given, **named)
            finally:
                self.end()

        return measured

    @contextmanager
    def engine(self) -> Iterator[None]:
        """Within, the engine's own work is counted too."""
        with ExitStack() as stack:
            for owner, name, phase in _FUNCTIONS:
                function = self.wrapped(getattr(owner, name), phase)
                stack.enter_context(mock.patch.object(owner, name, function))
            yield


def clock(device: torch.device) -> Callable[[], float]:
    """Seconds. On a GPU what has been asked for is waited for; on a CPU it is this process's own time, not the wall's.

    So a machine that is busy with other things measures the same on a CPU. With one thread both are alike.
    """
    if device.type != "cuda":
        return time.process_time

    def read() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return read
