"""The networks that look at pictures: those of the paper, or those of the built-in model in their place.

Weights come from files that the experiment names, or, with consent, from where they are published.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..core.errors import InvalidRequestError, ModelError, Problem
from ..core.models.builtin import BUILTIN, PERCEPTUAL_FOLDER
from ..core.models.libraries import import_diffusers
from ..core.perceptual.builtin import BuiltinDistance, read_builtin_distance
from ..core.perceptual.style import SCALE, gram_matrix
from ..core.perceptual.weights import check_weights, load_distance
from .experiment import Prompt

KINDS: Mapping[str, tuple[str, ...]] = {
    "paper": ("lpips", "vgg19", "inception", "clip"),
    BUILTIN: ("judge",),
}
"""Kind of networks -> the weights that an experiment may name."""


@dataclass(frozen=True)
class Metric:
    """A column of the tables. ``scale`` is what values are multiplied by to be shown; ``up``: higher is better."""

    name: str
    title: str
    up: bool = False
    scale: float = 1.0

    @property
    def heading(self) -> str:
        """Title, direction and unit."""
        unit = f" (x{1 / self.scale:.0e})".replace("e-0", "e-") if self.scale != 1 else ""
        return f"{self.title} {'↑' if self.up else '↓'}{unit}"


class Networks(Protocol):
    """What measures pictures. Images are (B, 3, H, W) in [0, 1]."""

    title: str
    """Which networks these are, for every table."""
    metrics: tuple[Metric, ...]
    """The columns, in the paper's order."""

    def coherence(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Features for the perceptual distance and for the style distance."""

    def distance(self, features: list[Tensor], other: list[Tensor]) -> float:
        """Perceptual distance of two pictures."""

    def style(self, features: list[Tensor], other: list[Tensor]) -> float:
        """Style distance of two pictures."""

    def embed(self, images: Tensor) -> Tensor:
        """Features (B, D) for GIQA, FID and KID."""

    def agreement(self, images: Tensor, prompt: Prompt) -> float:
        """How well one picture goes with its prompt; NaN where nothing can tell."""


def columns(distance: str, style: str, giqa: str, fid: str, kid: str, agreement: str) -> tuple[Metric, ...]:
    """The paper's columns under these titles."""
    return (
        Metric("distance", distance),
        Metric("style", style, scale=1e3),
        Metric("giqa", giqa, up=True, scale=1e3),
        Metric("fid", fid),
        Metric("kid", kid, scale=1e3),
        Metric("agreement", agreement, up=True),
        Metric("seconds", "Seconds"),
    )


def check_networks(spec: Mapping[str, Any], offline: bool) -> list[Problem]:
    """What is wrong with an experiment's section ``networks``, without loading anything."""
    kind = spec.get("kind")
    if kind not in KINDS:
        return [Problem("networks.kind", f"{kind!r} is not one of {', '.join(KINDS)}")]
    known = ("kind", *KINDS[kind])
    problems = [
        Problem(f"networks.{name}", f"is not for kind {kind!r}, which takes {', '.join(known)}")
        for name in spec.keys() - set(known)
    ]
    for name in KINDS[kind]:
        value = spec.get(name, "")
        if value and not Path(value).expanduser().exists():
            problems.append(Problem(f"networks.{name}", f"there is nothing at {value!r}; name a file or a folder"))
    if kind == "paper":
        for name, loss in (("lpips", "lpips-vgg"), ("vgg19", "style")):
            if not spec.get(name):
                problems += [
                    Problem(f"networks.{name}", problem.sentence) for problem in check_weights(loss, None, offline)
                ]
        for name in ("inception", "clip"):
            if not spec.get(name) and offline:
                sentence = "is not named, and no network may be used; name it, or consent with --download"
                problems.append(Problem(f"networks.{name}", sentence))
    return problems


def networks_identity(spec: Mapping[str, Any]) -> str:
    """Changes when a network does, so that pictures are measured again. Found without loading any."""
    digest = hashlib.sha256(json.dumps(dict(spec), sort_keys=True).encode())
    roots = [Path(value).expanduser() for name, value in sorted(spec.items()) if name != "kind" and value]
    for root in [*roots, *([PERCEPTUAL_FOLDER] if spec["kind"] == BUILTIN else [])]:
        for file in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if file.is_file():
                stat = file.stat()
                digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return f"{spec['kind']}-{digest.hexdigest()[:12]}"


def load_networks(spec: Mapping[str, Any], device: torch.device, announce: Callable[[str], None]) -> Networks:
    """The networks of an experiment. Raises InvalidRequestError or ModelError for weights that do not fit."""
    files = {name: str(Path(value).expanduser()) for name, value in spec.items() if name != "kind" and value}
    networks = PaperNetworks if spec["kind"] == "paper" else BuiltinNetworks
    return networks(files, device, announce)


class PaperNetworks:
    """LPIPS and VGG16, Style Loss and VGG19, Inception-v3, CLIP."""

    title = "LPIPS (VGG16), Style Loss (VGG19), Inception-v3, CLIP"
    metrics = columns("Intra-LPIPS", "Intra-Style-L", "Mean-GIQA", "FID", "KID", "Mean-CLIP-S")

    def __init__(self, files: Mapping[str, str], device: torch.device, announce: Callable[[str], None]) -> None:
        self.look_with(files, device, announce)
        self._inception = load_inception(files.get("inception"), announce).to(device)
        self._clip = ClipScore(files.get("clip", CLIP), device)

    def look_with(self, files: Mapping[str, str], device: torch.device, announce: Callable[[str], None]) -> None:
        """Load what coherence is measured with."""
        self._device = device
        self._lpips = load_distance("lpips-vgg", files.get("lpips"), announce).to(device)
        self._style = load_distance("style", files.get("vgg19"), announce).to(device)

    @torch.no_grad()
    def coherence(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """LPIPS's features, and VGG19's Gram matrices."""
        images = images.to(self._device)
        return self._lpips.features(images), self._style.features(images)

    @torch.no_grad()
    def distance(self, features: list[Tensor], other: list[Tensor]) -> float:
        """LPIPS."""
        return float(self._lpips.distance(features, other))

    @torch.no_grad()
    def style(self, features: list[Tensor], other: list[Tensor]) -> float:
        """The Style Loss as it is, without the factor that makes a gradient of it."""
        return float(self._style.distance(features, other)) / SCALE

    @torch.no_grad()
    def embed(self, images: Tensor) -> Tensor:
        """Inception's pooled features (B, 2048), on 8-bit pictures."""
        return self._inception((images * 255).round().to(torch.uint8).to(self._device))[0].float().cpu()

    def agreement(self, images: Tensor, prompt: Prompt) -> float:
        """The CLIP score."""
        return self._clip(images, prompt.text)


CLIP = "openai/clip-vit-base-patch32"  # the paper does not say which CLIP; this one's scores are of its size


INCEPTION = "weights-inception-2015-12-05-6726825d.pth"


def load_inception(file: str | None, announce: Callable[[str], None]) -> nn.Module:
    """The Inception-v3 of FID, by torch-fidelity, from its file ``INCEPTION``."""
    import_diffusers()
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    if file is None:
        announce("Downloading the Inception-v3 of FID (92 MB) where it is not in torch's cache")
    try:
        if file is not None:  # torch-fidelity would run code that a file holds; this refuses it
            torch.load(file, "cpu", weights_only=True)
        return FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=file).eval()
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        reason = f"networks.inception: {file!r} is not the state dict of it ({type(error).__name__})"
        raise ModelError(f"{reason}; name {INCEPTION} of torch-fidelity") from error


class ClipScore:
    """100 times the cosine between CLIP's embeddings of a picture and a prompt, not below 0 (Hessel et al., 2021)."""

    def __init__(self, folder: str, device: torch.device) -> None:
        import_diffusers()
        from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel

        try:
            self._model = CLIPModel.from_pretrained(folder).eval().to(device)
            self._tokenizer = AutoTokenizer.from_pretrained(folder)
            self._processor = CLIPImageProcessor.from_pretrained(folder)
        except (OSError, ValueError) as error:
            reason = f"networks.clip: {folder!r} cannot be loaded as a CLIP model ({type(error).__name__})"
            raise ModelError(f"{reason}; name a folder with config, weights, tokenizer and preprocessor") from error
        self._device = device

    @torch.no_grad()
    def __call__(self, images: Tensor, text: str) -> float:
        """The score of one picture (1, 3, H, W) in [0, 1]."""
        picture = (images[0].permute(1, 2, 0) * 255).round().byte().numpy()
        pixels = self._processor(images=picture, return_tensors="pt")["pixel_values"].to(self._device)
        words = self._tokenizer(text, return_tensors="pt", truncation=True).to(self._device)
        seen = self._model.get_image_features(pixel_values=pixels).pooler_output
        read = self._model.get_text_features(**words).pooler_output
        return 100 * max(float(torch.nn.functional.cosine_similarity(seen, read)), 0.0)


class BuiltinNetworks:
    """The built-in model's perceptual network, and, where one has been trained, the judge of the built-in model.

    Neither LPIPS nor Inception nor CLIP: numbers compare with each other and with none of the paper's.
    """

    def __init__(self, files: Mapping[str, str], device: torch.device, announce: Callable[[str], None]) -> None:
        self._device = device
        self._network = read_builtin_distance(PERCEPTUAL_FOLDER).to(device)
        self._judge = Judge(Path(files["judge"])).to(device) if "judge" in files else None
        looks = "the judge" if self._judge else "the same network, pooled"
        seen = "judge" if self._judge else "built-in"
        self.title = (
            "the built-in model's perceptual network for coherence and style, its "
            f"{looks} for fidelity: these are not the paper's numbers"
        ).replace("its the", "the")
        self.metrics = columns(
            "Intra-distance (built-in)", "Intra-style (built-in)", f"Mean-GIQA ({seen})", f"FID ({seen})",
            f"KID ({seen})", "Prompt seen by the judge, %",
        )  # fmt: skip

    @torch.no_grad()
    def coherence(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The built-in distance's features, and the Gram matrices of its levels."""
        images = images.to(self._device)
        return self._network.features(images), [gram_matrix(level) for level in _levels(self._network, images)]

    @torch.no_grad()
    def distance(self, features: list[Tensor], other: list[Tensor]) -> float:
        """The built-in distance."""
        return float(self._network.distance(features, other))

    def style(self, features: list[Tensor], other: list[Tensor]) -> float:
        """Mean squared error between Gram matrices, summed over levels, as Style Loss has it."""
        return float(sum((a - b).square().mean() for a, b in zip(features, other, strict=True)))

    @torch.no_grad()
    def embed(self, images: Tensor) -> Tensor:
        """What the judge's heads see; without a judge the mean of every channel of the perceptual network."""
        images = images.to(self._device)
        if self._judge:
            return self._judge.features(images).cpu()
        return torch.cat([level.mean(dim=(2, 3)) for level in _levels(self._network, images)], dim=1).cpu()

    @torch.no_grad()
    def agreement(self, images: Tensor, prompt: Prompt) -> float:
        """The judge's mean probability of the labels that the prompt stands for, in percent."""
        if not self._judge or not prompt.labels:
            return float("nan")
        chances = self._judge.chances(images.to(self._device))
        return 100 * float(np.mean([chances[label][name] for label, name in prompt.labels.items()]))


def _levels(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Activations of every level, as they are before ``features`` brings them to unit length."""
    x, levels = 2 * images - 1, []
    for level in network.levels:
        x = level(x)
        levels.append(x)
    return levels


class Judge(nn.Module):
    """The classifier that ``python -m training.judge FOLDER`` writes: ``config.json`` and ``model.safetensors``."""

    def __init__(self, folder: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        super().__init__()
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self._labels: dict[str, list[str]] = config["labels"]
            self.levels = BuiltinDistance(config["channels"]).levels
            self.heads = nn.ModuleDict(
                {label: nn.Linear(config["channels"][-1], len(names)) for label, names in self._labels.items()}
            )
            self.load_state_dict(load_file(folder / "model.safetensors"))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            reason = f"{str(folder)!r} holds no judge ({error}); write one with python -m training.judge FOLDER"
            raise InvalidRequestError([Problem("networks.judge", reason)]) from error
        self.requires_grad_(False).eval()

    def features(self, images: Tensor) -> Tensor:
        """What the heads see, (B, channels), of images in [0, 1]."""
        return _levels(self, images)[-1].mean(dim=(2, 3))

    def chances(self, images: Tensor) -> dict[str, dict[str, float]]:
        """Probability of every name of every label, of the first picture."""
        seen = self.features(images)
        return {
            label: dict(zip(names, self.heads[label](seen).softmax(1)[0].tolist(), strict=True))
            for label, names in self._labels.items()
        }
