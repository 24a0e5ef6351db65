"""The builds of torch there are, and which of them suits a computer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from .machine import Gpu, Machine

# The pair that this version was tested with; the same as in pyproject.toml.
TORCH = "2.13.0"
TORCHVISION = "0.28.0"
MINIMUM_TORCH = (2, 6)  # what diffusers and transformers ask for

PYPI = "https://pypi.org/simple"
_PYTORCH = "https://download.pytorch.org/whl"

# What the builds of this torch are made for, from PyTorch's sources: the CUDA Support Matrix of RELEASE.md, and what
# .ci/docker/manywheel/build.sh compiles for ROCm. On another card one installs, and then fails or computes nonsense.
ROCM_TARGETS = frozenset(
    (
        "gfx900", "gfx906", "gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100", "gfx1101", "gfx1102",
        "gfx1150", "gfx1151", "gfx1200", "gfx1201",
    )
)  # fmt: skip
OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"  # a user who sets it has told ROCm which target to take the card for


@dataclass(frozen=True)
class Cuda:
    """Which NVIDIA cards a CUDA build runs on: from which driver on, and for which compute capabilities."""

    driver: float
    first: float
    below: float

    def has_kernels(self, card: Gpu) -> bool:
        """Whether it was compiled for a card; one whose driver does not tell what it is gets the benefit of doubt."""
        return not card.capability or self.first <= card.capability < self.below

    def serves(self, card: Gpu) -> bool:
        """Whether it runs on a card with the driver that is there."""
        return card.driver >= self.driver and self.has_kernels(card)


CUDA: Mapping[str, Cuda] = {"cu130": Cuda(580.0, 7.5, 13.0), "cu126": Cuda(528.0, 5.0, 10.0)}


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
        return _for_amd(machine)
    if machine.system == "windows":
        return "cpu", "No NVIDIA card was found; AMD and Intel cards are not supported on Windows, so the CPU is used."
    return "cpu", "No graphics card was found that can compute, so the CPU is used."


def _for_nvidia(machine: Machine) -> tuple[str, str]:
    """The build that runs on most of the cards; of equals the newer."""
    counts = {key: sum(map(cuda.serves, machine.nvidia)) for key, cuda in CUDA.items()}
    key = max(counts, key=counts.__getitem__)
    if not counts[key]:
        return "cpu", f"{machine.words}: {_why_not(machine.nvidia)}"
    if key == "cu130":
        return key, f"{machine.words}: the build for newer cards."
    why = "card" if any(card.driver >= CUDA["cu130"].driver for card in machine.nvidia) else "driver"
    return key, f"{machine.words}: the {why} asks for the build with CUDA 12."


def _why_not(cards: tuple[Gpu, ...]) -> str:
    """What to do about cards that no build runs on."""
    drivers = [cuda.driver for card in cards for cuda in CUDA.values() if cuda.has_kernels(card)]
    if not drivers:
        return f"torch {TORCH} has no build for it, so the CPU is used."
    first = min(drivers)
    return f"the driver is too old. Update it to {first:.0f} or newer, then choose again; until then the CPU is used."


def _for_amd(machine: Machine) -> tuple[str, str]:
    if os.environ.get(OVERRIDE):
        return "rocm", f"{machine.words}: the build for AMD cards, which takes yours for what {OVERRIDE} says."
    if any(card.target in ROCM_TARGETS for card in machine.amd):
        return "rocm", f"{machine.words}: the build for AMD cards."
    return "cpu", f"{machine.words}: the build for AMD cards is not for it, so the CPU is used."
