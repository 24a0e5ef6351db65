"""Which device and precision a run uses, and how exact its arithmetic is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import torch

from ..errors import DeviceError


def list_devices() -> list[tuple[str, str, int]]:
    """What this machine can compute on: a request's ``device``, the name of the part, its memory in bytes."""
    found = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            found.append((f"cuda:{index}", card.name, card.total_memory))
    main_memory = psutil.virtual_memory().total
    if torch.backends.mps.is_available():
        found.append(("mps", "Apple GPU", main_memory))  # it has no memory of its own
    return [*found, ("cpu", "CPU", main_memory)]


def resolve_device(name: str) -> torch.device:
    """The device for a request's ``device``. Raises DeviceError when the machine does not have it."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            there = f"there are {count} CUDA devices" if count else "torch finds no CUDA device here"
            raise DeviceError(f"device: {name} is not available: {there}; use --device cpu or auto")
        return torch.device("cuda", device.index or 0)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("device: mps is not available on this machine; use --device cpu or auto")
    return device


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """The networks' dtype for a request's ``dtype``: under ``auto`` float16 on a GPU and float32 on a CPU."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.float16
    return getattr(torch, name)


@contextmanager
def arithmetic(device: torch.device, dtype: torch.dtype, deterministic: bool) -> Iterator[None]:
    """Within, float32 means float32 (no TF32), and, if ``deterministic``, CUDA repeats its results bit for bit.

    A CPU does so anyway.
    """
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    saved = (matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, torch.are_deterministic_algorithms_enabled())
    with ExitStack() as stack:
        if dtype == torch.float32:
            matmul.allow_tf32 = cudnn.allow_tf32 = False
        if deterministic and device.type == "cuda":
            # cuBLAS reads this once, when it starts.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            cudnn.benchmark = False
            torch.use_deterministic_algorithms(True, warn_only=True)
            # The fused kernels add up their gradients in any order.
            stack.enter_context(torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH))
        try:
            yield
        finally:
            matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = saved[:3]
            torch.use_deterministic_algorithms(saved[3])
