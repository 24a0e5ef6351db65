"""The builds of torch there are, and which of them suits a computer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .machine import Machine

# The pair that this version was tested with; the same as in pyproject.toml.
TORCH = "2.13.0"
TORCHVISION = "0.28.0"
MINIMUM_TORCH = (2, 6)  # what diffusers and transformers ask for

PYPI = "https://pypi.org/simple"
_PYTORCH = "https://download.pytorch.org/whl"

# The first drivers that run programs of CUDA 13 and 12; the first compute capability that CUDA 13 has kernels for.
CUDA_13_DRIVER, CUDA_12_DRIVER = 580.0, 528.0
CUDA_13_CAPABILITY = 7.5


@dataclass(frozen=True)
class Build:
    """A build of torch. Sizes are rough, in GB, to be known before anything is asked of the network.

    ``index``: where it is published; ``local``: the end of its version there.
    """

    key: str
    label: str
    index: str
    local: str
    systems: Mapping[str, tuple[float, float]]
    """GB to download and GB on the disk, by system."""

    @property
    def requirements(self) -> tuple[str, str]:
        """What pip is asked for: the two go in together, from one index."""
        return f"torch=={TORCH}{self.local}", f"torchvision=={TORCHVISION}{self.local}"


_BUILDS = (
    Build("cu130", "NVIDIA, CUDA 13.0", f"{_PYTORCH}/cu130", "+cu130", {"linux": (2.8, 6.0), "windows": (2.0, 4.5)}),
    Build("cu126", "NVIDIA, CUDA 12.6", f"{_PYTORCH}/cu126", "+cu126", {"linux": (3.0, 6.5), "windows": (2.6, 5.0)}),
    Build("rocm", "AMD, ROCm 7.2", f"{_PYTORCH}/rocm7.2", "+rocm7.2", {"linux": (5.0, 15.0)}),
    Build("apple", "Apple silicon", PYPI, "", {"macos": (0.15, 0.6)}),
    Build("cpu", "No graphics card (CPU)", f"{_PYTORCH}/cpu", "+cpu", {"linux": (0.25, 0.9), "windows": (0.15, 0.7)}),
)
BUILDS: Mapping[str, Build] = {build.key: build for build in _BUILDS}


def available(system: str) -> list[Build]:
    """The builds there are for a system."""
    return [build for build in _BUILDS if system in build.systems]


def recommend(machine: Machine) -> tuple[str, str]:
    """The key of the build that suits a computer, and a sentence that says why. An empty key: there is none."""
    if machine.system == "macos":
        if machine.apple_silicon:
            return "apple", "This Mac's GPU is used."
        return "", f"There is no torch {TORCH} for Macs with Intel processors."
    if machine.processor not in ("x86_64", "amd64"):
        return "", f"This extension is made for x86-64; this computer has {machine.processor}."
    if machine.nvidia:
        return _for_nvidia(machine)
    if machine.amd:
        return "rocm", f"{machine.words}: the build for AMD cards."
    if machine.system == "windows":
        return "cpu", "No NVIDIA card was found; AMD and Intel cards are not supported on Windows, so the CPU is used."
    return "cpu", "No graphics card was found that can compute, so the CPU is used."


def _for_nvidia(machine: Machine) -> tuple[str, str]:
    """The oldest card decides, and the driver."""
    driver = min(card.driver for card in machine.nvidia)
    capability = min(card.capability for card in machine.nvidia)
    if driver >= CUDA_13_DRIVER and capability >= CUDA_13_CAPABILITY:
        return "cu130", f"{machine.words}: the build for newer cards."
    if driver >= CUDA_12_DRIVER:
        why = "card" if driver >= CUDA_13_DRIVER else "driver"
        return "cu126", f"{machine.words}: the {why} asks for the build with CUDA 12."
    return "cpu", (
        f"{machine.words}: the driver is too old for CUDA 12. Update it to {CUDA_12_DRIVER:.0f} or newer, then choose "
        "again; until then the CPU is used."
    )
