"""The one door to diffusers and transformers, which import torchvision when it is installed."""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.util
import logging
import sys
from types import ModuleType

# What every model needs of them, which they import when it is first asked for.
_TRANSFORMERS = ("CLIPTextModel", "CLIPTokenizer")
_DIFFUSERS = ("UNet2DConditionModel", "AutoencoderKL")

# Held for the life of the process: torch forgets the operators when their library object is collected.
_declared_operators: list[object] = []


@functools.cache
def import_diffusers() -> ModuleType:
    """Import diffusers and transformers; returns diffusers.

    A torchvision whose compiled half does not match torch (a CUDA build beside a CPU torch) fails to import and would
    take both libraries down with it, though nothing here uses an operator of it.
    """
    if importlib.util.find_spec("torchvision") is not None:
        try:
            importlib.import_module("torchvision")
        except RuntimeError as error:
            if "torchvision::nms" not in str(error):
                raise
            _declare_torchvision_operators()
    # What the two have to say on standard error is for their developers.
    logging.getLogger("transformers").setLevel(logging.ERROR)
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    transformers = importlib.import_module("transformers")
    transformers.utils.logging.disable_progress_bar()
    diffusers = importlib.import_module("diffusers")
    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()  # it sets its own level when it is imported
    for library, names in ((transformers, _TRANSFORMERS), (diffusers, _DIFFUSERS)):
        for name in names:
            getattr(library, name)
    # Half a million objects live from here on as long as the process does. Left to the garbage collector, every full
    # collection would go through them all and hold the interpreter, and with it Blender's window, for 0.2 s and more.
    gc.freeze()
    return diffusers


def _declare_torchvision_operators() -> None:
    import torch

    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared_operators.append(library)
    importlib.import_module("torchvision")
