"""What only a world has."""

import pytest

from syncdiffusion.core.errors import InvalidRequestError
from syncdiffusion.core.request.validation import prepare
from syncdiffusion.core.request.world import about


@pytest.mark.parametrize(
    ("prompt", "sky"),
    [
        ("a photo of a mountain range at twilight", "the sky at twilight"),
        ("natural landscape in anime style illustration", "the sky in anime style illustration"),
        ("a lake, watercolour", "the sky, watercolour"),
        ("a city skyline by night", "the sky by night"),
        ("a forest", "the sky, a forest"),
    ],
)
def test_the_sky_is_seen_in_the_prompts_circumstances(prompt, sky):
    assert about("the sky", prompt) == sky


@pytest.fixture
def world(settings):
    return {**settings, "target": "world", "width": 384}


def test_defaults(world):
    request = prepare({**world, "preset": "balanced"}).request
    assert (request.world_size, request.poles, request.range, request.peak) == (4096, "generate", "expanded", 8.0)
    assert request.ground_prompt.endswith("at dawn, seen from above")
    assert (request.sky_prompt, request.shift_windows, request.stride) == ("the sky at dawn", True, 32)
    request = prepare({**world, "preset": "draft"}).request
    assert (request.world_size, request.poles) == (384, "fill")
    assert not prepare(world).request.shift_windows, "the paper's windows stay where they are"
    strip = prepare({**world, "target": "strip"}).request
    assert (strip.range, strip.peak, strip.sky_prompt, strip.poles) == (None, None, None, None)


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"width": 64}, "width", "64 is too narrow to close to a loop; use 128 (2 windows) or more"),
        ({"height": 384}, "height", "would be seen under 145 degrees, and up to 140 can be; use 335 or less"),
        ({"world_size": 101}, "world_size", "101 is odd; 102 would be even"),
        ({"range": "ldr", "peak": 3}, "peak", "is for --range expanded only"),
        ({"target": "strip", "peak": 3}, "peak", "is for --target world only"),
        ({"peak": 0.5}, "peak", "use 1 to 1000"),
    ],
)
def test_what_cannot_be(world, given, field, sentence):
    with pytest.raises(InvalidRequestError) as caught:
        prepare({**world, **given})
    assert [(p.field, sentence in p.sentence) for p in caught.value.problems] == [(field, True)], caught.value
