"""Memory: what is free, what a run has used, and how many windows fit at once."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

import psutil
import torch

from ..errors import CancelledError, NotEnoughMemoryError

T = TypeVar("T")

# On a CPU, and wherever a result must repeat bit for bit, batches do not depend on the memory that happens to be free.
FIXED_BATCH = 1
# A small UNet is up to a fifth faster on a few windows at a time; a decoder, which a gradient runs through, is not.
SMALL_NETWORK = 100_000_000
SMALL_NETWORK_BATCHES: Mapping[str, int] = MappingProxyType({"plain": 4})
MAX_BATCH = 32
# A share of the free memory is left alone: a driver may spill into system memory, many times slower, before it fails.
USABLE_SHARE = 0.8


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception is any device's way of saying that memory ran out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("out of memory" in text or "not enough memory" in text)


def free_unused_memory() -> None:
    """Give memory that nothing refers to back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def free_bytes(device: torch.device) -> int:
    """Memory that can be had on a device now, that which torch keeps cached included."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
    return psutil.virtual_memory().available


def total_bytes(device: torch.device) -> int:
    """All the memory that a device has."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    return psutil.virtual_memory().total


def room(device: torch.device) -> str:
    """What is free, in words: ``0.4 GB of 8.0 GB are free on the GPU``."""
    where = "in main memory" if device.type == "cpu" else "on the GPU"
    return f"{free_bytes(device) / 2**30:.1f} GB of {total_bytes(device) / 2**30:.1f} GB are free {where}"


def fixed_batches(network: torch.nn.Module) -> Mapping[str, int]:
    """By kind of work, how many windows to take at a time where that must not depend on free memory."""
    small = sum(parameter.numel() for parameter in network.parameters()) < SMALL_NETWORK
    return SMALL_NETWORK_BATCHES if small else {}


def peak_held(device: torch.device) -> int:
    """The most bytes held so far: on a GPU since the peak was last reset, on a CPU by the process since it began."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):
        return info.peak_wset
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Batches:
    """Runs work over windows in batches that fit into memory.

    On CUDA the first batch of each kind of work is one window, whose peak is measured; the following are as large as
    what is free allows. Elsewhere, and where ``size`` is given, the size is fixed, but for kinds of work for which
    ``sizes`` names another. Where memory runs out all the same,
    the batch is halved and its windows are done again. ``cancelled`` is asked before every batch. ``save_memory`` is
    called when one window does not fit; it makes the work hold less, or returns False where it can do no more.
    """

    def __init__(
        self,
        device: torch.device,
        size: int | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        save_memory: Callable[[], bool] = lambda: False,
        sizes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._device = device
        self._measured = size is None and device.type == "cuda"
        self._first_size = 1 if self._measured else size or FIXED_BATCH
        self._cancelled = cancelled
        self._save_memory = save_memory
        self._size: dict[str, int] = dict(sizes)
        self._limit = MAX_BATCH
        self._peak = 0
        self.used: dict[str, Counter[int]] = {}
        self.halved = 0

    def run(
        self, work_name: str, windows: Sequence[int], work: Callable[[Sequence[int]], T]
    ) -> Iterator[tuple[Sequence[int], T]]:
        """Yield (indices of a batch, ``work(indices)``) until all windows are done, in order.

        Raises CancelledError, or NotEnoughMemoryError when one window alone does not fit.
        """
        if self._device.type == "cuda" and not self.used:
            torch.cuda.reset_peak_memory_stats(self._device)  # the peak of an earlier run is not this one's
        done = 0
        while done < len(windows):
            if self._cancelled():
                raise CancelledError("cancelled")
            size = self._size.get(work_name, self._first_size)
            batch = windows[done : done + size]
            result = self._attempt(work_name, batch, work)
            if result is None:
                continue
            yield batch, result[0]
            done += len(batch)

    def peak_bytes(self) -> int:
        """The most memory held so far: on the GPU, or by the whole process on a CPU."""
        return max(self._peak, peak_held(self._device))

    def _attempt(self, work_name: str, batch: Sequence[int], work: Callable[[Sequence[int]], T]) -> tuple[T] | None:
        """The result in a tuple, or None after memory ran out and the batch was made smaller."""
        before = self._start_measuring(work_name)
        try:
            result = work(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(batch) == 1 and not self._save_memory():
                raise NotEnoughMemoryError(
                    f"not even one window fits into memory ({room(self._device)}); "
                    "lower --window, take --method multidiffusion or "
                    "--dtype float16, close other programs, or use --device cpu"
                ) from error
        else:
            self.used.setdefault(work_name, Counter())[len(batch)] += 1
            self._plan(work_name, before)
            return (result,)
        # Out of the handler: the exception held the frames, and they the tensors.
        if len(batch) > 1:
            self.halved += 1
            self._limit = self._size[work_name] = len(batch) // 2
        free_unused_memory()
        return None

    def _start_measuring(self, work_name: str) -> int | None:
        if not self._measured or work_name in self._size:
            return None
        self._peak = self.peak_bytes()
        torch.cuda.reset_peak_memory_stats(self._device)
        return torch.cuda.memory_allocated(self._device)

    def _plan(self, work_name: str, before: int | None) -> None:
        if before is not None:
            one_window = max(torch.cuda.max_memory_allocated(self._device) - before, 1)
            fitting = int(USABLE_SHARE * free_bytes(self._device) / one_window)
            if fitting == 0 and self._save_memory():
                return  # it may have been more than there is, and slow; the next one is measured anew
            self._size[work_name] = max(1, min(fitting, self._limit))
