"""The guard against NaN: a network in half precision whose output is not finite is run again in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..errors import NotFiniteError


class Network:
    """A network and how to run it. Every output that leaves it is finite.

    The first time half precision overflows, the network moves to float32 and stays there: an overflow comes back at the
    next window. If float32 is not finite either, NotFiniteError says where.
    """

    def __init__(self, name: str, module: Any, run: Callable[..., Tensor], warn: Callable[[str], None]) -> None:
        self.name = name
        self.module = module
        self._run = run
        self._warn = warn

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        """Run the network. Raises NotFiniteError."""
        output = self._run(self.module, *inputs)
        if is_finite(output):
            return output
        if self.is_half:
            self.to_float32("its output is not finite")
            output = self._run(self.module, *inputs)
            if is_finite(output):
                return output
        raise NotFiniteError(
            f"the {self.name} gives NaN or infinity in float32 too: its weights are damaged, or the guidance scale or "
            "the sync weight is too large"
        )

    @property
    def is_half(self) -> bool:
        """Whether the network runs in half precision now."""
        return self.module.dtype in (torch.float16, torch.bfloat16)

    def to_float32(self, reason: str) -> None:
        """Move the network to float32 for good, and say so."""
        self._warn(f"{self.name}: {reason} in {str(self.module.dtype).removeprefix('torch.')}; run again in float32")
        self.module.float()


def is_finite(tensor: Tensor) -> bool:
    """Whether a tensor holds neither NaN nor infinity."""
    return bool(torch.isfinite(tensor).all())
