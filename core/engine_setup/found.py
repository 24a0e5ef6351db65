"""Whether torch is there, and where: by looking, never by importing."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from .builds import MINIMUM_TORCH

# What a picture takes beside torch, and what installing torch takes: they come as wheels with the extension.
LIBRARIES = ("numpy", "PIL", "psutil", "safetensors", "huggingface_hub", "transformers", "diffusers")
INSTALLER = ("filelock", "packaging", "pip")


@dataclass(frozen=True)
class FoundTorch:
    """A torch that Python finds. ``version`` is empty where its metadata are gone."""

    version: str
    folder: Path

    @property
    def new_enough(self) -> bool:
        """Whether it has the minimum version."""
        return version_numbers(self.version) >= MINIMUM_TORCH


def find_torch() -> FoundTorch | None:
    """The torch that an import would take."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        version = distribution("torch").version
    except PackageNotFoundError:
        version = ""
    return FoundTorch(version, Path(spec.origin).parents[1])


def why_no_engine() -> str:
    """Why nothing can be computed; empty if it can."""
    torch = find_torch()
    if torch is None:
        missing = _missing((*LIBRARIES, *INSTALLER))
        nor = f", nor {missing}, which come with the zip that has wheels" if missing else ""
        return f"The engine is not installed: Blender's Python does not find torch{nor}"
    if not torch.new_enough:
        minimum = ".".join(map(str, MINIMUM_TORCH))
        return (
            f"Blender's Python finds torch {torch.version or 'of an unknown version'} in {torch.folder}, and "
            f"{minimum} is needed: update it there, or remove it"
        )
    missing = _missing(LIBRARIES)
    return f"Blender's Python does not find {missing}: install the zip that has wheels" if missing else ""


def _missing(names: Iterable[str]) -> str:
    return ", ".join(name for name in names if find_spec(name) is None)


def version_numbers(version: str) -> tuple[int, ...]:
    """(2, 13) of ``2.13.0+cu130``."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:2])


def site_in(folder: Path) -> Path | None:
    """Where in a folder of the user's torch lies: in itself, or where an environment in it has its packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    inside = ("", own_name(), "Lib/site-packages", f"lib/{version}/site-packages", f"lib/{version}/dist-packages")
    return next((site for name in inside if (site := folder / name).joinpath("torch", "__init__.py").is_file()), None)


def made_for_this_python(site: Path) -> bool:
    """Whether the compiled part of the torch in a folder is for the Python that runs."""
    compiled = [path.name for path in (site / "torch").glob("_C.*") if path.suffix in (".so", ".pyd")]
    return not compiled or any(name.removeprefix("_C") in EXTENSION_SUFFIXES for name in compiled)


def own_name() -> str:
    """The name of an installed engine's folder: one for each version of Python, since a root may be shared."""
    return f"engine-py{sys.version_info.major}{sys.version_info.minor}"
