"""What a report of an error should tell of a machine: versions, device, driver, memory, paths.

Nothing is imported for it that takes time, and nothing personal is in it but paths.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .engine_setup.found import find_torch, why_no_engine
from .engine_setup.machine import Machine, memory_bytes
from .files.known import cache_folder
from .perceptual.weights import cached_backbone
from .version import VERSION

PACKAGES = ("numpy", "torch", "torchvision", "diffusers", "transformers", "safetensors", "huggingface-hub", "pillow")
VARIABLES = (
    "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TORCH_HOME", "SYNCDIFFUSION_CACHE", "CUDA_VISIBLE_DEVICES",
    "PYTHONPATH",
)  # fmt: skip


def system_report(
    machine: Machine, blender: str, folders: Iterable[tuple[str, Path]], errors: Sequence[str] = ()
) -> str:
    """The report. ``blender``: its version, or where this runs; ``folders``: further ones, by what they are for."""
    torch = find_torch()
    lines = [
        f"SyncDiffusion {VERSION}, {blender}",
        f"Python {platform.python_version()} ({sys.executable})",
        f"System {platform.platform()}, {platform.machine()}, {os.cpu_count()} threads",
        f"Graphics {machine.words}",
        f"Memory {memory_bytes() / 2**30:.0f} GB",
        f"Engine {torch.folder if torch else 'none'}; {why_no_engine() or 'complete'}",
        "Packages " + ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    ]
    for what, folder in (*folders, ("cache", cache_folder()), ("backbones", cached_backbone("lpips-vgg").parent)):
        lines.append(f"Folder for {what}: {folder}{_free(folder)}")
    lines += [f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ]
    if errors:
        lines += ["", "Last errors, the newest at the end:", *errors]
    return "\n".join(lines)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _free(folder: Path) -> str:
    there = next((parent for parent in (folder, *folder.parents) if parent.is_dir()), None)
    free = f"{shutil.disk_usage(there).free / 1e9:.0f} GB free" if there else "no such drive"
    return f" ({free}{'' if folder.is_dir() else ', not there yet'})"
