"""Where the weights of a perceptual distance come from: a file of the user's, torch's own cache, or a download."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..activity import Activity
from ..errors import DownloadError, InvalidRequestError, ModelError, Problem
from ..files.download import Remote, fetch_all
from ..models.builtin import BUILTIN, PERCEPTUAL_FOLDER

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Backbone:
    """A trunk as torchvision publishes it. The file name ends in the first digits of its SHA-256.

    ``smallest_image`` is the smallest picture, in pixels a side, that its layers leave anything of.
    """

    title: str
    file: str
    megabytes: int
    smallest_image: int

    @property
    def url(self) -> str:
        """Where it is published."""
        return f"https://download.pytorch.org/models/{self.file}"


SMALLEST_BUILTIN_IMAGE = 16  # four levels, each of half the size


BACKBONES: Mapping[str, Backbone] = {
    "lpips-vgg": Backbone("LPIPS with VGG16, as in the paper", "vgg16-397923af.pth", 528, 16),
    "lpips-alex": Backbone("LPIPS with AlexNet", "alexnet-owt-7be5be79.pth", 233, 31),
    "lpips-squeeze": Backbone("LPIPS with SqueezeNet, the smallest", "squeezenet1_1-b8a52dc0.pth", 5, 17),
    "style": Backbone("Style Loss, with VGG19", "vgg19-dcbb9e9d.pth", 548, 4),
}


def cached_backbone(loss: str) -> Path:
    """Where torch keeps the backbone of a distance, whether it is there yet or not.

    The same as ``torch.hub.get_dir()``, found without importing torch.
    """
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints" / BACKBONES[loss].file


def check_weights(loss: str, file: str | None, offline: bool) -> list[Problem]:
    """What is wrong with the weights a request names (or needs), without loading them."""
    if loss == BUILTIN:
        return [] if file is None else [Problem("loss_weights", "is not for --loss builtin, which has its own")]
    if file is None:
        backbone = BACKBONES[loss]
        if offline and not cached_backbone(loss).is_file():
            return [
                Problem(
                    "loss_weights",
                    f"is missing: {loss} needs {backbone.file} ({backbone.megabytes} MB), which is not on this "
                    "machine, and no network may be used; give the file, or choose --method multidiffusion",
                )
            ]
        return []
    path = Path(file)
    if not os.path.isfile(path):
        return [Problem("loss_weights", f"there is no file {file!r}")]
    import torch

    try:
        with torch.device("meta"):
            network = _empty(loss)
        _fitting(network, _read(path), loss, path.name)
    except InvalidRequestError as error:
        return list(error.problems)
    return []


def load_distance(loss: str, file: str | None, announce: Callable[[str], None]) -> Any:
    """The distance ``loss`` (a ``PerceptualDistance``) with its weights, on the CPU in float32.

    Downloads the backbone where no file is given and torch's cache has none; ``announce`` is told before. Raises
    InvalidRequestError for a file of the wrong kind, ModelError when a download fails or the built-in weights are gone.
    """
    if loss == BUILTIN:
        return _read_builtin()
    if file is None:
        path = cached_backbone(loss)
        if not path.is_file():
            announce(f"Downloading {BACKBONES[loss].file} ({BACKBONES[loss].megabytes} MB)")
            download_backbone(loss, Activity("Downloading", str))
    else:
        path = Path(file)
    network = _empty(loss)
    network.load_state_dict(_fitting(network, _read(path), loss, path.name))
    return network


def smallest_image(loss: str) -> int:
    """The smallest picture, in pixels a side, that a distance can look at."""
    return SMALLEST_BUILTIN_IMAGE if loss == BUILTIN else BACKBONES[loss].smallest_image


def _read_builtin() -> nn.Module:
    from safetensors import SafetensorError

    from .builtin import read_builtin_distance

    try:
        return read_builtin_distance(PERCEPTUAL_FOLDER)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"the built-in distance cannot be loaded ({type(error).__name__}); install this program again"
        ) from error


def _empty(loss: str) -> nn.Module:
    """The distance's network before its weights."""
    from .lpips import LPIPS
    from .style import StyleLoss

    return StyleLoss() if loss == "style" else LPIPS(loss.removeprefix("lpips-"))


def download_backbone(loss: str, activity: Activity) -> str:
    """Download the backbone of a distance into torch's cache; returns the closing sentence.

    Raises ModelError, with the other way to get it, or CancelledError.
    """
    path, backbone = cached_backbone(loss), BACKBONES[loss]
    size = backbone.megabytes << 20
    try:
        fetch_all([Remote(backbone.url, path, path.stem.rpartition("-")[2], size)], activity)
    except (DownloadError, OSError) as error:
        raise ModelError(
            f"{path.name} could not be downloaded ({error}), or fetch {backbone.url} yourself and give it by "
            "--loss-weights"
        ) from error
    return f"{path.name} is in {path.parent}"


def _read(path: Path) -> dict[str, Tensor]:
    """A state dict from .safetensors, or from a pickle of tensors that is read without running code in it."""
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix.lower() == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, "cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # whatever the readers raise on a file that is not theirs
        raise _refuse(f"{path.name!r} is not a state dict (.pt or .safetensors): {type(error).__name__}") from error
    if not isinstance(state, dict) or not all(map(_is_weight, state.items())):
        raise _refuse(f"{path.name!r} holds no state dict of tensors")
    return state


def _is_weight(item: tuple[Any, Any]) -> bool:
    import torch

    return isinstance(item[0], str) and isinstance(item[1], torch.Tensor)


def _fitting(network: nn.Module, state: Mapping[str, Tensor], loss: str, file: str) -> dict[str, Tensor]:
    """What of a state dict the network loads: that of ``lpips.LPIPS``, or a torchvision backbone.

    LPIPS's linear heads come with the package lpips where the file holds a backbone alone. Raises InvalidRequestError
    when something is missing or of another shape.
    """
    if loss == "style":
        state = {key.replace("features.", "trunk.", 1): value for key, value in state.items()}
    elif any(key.startswith("features.") for key in state):
        state = {**_renamed_to_slices(network, state), **_linear_heads(loss)}
    fitting = {}
    for key, value in network.state_dict().items():
        if key.startswith("scaling_layer."):
            fitting[key] = value  # constants; some files carry them, some do not
        elif key in state and state[key].shape == value.shape:
            fitting[key] = state[key].float()
        else:
            name = key.replace("trunk.", "features.", 1)
            raise _refuse(f"{file!r} is not for {loss}: {name} is missing or of another shape")
    return fitting


def _renamed_to_slices(network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's ``features.7.weight`` is ``net.slice2.7.weight`` in lpips."""
    names = {key.split(".", 2)[2]: key for key in network.state_dict() if key.startswith("net.slice")}
    plain = {key.removeprefix("features."): value for key, value in state.items()}
    return {full: plain[short] for short, full in names.items() if short in plain}


def _linear_heads(loss: str) -> dict[str, Tensor]:
    import torch

    spec = importlib.util.find_spec("lpips")  # found, not imported: importing it would bring in scipy
    if spec is None or spec.origin is None:
        raise ModelError("the package lpips, which holds LPIPS's linear heads, is not installed")
    heads = Path(spec.origin).parent / "weights" / "v0.1" / f"{loss.removeprefix('lpips-')}.pth"
    return torch.load(heads, "cpu", weights_only=True)


def _refuse(sentence: str) -> InvalidRequestError:
    return InvalidRequestError([Problem("loss_weights", sentence)])
