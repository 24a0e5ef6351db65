"""The light of a picture: eight moods with hand-tuned palettes, one light shared by all that is in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .noise import Array, mix

MOODS = ("day", "sunset", "sunrise", "twilight", "night", "storm", "fog", "aurora")


def rgb(code: str) -> Array:
    """``"ff8000"`` as three float32 in [0, 1]."""
    return np.array([int(code[i : i + 2], 16) / 255.0 for i in (0, 2, 4)], np.float32)


@dataclass(frozen=True)
class Light:
    """Colours are (3,) float32 in display values (sRGB, 0 to 1); angles are radians; lengths are metres."""

    mood: str
    sky: Array  # (4, 3): at the horizon, low, halfway and at the zenith, on the side of the sun
    opposite: Array  # at the horizon, on the other side
    body: str  # "sun", "moon", "crescent" or "none"
    disc: Array
    glow: Array
    glow_strength: float
    direct: Array
    ambient: Array
    haze: float  # the distance at which all but 1/e of the colour is the sky's
    cloud_lit: Array
    cloud_dark: Array
    cover: float  # share of the sky behind clouds, about
    stars: float
    azimuth: float
    height: float  # of the disc above the horizon: tangent
    exposure: float = 1.0

    @property
    def direction(self) -> Array:
        """Unit vector towards the light: right, up, forward at azimuth 0."""
        up = max(self.height, 0.42)
        vector = np.array([math.sin(self.azimuth), up, math.cos(self.azimuth)], np.float32)
        return vector / np.linalg.norm(vector)

    def lit(self, albedo: Array, lambert: Array) -> Array:
        """Colours (..., 3) of surfaces under this light; ``lambert`` (...) is the share of direct light in [0, 1]."""
        return albedo * (self.ambient + self.direct * np.asarray(lambert)[..., None])


# horizon, low, halfway, zenith, opposite horizon | disc, glow, direct, ambient | clouds lit and dark
_PALETTES: dict[str, tuple[str, ...]] = {
    "day": (
        "d8ecf5 a3cff0 5a9fe2 2a6cc4 d2e6f2 fffbe8 fff6dc bcb4a2 70809c ffffff a4b4cc",
        "d4f0f0 8fd4ec 3aa4dc 1670b8 cfeaf0 fffbe8 fffae0 c0b69e 6a829c ffffff 9fb8cf",
        "f0eee2 c4dcec 86b8e4 4a86cc e4e8ea fff8e0 fff2cc c4b494 788298 fffcf4 b0b8c8",
        "cfe2f4 8fb9ec 4c83d8 2450a8 c8dcf0 ffffff fffaf0 bcb8ac 687898 ffffff 98a8c8",
    ),
    "sunset": (
        "ffc468 f4804c a4568c 363c7c c490a0 fff0b4 ffa040 ff9850 7c6480 ff9e60 684470",
        "ffe08c ffb454 d08c6c 4c6494 dcb49c fff8d0 ffc050 ffb460 84706c ffc880 8c6478",
        "ffb080 f86c70 ac4890 3c2870 b878a0 ffe4c0 ff7850 ff8468 786080 ff8478 5c3470",
        "ff9848 e04c38 803458 2c2048 a06474 ffe8a0 ff6c28 ff7c40 6c5464 ff7c48 542c48",
    ),
    "sunrise": (
        "ffecc0 fbcfc0 bcc8e8 70a4dc dcd4e8 fffce0 ffe8b0 f8d0ac 9490ac fff0e4 b4a8cc",
        "ffdcc4 f8bcc8 c0b4e4 7c94d8 d4c8e8 fff4dc ffd0b8 f4c0b0 948cb0 ffdcd8 a898c8",
        "fff4b8 f4e0b8 a8d4e0 5cacd8 d8e4e4 ffffe8 fff0a0 fce0a4 9098a8 fff8e0 b0b8c8",
    ),
    "twilight": (
        "f0a098 9868a8 40509c 182058 4c5490 fff4e0 f0a890 68608c 50548a b078a0 2c3068",
        "f4c090 8c80a8 34609c 102c60 406090 fff4e0 f4c498 646488 4c5c88 a88ca0 284070",
        "d880a8 8058a8 4844a0 20186c 584c98 fff4e0 d888b0 705890 584c90 a868b0 382870",
        "70a0c8 4478b4 244c94 0c2058 34609c fff4e0 78a8d0 506090 485c90 5078b0 1c3870",
    ),
    "night": (
        "2c508c 1c3870 102454 081438 24447c fffce8 84a8d8 5870b0 303e6c 5878a8 101c3c",
        "384c84 24346c 141c50 0a0c34 2c4078 fff8e0 9ca0d8 6068b0 343a6c 6470a4 14183c",
        "1c5078 103c64 08284c 041430 184870 fcfce8 70b4d0 4c7cac 284468 4880a0 0a203a",
    ),
    "storm": (
        "a8b0a4 78848a 4c5864 2c343e 98a09c ffffff c8d0c0 384044 545e66 8c979c 2a323c",
        "c4bc98 808478 48545c 242c38 8c9490 ffffff e0d8a8 4c4838 50585c 989880 282e38",
        "8c9cb0 60708c 3c4864 202a40 7c8ca4 ffffff b0c0d8 303a50 4a5670 7888a4 20283e",
    ),
    "fog": (
        "e2e4e0 d8dddd ccd4d8 bcc8d0 dee2e0 fffcf0 f8f4e8 242424 a8acac ecece8 c0c8cc",
        "eee0cc e4d8c8 d4cfcc bcc4cc e4dcd0 fffae0 fff0d0 3c3424 a89e94 f4e8d8 c4c0bc",
        "ccdae4 c0d0de b0c2d4 98b0c8 c8d6e0 ffffff e4eef4 1c2024 94a4b2 dce6ec a8b8c8",
    ),
    "aurora": (
        "205c60 103c50 08233c 040f22 1c4c58 f4fcf0 60c8a8 40a088 28485a 204c54 081828",
        "2c4c74 183460 0c1e48 060c2a 244068 f4f8fc 70b0c8 409098 2a3e60 2c4c68 0c1830",
    ),
}


def make_light(mood: str, rng: np.random.Generator) -> Light:
    """A light of this mood: one of its palettes, or something between two of them, and where sun or moon stand."""
    palettes = _PALETTES[mood]
    first, second = rng.integers(len(palettes), size=2)
    share = float(rng.uniform(0.0, 0.5))
    colours = [
        mix(rgb(a), rgb(b), share) for a, b in zip(palettes[first].split(), palettes[second].split(), strict=True)
    ]
    horizon, low, halfway, zenith, opposite, disc, glow, direct, ambient, cloud_lit, cloud_dark = colours
    draw = rng.uniform
    body, height, strength, haze, cover, stars = {
        "day": ("sun", draw(0.35, 0.9), 0.35, draw(12e3, 30e3), draw(0.1, 0.65), 0.0),
        "sunset": ("sun", draw(0.02, 0.2), 0.8, draw(6e3, 12e3), draw(0.2, 0.7), 0.0),
        "sunrise": ("sun", draw(0.03, 0.24), 0.6, draw(5e3, 10e3), draw(0.1, 0.6), 0.0),
        "twilight": ("crescent" if draw() < 0.5 else "none", draw(0.2, 0.5), 0.1, draw(8e3, 14e3), draw(0.0, 0.5), 0.3),
        "night": (
            "moon" if draw() < 0.6 else "crescent" if draw() < 0.5 else "none",
            draw(0.2, 0.5),
            0.35,
            draw(10e3, 20e3),
            draw(0.0, 0.4),
            1.0,
        ),
        "storm": ("none", draw(0.3, 0.6), 0.2, draw(3e3, 7e3), 1.0, 0.0),
        "fog": ("sun" if draw() < 0.5 else "none", draw(0.2, 0.5), 0.5, draw(70.0, 320.0), 0.0, 0.0),
        "aurora": ("none", draw(0.4, 0.6), 0.1, draw(10e3, 16e3), 0.0, 0.8),
    }[mood]
    return Light(
        mood=mood,
        sky=np.stack([horizon, low, halfway, zenith]),
        opposite=opposite,
        body=str(body),
        disc=disc,
        glow=glow,
        glow_strength=float(strength),
        direct=direct * np.float32(draw(0.92, 1.08)),
        ambient=ambient * np.float32(draw(0.94, 1.06) * (1.2 if mood in ("twilight", "night", "aurora") else 1.0)),
        haze=float(haze),
        cloud_lit=cloud_lit,
        cloud_dark=cloud_dark,
        cover=float(cover),
        stars=float(stars),
        azimuth=float(draw(0.0, 2.0 * math.pi)),
        height=float(height),
    )
