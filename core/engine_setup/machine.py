"""What this computer has, found without torch."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 15.0  # seconds for the driver's tool to answer
# Keeps Windows from opening a console for a child process; 0, which means nothing, elsewhere.
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
KFD_NODES = Path("/sys/class/kfd/kfd/topology/nodes")


@dataclass(frozen=True)
class Gpu:
    """A graphics card. ``driver``: its version; ``capability``: CUDA's compute capability, 0 where nobody tells
    it; ``target``: what ROCm calls the card's kind.
    """

    name: str
    driver: float = 0.0
    capability: float = 0.0
    memory_bytes: int = 0
    target: str = ""


@dataclass(frozen=True)
class Machine:
    """``system`` is linux, windows or macos; ``processor`` as Python names it, in small letters."""

    system: str
    processor: str
    nvidia: tuple[Gpu, ...] = ()
    amd: tuple[Gpu, ...] = ()

    @property
    def apple_silicon(self) -> bool:
        """Whether it is a Mac with a GPU that torch can use."""
        return self.system == "macos" and self.processor == "arm64"

    @property
    def words(self) -> str:
        """What was found, for the user."""
        if self.apple_silicon:
            return "Apple silicon"
        cards = [*self.nvidia, *self.amd]
        if not cards:
            return "no graphics card that can compute was found"
        return ", ".join(
            card.name + (f" (driver {card.driver:g})" if card.driver else "")
            + (f", {card.memory_bytes / 2**30:.0f} GB" if card.memory_bytes else "")
            for card in cards
        )  # fmt: skip


def this_system() -> str:
    """The operating system: linux, windows or macos."""
    return {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def detect(run: Callable[[list[str]], str] | None = None, nodes: Path = KFD_NODES) -> Machine:
    """Look at this computer. ``run`` gives a program's output; it may take seconds: not for the main thread."""
    system = this_system()
    return Machine(
        system=system,
        processor=platform.machine().lower(),
        nvidia=_nvidia(run or _output) if system != "macos" else (),
        amd=_amd(nodes) if system == "linux" else (),
    )


def _output(command: list[str]) -> str:
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        answer = subprocess.run(
            [program, *command[1:]],
            capture_output=True, encoding="utf-8", errors="replace", timeout=PATIENCE, creationflags=NO_WINDOW,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout if answer.returncode == 0 else ""


def _nvidia(run: Callable[[list[str]], str]) -> tuple[Gpu, ...]:
    """The cards that NVIDIA's driver knows. An old one does not know the last field, and answers nothing at all."""
    fields = ["name", "driver_version", "memory.total", "compute_cap"]
    for asked in (fields, fields[:-1]):
        answer = run(["nvidia-smi", f"--query-gpu={','.join(asked)}", "--format=csv,noheader,nounits"])
        rows = [[part.strip() for part in line.split(",")] for line in answer.splitlines()]
        cards = [
            Gpu(name, _number(driver), _number("".join(capability)), int(_number(mebibytes)) << 20)
            for name, driver, mebibytes, *capability in (row for row in rows if len(row) == len(asked))
        ]
        if cards:
            return tuple(cards)
    return ()


def _amd(nodes: Path) -> tuple[Gpu, ...]:
    """The cards that the kernel's compute driver for AMD knows: a node with a graphics target is one."""
    cards = []
    try:
        folders = sorted(nodes.iterdir())
    except OSError:
        return ()
    for folder in folders:
        target = _properties(folder).get("gfx_target_version", 0)
        if target:
            name = f"gfx{target // 10000}{target // 100 % 100:x}{target % 100:x}"
            cards.append(Gpu(f"AMD {name}", memory_bytes=_amd_memory(folder), target=name))
    return tuple(cards)


def _amd_memory(node: Path) -> int:
    """Bytes of a card's own memory, which is of the kinds 1 and 2; 0 where the kernel does not tell."""
    banks = [_properties(folder) for folder in (node / "mem_banks").glob("*")]
    return sum(bank.get("size_in_bytes", 0) for bank in banks if bank.get("heap_type") in (1, 2))


def _properties(folder: Path) -> dict[str, int]:
    """The numbers in a file of the kernel's, a name and a number a line; empty where it cannot be read."""
    try:
        text = (folder / "properties").read_text("utf-8")
    except OSError:
        return {}
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def _number(text: str) -> float:
    """The number at the beginning of a version: 580.95 of ``580.95.05``; 0 where there is none."""
    digits = ".".join(text.split(".")[:2])
    try:
        return float(digits)
    except ValueError:
        return 0.0


def memory_bytes() -> int:
    """The computer's memory in bytes; 0 where nobody tells."""
    try:
        import psutil
    except ImportError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return psutil.virtual_memory().total
