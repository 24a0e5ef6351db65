"""Which steps synchronize, and with what weight: w of Eq. 14 over the steps (Sections 5 and 6.6)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SyncSchedule:
    """The gradient's weight at every step.

    ``weight`` is w_0, ``decay`` multiplies it at every step (whether that step synchronizes or not). A step i
    synchronizes when (i + 1) % ``every`` == 0, or, with ``count``, when it is one of ``count`` steps spread evenly (f
    in Section 6.6; the same as ``every`` = steps / count where that divides), and, with ``first``, only if i < first.
    """

    steps: int
    weight: float
    decay: float = 1.0
    every: int | None = 1
    count: int | None = None
    first: int | None = None

    def weights(self) -> tuple[float, ...]:
        """w of each step, 0.0 where the step does not synchronize. Length ``steps``."""
        chosen = self._every_kth(self.every or 1) if self.count is None else self._evenly_spread(self.count)
        limit = self.steps if self.first is None else self.first
        return tuple(self.weight * self.decay**i if i in chosen and i < limit else 0.0 for i in range(self.steps))

    def _every_kth(self, every: int) -> set[int]:
        return {i for i in range(self.steps) if (i + 1) % every == 0}

    def _evenly_spread(self, count: int) -> set[int]:
        return {(k + 1) * self.steps // count - 1 for k in range(count)}
