"""Captions in the manner of prompts: what is there, in varied words, and now and then nothing but "a landscape"."""

from __future__ import annotations

import numpy as np

VAGUE_SHARE = 0.17
VAGUE = (
    "a landscape",
    "a photo of nature",
    "a beautiful view",
    "a natural landscape",
    "nature",
    "scenery",
    "a photo of a landscape",
    "a panorama of a landscape",
    "a scenic view",
    "a beautiful landscape",
)

SCENE_WORDS: dict[str, tuple[str, ...]] = {
    "mountains": (
        "a mountain range",
        "mountains",
        "a mountain landscape",
        "snowy mountain peaks",
        "rocky mountains and a valley",
    ),
    "lake": ("a lake", "a mountain lake", "a calm lake with mountains", "a lake with reflections"),
    "sea": ("the sea", "the ocean", "a seascape", "waves on the sea"),
    "beach": ("a beach", "a beach with palm trees", "a tropical beach", "a sandy beach by the sea"),
    "desert": ("a desert", "sand dunes", "desert dunes", "a sandy desert landscape"),
    "meadow": (
        "a meadow with flowers",
        "a green meadow",
        "rolling hills with flowers",
        "grassland and hills",
        "a flower field",
    ),
    "forest": ("a forest", "a pine forest", "a forest of conifers", "fir trees", "a dense forest"),
    "autumn": ("autumn trees", "an autumn forest", "a forest in autumn", "colourful fall foliage"),
    "snow": ("a snowy mountain", "a snowy slope", "a snowy mountain peak", "a winter landscape with snow"),
    "fields": (
        "spring fields",
        "fields and hills in spring",
        "spring summer beautiful nature",
        "farmland with fields",
        "the countryside",
    ),
    "city": ("a city skyline", "a city", "skyscrapers by the water", "a city with tall buildings"),
    "sky": ("the sky", "a sky", "nothing but sky", "the open sky"),
    "ground": ("the ground", "the ground seen from above", "ground"),
}

MOOD_WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # after the scene, and before everything as an adjective or a noun with "with"
    "day": (("on a sunny day", "by day", "under a blue sky", "in daylight", "on a clear day"), ("sunny", "bright")),
    "sunset": (
        ("at sunset", "at dusk with a red sky", "in the evening sun", "during sunset"),
        ("sunset", "golden hour"),
    ),
    "sunrise": (("at sunrise", "at dawn", "in the early morning", "in the morning light"), ("sunrise", "morning")),
    "twilight": (
        ("at twilight", "in the blue hour", "after sunset at twilight", "in the twilight"),
        ("twilight", "blue hour"),
    ),
    "night": (
        ("at night", "under the stars", "under a starry night sky", "on a starry night"),
        ("night", "starry night"),
    ),
    "storm": (
        ("in a storm", "in a thunderstorm", "during a thunderstorm", "under storm clouds"),
        ("stormy", "thunderstorm"),
    ),
    "fog": (("in the fog", "with a misty fog", "in thick mist", "on a foggy day"), ("foggy", "misty")),
    "aurora": (
        ("under the northern lights", "with an aurora", "with aurora borealis", "under the aurora"),
        ("aurora", "northern lights"),
    ),
}

STYLE_FRAMES: dict[str, tuple[str, ...]] = {
    "photo": (
        "a photo of {}",
        "a photo of {}",
        "a photo of {}",
        "a photo of {}",
        "{}",
        "a photograph of {}",
        "a picture of {}",
        "{}, photo",
        "a panorama photo of {}",
        "a beautiful photo of {}",
    ),
    "anime": (
        "{} in anime style illustration",
        "natural landscape in anime style illustration, {}",
        "an anime illustration of {}",
        "{}, anime style",
        "anime background of {}",
    ),
    "cartoon": ("cartoon panorama of {}", "a cartoon of {}", "{}, cartoon style", "a cartoon illustration of {}"),
    "watercolour": ("a watercolour painting of {}", "a watercolor of {}", "{}, watercolor painting"),
    "oil": ("an oil painting of {}", "{}, oil painting", "an impressionist painting of {}"),
}
VAGUE_STYLED: dict[str, tuple[str, ...]] = {
    "anime": ("natural landscape in anime style illustration", "an anime landscape"),
    "cartoon": ("cartoon panorama of beautiful nature", "a cartoon landscape"),
    "watercolour": ("a watercolour landscape",),
    "oil": ("an oil painting of a landscape",),
}

MATERIAL_FRAMES = ("a photo of {}", "a photo of {}", "{}", "{} texture", "a close-up of {}", "a seamless texture of {}")
MATERIAL_WORDS: dict[str, tuple[str, ...]] = {
    "brick wall": ("a brick wall", "bricks", "a wall of red bricks"),
    "vines on a brick wall": ("vines on a brick wall", "ivy on a brick wall", "a brick wall with vines"),
    "tree bark": ("tree bark", "the bark of a tree"),
    "sand": ("sand", "rippled sand"),
    "water": ("water", "the surface of water", "clear water"),
    "rock": ("rock", "a rock wall", "stone"),
    "grass": ("grass", "a lawn", "green grass"),
}


def _one(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def material_caption(rng: np.random.Generator, material: str) -> str:
    """A caption of a surface seen flat."""
    return _one(rng, MATERIAL_FRAMES).format(_one(rng, MATERIAL_WORDS[material]))


def landscape_caption(rng: np.random.Generator, mood: str, scene: str, style: str, extra: str = "") -> str:
    """A caption of a landscape; ``extra`` is a part of the scene worth naming (" with skiers").

    Days are often not named, as people do not name them; any other mood is, unless the whole caption is vague.
    """
    if rng.uniform() < VAGUE_SHARE:
        vague = VAGUE_STYLED.get(style)
        return _one(rng, vague if vague else VAGUE)
    what = _one(rng, SCENE_WORDS[scene]) + (extra if rng.uniform() < 0.6 else "")
    after, before = MOOD_WORDS[mood]
    named = mood != "day" or rng.uniform() < 0.6
    if named and rng.uniform() < 0.15:
        return _one(rng, STYLE_FRAMES[style]).format(f"{what}, {_one(rng, before)}")
    if named:
        what = f"{what} {_one(rng, after)}"
    return _one(rng, STYLE_FRAMES[style]).format(what)


def landscape_prompt(mood: str, scene: str, number: int = 0) -> str:
    """A plain prompt that names mood and scene; ``number`` counts through the words for them."""
    words, moods = SCENE_WORDS[scene], MOOD_WORDS[mood][0]
    return f"a photo of {words[number % len(words)]} {moods[number // len(words) % len(moods)]}"
