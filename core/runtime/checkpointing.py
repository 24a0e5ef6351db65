"""Gradient checkpointing: less is kept for the backward pass, and calculated again on the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Checkpointing:
    """Of a run's networks, those of diffusers. Off until memory is short; the gradient is the same, and takes longer.

    ``warn`` is told when it begins.
    """

    def __init__(self, networks: Sequence[Any], warn: Callable[[str], None]) -> None:
        self._networks = networks
        self._warn = warn
        self._on = False
        for network in networks:
            network.disable_gradient_checkpointing()  # an earlier run may have switched it on

    def begin(self) -> bool:
        """Switch it on. Returns whether that changes anything."""
        if self._on:
            return False
        self._on = True
        for network in self._networks:
            network.enable_gradient_checkpointing()
        self._warn("memory is short: less is kept for the gradient, which takes longer")
        return True
