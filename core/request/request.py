"""A request: every setting in effect, frozen. JSON in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..diffusion.schedule import SyncSchedule
from ..diffusion.windows import Windows
from ..models.additions.lora import read_lora
from ..version import VERSION

FileNames = Mapping[str, str] | Sequence[Mapping[str, str]]
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
    region: tuple[str, ...]
    model: str
    lora: tuple[str, ...]
    embedding: tuple[str, ...]
    vae: str | None
    tiny_decoder: str | None
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
    sky_prompt: str | None
    ground_prompt: str | None
    range: str | None
    peak: float | None
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
    def regions(self) -> list[tuple[float, str]]:
        """Where each region's prompt stands, as a fraction of the canvas's width, and all of that prompt.

        North, which is +Y in Blender, is a quarter of the way along a loop that is a world.
        """
        split = [text.partition(":") for text in self.region]
        places = [((float(place) / 360 + 0.25) % 1 if self.wrap_x else float(place) / 100) for place, _, _ in split]
        return [(place, f"{text}, {self.prompt}") for place, (_, _, text) in zip(places, split, strict=True)]

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

    @property
    def judges_by_tiny(self) -> bool:
        """Whether a tiny decoder has a say in the picture, and is not for previews only."""
        return self.synchronizes and self.loss_decoder == "tiny"

    def to_json(
        self,
        files: Mapping[str, FileNames],
        stopped_after: int | None = None,
        sun: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The request as JSON values. ``files``: for each setting that names a file its name and SHA-256, of one that
        names several a list.

        ``stopped_after``: the number of steps after which the run was ended early; ``sun``: what shines in a world's
        light. Each is left out where there is none.

        Paths are not written: they would tell about the machine and mean nothing on another. Nor are files that have no
        effect, since no step synchronizes.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in PERSONAL}
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        if not self.synchronizes:
            values["loss_weights"] = None
            values["anchor"] = "center" if self.anchor_image else self.anchor
        if not self.judges_by_tiny:
            values["tiny_decoder"] = None
        for name, file in files.items():
            values[name] = file["name"] if isinstance(file, Mapping) else [one["name"] for one in file]
        values["lora"] = [read_lora(text).named(name) for text, name in zip(self.lora, values["lora"], strict=True)]
        if stopped_after is not None:
            values["stopped_after"] = stopped_after
        if sun is not None:
            values["sun"] = dict(sun)
        return {"version": VERSION, **values, "files": dict(files)}

    def file_settings(self) -> dict[str, str | tuple[str, ...]]:
        """The settings other than the model that name a file in use, or several, or a folder."""
        named = {"loss_weights": self.loss_weights if self.synchronizes else None}
        named["anchor"] = self.anchor_image if self.synchronizes else None
        named |= {"init_image": self.init_image, "initial_latents": self.initial_latents}
        named |= {"lora": tuple(str(read_lora(text).path) for text in self.lora), "embedding": self.embedding}
        named |= {"vae": self.vae, "tiny_decoder": self.tiny_decoder if self.judges_by_tiny else None}
        return {name: paths for name, paths in named.items() if paths}

    @property
    def input_files(self) -> list[Path]:
        """All of them."""
        several = ([paths] if isinstance(paths, str) else paths for paths in self.file_settings().values())
        return [Path(path) for paths in several for path in paths]
