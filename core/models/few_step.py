"""Models distilled to a few steps without guidance: LCM, Turbo, Lightning, Hyper. Recognised, not measured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Kind -> how a name tells it. Subjects of pictures are not kinds: "hyperrealistic", "lcm" inside a word.
NAMES = {
    "LCM": r"(?<![a-z])lcm(?![a-z])",
    "Turbo": r"turbo",
    "Lightning": r"lightning",
    "Hyper": r"(?<![a-z])hyper-?(sd|[-_ ]?\d+[-_ ]?step)",
}
STEPS_IN_NAME = re.compile(r"(?<!\d)(\d{1,2})[-_ ]?steps?(?![a-z])")
# Files and folders that are named by their role only; their folder's name says more.
ROLES = ("pytorch_lora_weights", "diffusion_pytorch_model", "model", "lora", "unet")
TITLES = ("modelspec.title", "ss_output_name")  # metadata that name a model


@dataclass(frozen=True)
class FewStep:
    """What a distilled model wants. ``steps``: what it was distilled to, where its name says so.

    ``embeds_guidance``: its UNet is told the guidance scale, and no unconditional branch is run at any.
    """

    kind: str
    steps: int | None = None
    embeds_guidance: bool = False

    @property
    def scheduler(self) -> str:
        """The sampler it was made for."""
        return "lcm" if self.kind == "LCM" else "euler-trailing"

    @property
    def guidance_scale(self) -> float:
        """1, which is none; 8 where the UNet is told it, as LCM's authors have it."""
        return 8.0 if self.embeds_guidance else 1.0

    def steps_for(self, preset: str) -> int:
        """How many steps a preset takes."""
        return self.steps or (4 if preset == "draft" or self.kind == "Turbo" else 8)


def few_step_model(names: Iterable[str], unet: Mapping[str, Any], scheduler: Mapping[str, Any]) -> FewStep | None:
    """Whether a model is one, by its configurations or else by what it is called."""
    embeds_guidance = unet.get("time_cond_proj_dim") is not None
    if embeds_guidance or scheduler.get("_class_name") == "LCMScheduler":
        return FewStep("LCM", None, embeds_guidance)
    return _by_name(names)


def few_step_lora(path: Path, metadata: Mapping[str, str]) -> FewStep | None:
    """Whether a LoRA makes a model one. A name tells it only with a number of steps, or LCM: others name subjects."""
    found = _by_name([telling_name(path), *titles(metadata)])
    return found if found is not None and (found.steps or found.kind == "LCM") else None


def titles(metadata: Mapping[str, str]) -> list[str]:
    """What a file's metadata call it."""
    return [metadata[key] for key in TITLES if key in metadata]


def telling_name(path: Path) -> str:
    """The name of a model's file or folder, or of the folder about it where it is named by its role only."""
    parts = Path(path).parts
    if "snapshots" in parts[1:]:  # of the Hugging Face cache
        return parts[parts.index("snapshots", 1) - 1]
    return parts[-2] if len(parts) > 1 and Path(path).stem.lower() in ROLES else Path(path).name


def _by_name(names: Iterable[str]) -> FewStep | None:
    for name in map(str.lower, names):
        for kind, pattern in NAMES.items():
            if re.search(pattern, name):
                steps = STEPS_IN_NAME.search(name)
                return FewStep(kind, int(steps[1]) if steps and int(steps[1]) else None)
    return None
