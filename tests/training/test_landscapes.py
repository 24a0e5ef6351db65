"""The generator of landscapes: a seed is a picture, moods look as they should, captions tell the truth."""

from collections import Counter

import numpy as np
import pytest

from training.landscapes import (
    MOODS,
    SCENE_SHARES,
    SCENES,
    STYLE_SHARES,
    STYLES,
    WINDOWS_AROUND,
    batch,
    caption_of,
    make_world,
    panorama,
    render,
    sample,
    stream,
)
from training.landscapes.captions import (
    MATERIAL_WORDS,
    MOOD_WORDS,
    SCENE_WORDS,
    STYLE_FRAMES,
    VAGUE,
    VAGUE_SHARE,
    VAGUE_STYLED,
)
from training.landscapes.light import make_light
from training.landscapes.materials import MATERIALS
from training.landscapes.noise import PERIOD, around, hashed, look, texture

SIZE = 48
WORLDS = [make_world(seed) for seed in range(3000)]
VAGUE_CAPTIONS = {*VAGUE, *(caption for captions in VAGUE_STYLED.values() for caption in captions)}


def means(**given):
    """Mean colours (3,) of the same ten worlds, in [0, 1]."""
    scenes = ("mountains", "lake", "sea", "meadow", "snow")
    pictures = [sample(seed, 32, scene=scenes[seed % 5], style="photo", **given).image for seed in range(10)]
    return np.mean(pictures, axis=(0, 1, 2)) / 255.0


@pytest.fixture(scope="module")
def colours():
    return {mood: means(mood=mood) for mood in MOODS}


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1])
def test_a_seed_is_a_picture(seed):
    first, second = sample(seed, SIZE), sample(seed, SIZE)
    assert np.array_equal(first.image, second.image)
    assert (first.caption, first.mood, first.scene, first.style) == (
        second.caption,
        second.mood,
        second.scene,
        second.style,
    )


def test_different_seeds_are_different_pictures():
    pictures, _ = batch(range(12), SIZE)
    assert len({picture.tobytes() for picture in pictures}) == 12


def test_pictures_are_bytes_of_the_size_asked_for():
    pictures, samples = batch([3, 4], 64)
    assert pictures.shape == (2, 64, 64, 3)
    assert pictures.dtype == np.uint8
    assert all(np.array_equal(picture, one.image) for picture, one in zip(pictures, samples, strict=True))
    wide = panorama(3, 2.5, 32)
    assert wide.image.shape == (32, 80, 3)


def test_the_stream_goes_through_the_seeds():
    worker = stream(5, 32, step=3)
    for seed in (5, 8):
        assert np.array_equal(next(worker).image, sample(seed, 32).image)


@pytest.mark.parametrize("style", list(STYLES))
@pytest.mark.parametrize("scene", [*SCENES, "material"])
def test_every_scene_is_painted_in_every_style(scene, style):
    mood = MOODS[(list(SCENE_SHARES).index(scene) + list(STYLES).index(style)) % len(MOODS)]
    one = sample(11, 32, mood=mood, scene=scene, style=style)
    assert one.image.shape == (32, 32, 3)
    assert one.image.std() > 1.0
    assert one.scene == scene
    if scene != "material":
        assert (one.mood, one.style) == (mood, style)


@pytest.mark.parametrize("mood", MOODS)
def test_nothing_warns_of_numbers_that_are_none(mood):
    with np.errstate(invalid="raise", divide="raise"):
        for seed, scene in enumerate(SCENES):
            sample(seed, 32, mood=mood, scene=scene)


@pytest.mark.parametrize("scene", [*SCENES, "material"])
def test_a_sample_is_a_part_of_its_panorama(scene):
    for seed in range(3):
        one = sample(seed, SIZE, scene=scene)
        whole = panorama(seed, WINDOWS_AROUND + 1, SIZE, scene=scene).image
        cut = whole[:, one.left : one.left + SIZE].astype(int)
        assert (np.abs(cut - one.image) <= 1).mean() > 0.999


def test_the_panorama_closes_after_six_windows():
    for seed, scene in enumerate(SCENES):
        world = make_world(seed, scene=scene, style="photo")
        turn = WINDOWS_AROUND * SIZE
        assert (np.abs(render(world, 0, 8, SIZE).astype(int) - render(world, turn, 8, SIZE)) <= 1).mean() > 0.999
        seam = render(world, turn - 8, 16, SIZE).astype(float).mean(axis=(0, 2))
        steps = np.abs(np.diff(seam))
        assert steps[7] < 2.0 * np.delete(steps, 7).max() + 2.0


def test_shares_are_as_configured():
    count = len(WORLDS)
    for scene, share in SCENE_SHARES.items():
        assert sum(world.scene == scene for world in WORLDS) / count == pytest.approx(share, abs=0.025)
    landscapes = [world for world in WORLDS if not world.material]
    for style, share in STYLE_SHARES.items():
        assert sum(world.style == style for world in landscapes) / len(landscapes) == pytest.approx(share, abs=0.03)
    moods = Counter(world.mood for world in landscapes)
    assert set(moods) == set(MOODS)
    assert min(moods.values()) / len(landscapes) > 0.08
    assert {world.material for world in WORLDS if world.material} == set(MATERIALS)
    assert {world.mood for world in WORLDS if world.material} == {"none"}


def test_captions_name_what_is_there():
    vague = 0
    for world in WORLDS:
        caption = caption_of(world)
        if world.material:
            assert any(words in caption for words in MATERIAL_WORDS[world.material])
            continue
        if caption in VAGUE_CAPTIONS:
            vague += 1
            continue
        assert any(words in caption for words in SCENE_WORDS[world.scene])
        assert world.mood == "day" or any(words in caption for group in MOOD_WORDS[world.mood] for words in group)
        if world.style != "photo":
            marks = [part for frame in STYLE_FRAMES[world.style] for part in frame.split("{}") if part.strip(" ,")]
            assert any(mark in caption for mark in marks)
    assert vague / len(WORLDS) == pytest.approx(VAGUE_SHARE, abs=0.025)


def test_the_captions_of_the_paper_are_among_them():
    captions = {caption_of(world) for world in WORLDS}
    assert len(captions) > 800
    for part in (
        "mountain range",
        "in anime style illustration",
        "cartoon panorama of",
        "misty fog",
        "city skyline",
        "brick wall",
    ):
        assert any(part in caption for caption in captions), part


def test_a_world_keeps_its_place_in_another_mood():
    worlds = [make_world(42, mood=mood, scene="lake", style="photo") for mood in MOODS]
    assert len({world.horizon for world in worlds}) == 1
    assert len({world.light.mood for world in worlds}) == len(MOODS)


def test_dark_moods_are_darker(colours):
    light = {mood: colour.mean() for mood, colour in colours.items()}
    for dark in ("night", "aurora", "twilight"):
        for bright in ("day", "sunrise", "fog"):
            assert light[dark] < light[bright] - 0.1
    assert light["storm"] < light["day"] - 0.08


def test_sunsets_are_warm_and_nights_are_blue(colours):
    warmth = {mood: colour[0] - colour[2] for mood, colour in colours.items()}
    assert warmth["sunset"] > max(warmth[mood] for mood in MOODS if mood != "sunset")
    assert warmth["night"] < -0.05
    assert warmth["sunrise"] > warmth["day"]
    spread = {mood: np.ptp(colour) for mood, colour in colours.items()}
    assert spread["fog"] < 0.12
    assert colours["aurora"][1] > colours["aurora"][0]


def test_the_light_has_every_part_in_range():
    for mood in MOODS:
        for seed in range(20):
            light = make_light(mood, np.random.default_rng(seed))
            assert light.sky.shape == (4, 3)
            assert light.sky.min() >= 0.0
            assert light.sky.max() <= 1.0
            assert np.linalg.norm(light.direction) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("kind", ["fbm", "soft", "swell", "fine", "billow", "ridge"])
def test_textures_tile_and_are_levelled(kind):
    values = texture(kind)
    assert values.mean() == pytest.approx(0.5, abs=0.01)
    assert values.std() == pytest.approx(0.18, abs=0.01)
    u, v = np.linspace(0.0, 3.0, 50), np.linspace(1.0, 2.0, 50)
    assert look(kind, u, v) == pytest.approx(look(kind, u + PERIOD, v - PERIOD), abs=1e-3)


def test_noise_about_the_viewer_closes_and_does_not_repeat():
    theta = np.linspace(0.0, 2.0 * np.pi, 721)
    row = look("fbm", *around(theta, 0.0, (3, 2)))
    assert row[0] == pytest.approx(row[-1], abs=1e-2)
    for shift in (120, 240, 360):
        assert np.abs(row[:-1] - np.roll(row[:-1], shift)).mean() > 0.05


def test_hashes_are_even():
    values = hashed(1, np.arange(4000), 3)
    assert values.min() >= 0.0
    assert values.max() < 1.0
    assert np.histogram(values, 10, (0.0, 1.0))[0] == pytest.approx(400, abs=80)


def test_skiers_and_lightning_are_named_when_they_are_there():
    snow = [sample(seed, 16, scene="snow", mood="day").caption for seed in range(40)]
    assert any("with skiers" in caption for caption in snow)
    storms = [panorama(seed, 6, 16, scene="sea", mood="storm").caption for seed in range(12)]
    assert any("with lightning" in caption for caption in storms)
    assert not any("skiers" in sample(seed, 16, scene="sea", mood="day").caption for seed in range(20))
