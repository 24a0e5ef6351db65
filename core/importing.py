"""Importing torch and what stands on it, on a thread beside one that draws a window.

An import holds the interpreter, and with it every other thread, in two long pieces: while the system loads torch's
library of half a gigabyte, and while the garbage collector goes through all that the imports have made so far.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

# What pulls in all of torch that is not bound to Python. On Windows torch itself loads its libraries as is done here.
TORCH_LIBRARIES = {"linux": "libtorch.so", "darwin": "libtorch.dylib"}


def import_engine() -> ModuleType:
    """Import ``core.engine`` and the libraries it needs for any model; returns it."""
    with _no_collections():
        if "torch" not in sys.modules:
            _load_torch_libraries()
        engine = importlib.import_module(".engine", __package__)
        importlib.import_module(".models.libraries", __package__).import_diffusers()
    return engine


def _load_torch_libraries() -> None:
    """Have the system load torch's libraries while other threads go on; the import then finds them loaded.

    Where that does not work, nothing is lost: the import does it.
    """
    spec, name = importlib.util.find_spec("torch"), TORCH_LIBRARIES.get(sys.platform)
    if spec is not None and spec.origin is not None and name is not None:
        with suppress(OSError):
            ctypes.CDLL(str(Path(spec.origin).parent / "lib" / name))


@contextmanager
def _no_collections() -> Iterator[None]:
    """Within, the garbage collector does not begin by itself."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
