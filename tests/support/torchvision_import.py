"""Make torchvision importable beside a torch whose build does not match its C extension."""

import importlib
import sys

import torch

_LIBRARIES: list[torch.library.Library] = []  # a library's schemas live as long as the object


def import_torchvision() -> None:
    """Import torchvision; where its C extension does not load, declare the two schemas that the import asks for.

    Models and transforms need nothing more. diffusers, transformers and lpips import torchvision themselves, so call
    this before them.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARIES.append(library)
        importlib.import_module("torchvision")
