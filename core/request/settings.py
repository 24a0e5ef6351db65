"""The table of all settings of a request: kind, range and meaning of each. Everything that reads one goes through it.

The command line builds its options from this table, JSON is read through it, and its checks need nothing but the value.
What depends on the model or on other settings is checked in ``validation``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..diffusion.samplers import SAMPLERS

MAX_SIZE = 32768
MAX_STEPS = 1000
MAX_SEED = 2**31 - 1

WRAPS = ("none", "x", "y", "xy")
METHODS = ("syncdiffusion", "multidiffusion", "blended", "diffcollage")
LOSSES = ("builtin", "lpips-vgg", "lpips-alex", "lpips-squeeze", "style")
FORESEE = ("predicted", "noisy")
GRADIENTS = ("exact", "no-unet")
LOSS_DECODERS = ("full", "tiny")
LOSS_SCALES = ("1", "0.5")
DECODES = ("auto", "whole", "tiles")
DTYPES = ("auto", "float32", "float16", "bfloat16")
PRESET_NAMES = ("draft", "balanced", "paper")
TARGETS = ("strip", "world", "tile")
POLES = ("generate", "fill")
RANGES = ("ldr", "expanded")
INIT_MODES = ("refine", "grow")
MAX_WORLD_SIZE = 16384
MAX_HORIZON = 60.0
MAX_PEAK = 1000.0


@dataclass(frozen=True)
class Setting:
    """One setting: what it means, and how a value is read. ``read`` raises ValueError with a sentence."""

    help: str

    def read(self, value: Any) -> Any:
        """The value as the engine wants it, from text, JSON or Python."""
        raise TypeError(f"{type(self).__name__} has no reader")


@dataclass(frozen=True)
class Text(Setting):
    """Any text. Where it cannot be empty, ``remedy`` says what to give."""

    remedy: str = ""

    def read(self, value: Any) -> str:
        """Refuses what is not text, also bytes that are not valid UTF-8."""
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError(f"{value!a} holds bytes that are not valid UTF-8 text") from None
        if self.remedy and not value.strip():
            raise ValueError(f"is empty; {self.remedy}")
        return value


@dataclass(frozen=True)
class File(Text):
    """A path, or a word in its place. Whether it is there is checked in ``validation``."""

    remedy: str = "name a file"

    def read(self, value: Any) -> str:
        """The path with ``~`` replaced by the user's folder."""
        path = os.path.expanduser(super().read(value))
        # A ~ that stands for nobody's folder is part of a name; absolute, the path says so for good.
        return os.path.abspath(path) if path.startswith("~") else path


@dataclass(frozen=True)
class Whole(Setting):
    """A whole number from ``low`` to ``high``."""

    low: int = 0
    high: int | None = None

    def read(self, value: Any) -> int:
        """Refuses fractions, text that is no number, and numbers out of range."""
        try:
            if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
                raise ValueError
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{value!r} is not a whole number; use {self._range()}") from None
        if number < self.low or (self.high is not None and number > self.high):
            raise ValueError(f"{number} is out of range; use {self._range()}")
        return number

    def _range(self) -> str:
        return f"{self.low} or more" if self.high is None else f"{self.low} to {self.high}"


@dataclass(frozen=True)
class Real(Setting):
    """A finite number from ``low`` to ``high``; ``above`` excludes ``low`` itself."""

    low: float = 0.0
    high: float | None = None
    above: bool = False

    def read(self, value: Any) -> float:
        """Refuses NaN, infinity, text that is no number, and numbers out of range."""
        try:
            if isinstance(value, bool):
                raise ValueError
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{value!r} is not a number; use {self._range()}") from None
        too_low = number <= self.low if self.above else number < self.low
        if not math.isfinite(number) or too_low or (self.high is not None and number > self.high):
            raise ValueError(f"{number:g} is out of range; use {self._range()}")
        return number

    def _range(self) -> str:
        low = f"more than {self.low:g}" if self.above else f"{self.low:g}"
        if self.high is None:
            return f"a finite number, {low}" + ("" if self.above else " or more")
        return f"{low}, up to {self.high:g}" if self.above else f"{low} to {self.high:g}"


@dataclass(frozen=True)
class Times:
    """So many times what the preset has."""

    factor: float


@dataclass(frozen=True)
class Weight(Real):
    """A number, or one with an x behind it, which is read as ``Times``."""

    def read(self, value: Any) -> float | Times:
        """Refuses what ``Real`` refuses."""
        if isinstance(value, str) and value.rstrip().endswith("x"):
            return Times(super().read(value.rstrip()[:-1]))
        return super().read(value)


@dataclass(frozen=True)
class Choice(Setting):
    """One of a few names."""

    names: tuple[str, ...] = ()

    def read(self, value: Any) -> str:
        """Refuses any other name and lists the right ones."""
        if value not in self.names:
            raise ValueError(f"{value!r} is not one of {', '.join(self.names)}")
        return value


@dataclass(frozen=True)
class NumberChoice(Choice):
    """One of a few numbers."""

    def read(self, value: Any) -> float:
        """Refuses any other number, and what is none."""
        for name in self.names:
            try:
                if not isinstance(value, bool) and float(value) == float(name):
                    return float(name)
            except (TypeError, ValueError, OverflowError):
                break
        raise ValueError(f"{value!r} is not one of {', '.join(self.names)}")


@dataclass(frozen=True)
class Several(Setting):
    """Any number of values, each read by ``item``; one alone need not be a list."""

    item: Setting

    def read(self, value: Any) -> tuple[Any, ...]:
        """Refuses what ``item`` refuses."""
        return tuple(map(self.item.read, value if isinstance(value, (list, tuple)) else [value]))


@dataclass(frozen=True)
class Region(Text):
    """``PLACE:PROMPT``: a number of degrees or per cent, and a text. Read as the two in one text."""

    remedy: str = "say PLACE:PROMPT"

    def read(self, value: Any) -> str:
        """Refuses what has no number before its first colon, or nothing after it."""
        place, _, prompt = super().read(value).partition(":")
        try:
            number = float(place)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or not prompt.strip():
            raise ValueError(f"{value!r} is not PLACE:PROMPT; say 90:a castle")
        return f"{number:g}:{prompt.strip()}"


@dataclass(frozen=True)
class Flag(Setting):
    """On or off."""

    def read(self, value: Any) -> bool:
        """Refuses what is not a truth value."""
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is not true or false")
        return value


@dataclass(frozen=True)
class Device(Setting):
    """auto, cpu, mps, cuda or cuda:N. Whether the machine has it is known when the run starts."""

    def read(self, value: Any) -> str:
        """Refuses any other name."""
        kind, _, index = str(value).partition(":")
        known = value in ("auto", "cpu", "mps", "cuda") or (kind == "cuda" and index.isdecimal() and index.isascii())
        if not known:
            raise ValueError(f"{value!r} is not one of auto, cpu, cuda, cuda:N, mps")
        return str(value)


SETTINGS: Mapping[str, Setting] = {
    "prompt": Text("what the picture shows", remedy="say what the picture should show"),
    "negative_prompt": Text("what it should not show"),
    "region": Several(
        "AZIMUTH:PROMPT, what stands in one direction, put before the prompt there; may be given again. Of a world or "
        "loop degrees: 0 north (+Y, a quarter of the width), 90 east; else per cent of the width",
        Region(""),
    ),
    "model": File(
        "a folder in diffusers layout, a .safetensors checkpoint, or a hub id",
        remedy="give a folder, a checkpoint or a hub id",
    ),
    "lora": Several("a LoRA, FILE or FILE:WEIGHT (1 as it was trained); may be given again", File("")),
    "embedding": Several(
        "a textual inversion, whose file's name is its word in the prompt; may be given again", File("")
    ),
    "vae": File("another VAE than the model's: a folder in diffusers layout or a .safetensors file"),
    "tiny_decoder": File(
        "a folder with a diffusers AutoencoderTiny, for previews and --loss-decoder tiny (default: the one beside the "
        "model, or its family's where the Hugging Face cache has it)"
    ),
    "preset": Choice("fills in what is not given", names=PRESET_NAMES),
    "target": Choice(
        "strip: a flat picture; world: the whole sphere round a strip that closes (wraps x); tile: repeats in both "
        "directions (wraps xy)",
        names=TARGETS,
    ),
    "width": Whole("width of the canvas in pixels (default: six windows, two of a tile)", low=1, high=MAX_SIZE),
    "height": Whole("height of the canvas in pixels (default: one window, two of a tile)", low=1, high=MAX_SIZE),
    "window": Whole("size of a window in pixels (default: the model's native size)", low=1, high=MAX_SIZE),
    "stride": Whole("distance between windows in pixels", low=1, high=MAX_SIZE),
    "wrap": Choice("axes in which the canvas closes to a loop", names=WRAPS),
    "init_image": File(
        "a picture to start from, or the .npz of --save-latents",
        remedy="name a picture, or the .npz of --save-latents",
    ),
    "init_mode": Choice(
        "refine: the picture enlarged to the canvas and worked over; grow: a panorama round the picture, which is its "
        "anchor window and stays as it is",
        names=INIT_MODES,
    ),
    "strength": Real("how far refine goes, from little more than 0 to 1, which keeps nothing", high=1.0, above=True),
    "world_size": Whole(
        "width of the 2:1 picture of a world (default: 4096; of a draft the canvas's)", low=64, high=MAX_WORLD_SIZE
    ),
    "horizon": Real("degrees above a world's horizon at which the canvas's middle is seen", -MAX_HORIZON, MAX_HORIZON),
    "poles": Choice(
        "a world above and below its canvas; generate: painted by the model; fill: the edges' colours go on (default "
        "of a draft)",
        names=POLES,
    ),
    "sky_prompt": Text("what is painted above a world's canvas (default: the sky, in the prompt's circumstances)"),
    "ground_prompt": Text("what is painted below it (default: the ground likewise)"),
    "range": Choice(
        "ldr: a picture; expanded: light, with highlights lifted and a sun where there can be one (default of an .exr)",
        names=RANGES,
    ),
    "peak": Real("how bright white becomes where the range is expanded", low=1.0, high=MAX_PEAK),
    "steps": Whole("denoising steps", low=1, high=MAX_STEPS),
    "scheduler": Choice("the sampler", names=tuple(SAMPLERS)),
    "guidance_scale": Real("classifier-free guidance scale", high=100.0),
    "seed": Whole("seed of the initial noise", high=MAX_SEED),
    "method": Choice(
        "syncdiffusion; without a gradient: multidiffusion, blended (grown from the centre window, Blended Latent "
        "Diffusion), diffcollage (scores of windows less those of their overlaps)",
        names=METHODS,
    ),
    "loss": Choice("the perceptual distance L of Eq. 14", names=LOSSES),
    "loss_weights": File("a state dict of lpips.LPIPS with its backbone (.pt or .safetensors); vgg19 for style"),
    "sync_weight": Weight(
        "w of Eq. 14 at the first step; with an x behind it, so many times what the preset has for model and loss: 2x"
    ),
    "sync_decay": Real("factor on w at every step", high=1.0, above=True),
    "sync_every": Whole("synchronize at every K-th step", low=1),
    "sync_count": Whole("synchronize at F steps spread evenly", low=1, high=MAX_STEPS),
    "sync_first": Whole("synchronize only at the first N steps"),
    "gradient": Choice(
        "exact, or no-unet: the gradient does not flow through the UNet, which spares time and memory",
        names=GRADIENTS,
    ),
    "loss_decoder": Choice(
        "what decodes windows for the comparison: the model's own decoder, or its tiny one (see --tiny-decoder)",
        names=LOSS_DECODERS,
    ),
    "loss_scale": NumberChoice("size at which windows are compared: 1, or 0.5 of theirs", names=LOSS_SCALES),
    "reuse_noise": Flag("windows that were moved are not evaluated anew: the gradient pass's noise estimate serves"),
    "shift_windows": Flag("windows lie elsewhere at every step, and need not overlap (default stride: a whole window)"),
    "foresee": Choice("compare decoded x0 predictions (Eq. 14) or decoded noisy latents (Eq. 13)", names=FORESEE),
    "anchor": File(
        "center, the index of a window, or an image file whose look all windows take on",
        remedy="give center, the index of a window, or a picture",
    ),
    "device": Device("auto, cpu, cuda, cuda:N or mps"),
    "dtype": Choice("precision of the networks (auto: float16 on a GPU, float32 on a CPU)", names=DTYPES),
    "decode": Choice("the whole canvas at once, or in tiles that share their statistics", names=DECODES),
    "deterministic": Flag("bit for bit the same result on CUDA too (slower)"),
    "initial_latents": File("an .npz whose array 'latents' (1, C, h, w) is the initial noise"),
    "allow_pickle": Flag("consent to a folder's weights in pickle files (.bin), read without running their code"),
    "offline": Flag("use no network"),
}
