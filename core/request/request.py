"""A request: every setting in effect, frozen. JSON in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..diffusion.schedule import SyncSchedule
from ..diffusion.windows import Windows
from ..version import VERSION

# What a user consents to or forbids: theirs to say at every run, and no part of a picture.
PERSONAL = ("allow_pickle", "offline")


def is_window_index(anchor: str) -> bool:
    """Whether the setting ``anchor`` names a window by its index (and not ``center`` or a picture)."""
    return anchor.isascii() and anchor.isdecimal()


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to generate. Field by field as in ``settings.SETTINGS``; sizes in pixels. Made by ``validation.prepare``."""

    prompt: str
    negative_prompt: str
    model: str
    preset: str
    target: str
    width: int
    height: int
    window: int
    stride: int
    wrap: str
    init_image: str | None
    init_mode: str | None
    strength: float | None
    world_size: int | None
    horizon: float | None
    poles: str | None
    steps: int
    scheduler: str
    guidance_scale: float
    seed: int
    method: str
    loss: str
    loss_weights: str | None
    sync_weight: float
    sync_decay: float
    sync_every: int | None
    sync_count: int | None
    sync_first: int | None
    gradient: str
    loss_decoder: str
    loss_scale: float
    reuse_noise: bool
    shift_windows: bool
    foresee: str
    anchor: str
    device: str
    dtype: str
    decode: str
    deterministic: bool
    initial_latents: str | None
    allow_pickle: bool
    offline: bool

    @property
    def pixels(self) -> int:
        """How many pixels the finished picture has."""
        return self.world_size**2 // 2 if self.target == "world" else self.width * self.height

    @property
    def wrap_x(self) -> bool:
        """Whether the canvas closes from right to left."""
        return "x" in self.wrap

    @property
    def wrap_y(self) -> bool:
        """Whether the canvas closes from bottom to top."""
        return "y" in self.wrap

    @property
    def anchor_index(self) -> int | None:
        """The anchor as an index of a window; None for ``center`` and for a picture."""
        return int(self.anchor) if is_window_index(self.anchor) else None

    @property
    def anchor_image(self) -> str | None:
        """The anchor as the path of a picture; None where it is a window."""
        return None if self.anchor == "center" or self.anchor_index is not None else self.anchor

    @property
    def start_step(self) -> int:
        """The first step that is taken: 0, but for a picture that is refined, which begins under less noise."""
        return 0 if self.strength is None else self.steps - max(1, round(self.strength * self.steps))

    def windows(self, latent_factor: int) -> Windows:
        """The windows over the canvas, in latents."""
        sizes = (size // latent_factor for size in (self.height, self.width, self.window, self.stride))
        return Windows(
            *sizes, wrap_y=self.wrap_y, wrap_x=self.wrap_x, shift_seed=self.seed if self.shift_windows else None
        )

    def sync_weights(self) -> tuple[float, ...]:
        """w of Eq. 14 at every step; all 0 for MultiDiffusion, and 0 at steps that are not taken."""
        weight = self.sync_weight if self.method == "syncdiffusion" else 0.0
        schedule = SyncSchedule(self.steps, weight, self.sync_decay, self.sync_every, self.sync_count, self.sync_first)
        return (0.0,) * self.start_step + schedule.weights()[self.start_step :]

    @property
    def synchronizes(self) -> bool:
        """Whether any step does gradient work."""
        return any(self.sync_weights())

    def to_json(self, files: Mapping[str, Mapping[str, str]], stopped_after: int | None = None) -> dict[str, Any]:
        """The request as JSON values. ``files``: for each setting that names a file its name and SHA-256.

        ``stopped_after``: the number of steps after which the run was ended early; left out where it was not.

        Paths are not written: they would tell about the machine and mean nothing on another. Nor are files that have no
        effect, since no step synchronizes.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in PERSONAL}
        if not self.synchronizes:
            values["loss_weights"] = None
            values["anchor"] = "center" if self.anchor_image else self.anchor
        for name, file in files.items():
            values[name] = file["name"]
        if stopped_after is not None:
            values["stopped_after"] = stopped_after
        return {"version": VERSION, **values, "files": {name: dict(file) for name, file in files.items()}}

    def file_settings(self) -> dict[str, str]:
        """The settings other than the model that name a file in use."""
        named = {"loss_weights": self.loss_weights if self.synchronizes else None}
        named["anchor"] = self.anchor_image if self.synchronizes else None
        named |= {"init_image": self.init_image, "initial_latents": self.initial_latents}
        return {name: path for name, path in named.items() if path is not None}
