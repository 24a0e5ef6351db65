"""Procedural landscapes with captions: a seed gives a picture, a window of an endless panorama of one mood."""

from .captions import landscape_prompt
from .compose import (
    SCENE_SHARES,
    STYLE_SHARES,
    WINDOWS_AROUND,
    Sample,
    World,
    batch,
    caption_of,
    make_world,
    panorama,
    render,
    sample,
    stream,
    words_for,
)
from .light import MOODS
from .scenes import SCENES
from .styles import STYLES

__all__ = [
    "MOODS",
    "SCENES",
    "SCENE_SHARES",
    "STYLES",
    "STYLE_SHARES",
    "WINDOWS_AROUND",
    "Sample",
    "World",
    "batch",
    "caption_of",
    "landscape_prompt",
    "make_world",
    "panorama",
    "render",
    "sample",
    "stream",
    "words_for",
]
