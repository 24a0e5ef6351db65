"""Run in a child process: imports an engine that has not been put into its place yet, and computes a little with it.

Given one JSON object: ``paths`` (those of the Python it is for), ``site`` (the engine's folder), ``numpy`` (the version
that must be found). Prints one JSON object; anything else is a failure.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import runpy
import sys
from pathlib import Path

SIZE = 64
DOOR = Path(__file__).parents[1] / "models" / "libraries.py"


def main(text: str) -> None:
    """Raises whatever the imports raise, or AssertionError with a sentence."""
    wanted = json.loads(text)
    sys.path[:] = [*wanted["paths"], wanted["site"]]  # at the end, as in Blender: what it has comes first
    numpy = importlib.import_module("numpy")
    assert numpy.__version__ == wanted["numpy"], f"numpy {numpy.__version__} takes the place of {wanted['numpy']}"
    torch = importlib.import_module("torch")
    assert torch.__file__.startswith(wanted["site"]), f"another torch comes first: {torch.__file__}"
    if all(importlib.util.find_spec(name) for name in ("transformers", "diffusers")):
        runpy.run_path(str(DOOR))["import_diffusers"]()  # as the engine does it
    else:
        importlib.import_module("torchvision")
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    ones = torch.ones((SIZE, SIZE), device=device)
    total = float((ones @ ones).sum().item())
    assert total == SIZE**3, f"the {device} computes {total} where {SIZE**3} is right"
    name = torch.cuda.get_device_name(0) if device == "cuda" else device
    print(json.dumps({"torch": torch.__version__, "device": device, "name": name}))


if __name__ == "__main__":
    main(sys.argv[1])
