import dataclasses
import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from syncdiffusion.core.diffusion.windows import Average, Windows, window_starts


@st.composite
def axes(draw):
    window = draw(st.integers(1, 12))
    return draw(st.integers(window, 60)), window, draw(st.integers(1, window)), draw(st.booleans())


@st.composite
def canvases(draw):
    window = draw(st.integers(1, 6))
    stride = draw(st.integers(1, window))
    height, width = draw(st.integers(window, 20)), draw(st.integers(window, 20))
    return Windows(height, width, window, stride, wrap_y=draw(st.booleans()), wrap_x=draw(st.booleans()))


@st.composite
def shifting(draw):
    windows = draw(canvases())
    return dataclasses.replace(windows, shift_seed=draw(st.integers(0, 2**31 - 1))), draw(st.integers(0, 1000))


def ramp(windows, channels=3):
    return torch.arange(channels * windows.height * windows.width).float().view(1, channels, windows.height, -1)


@given(axes())
def test_every_latent_of_an_axis_is_covered(axis):
    length, window, _, wrap = axis
    covered = {(start + k) % length for start in window_starts(*axis) for k in range(window)}
    assert covered == set(range(length))
    assert all(0 <= start < length for start in window_starts(*axis))
    if not wrap:
        assert max(window_starts(*axis)) + window == length


@given(axes())
def test_spacings_of_a_wrapped_axis_differ_by_at_most_one(axis):
    length, window, stride, _ = axis
    starts = window_starts(length, window, stride, wrap=True)
    spacings = [(b - a) % length for a, b in zip(starts, (*starts[1:], starts[0] + length), strict=True)]
    if len(starts) > 1:
        assert max(spacings) - min(spacings) <= 1
        assert sum(spacings) == length


def test_open_axis_as_the_authors_lay_it():
    # 512 x 3072 at stride 128: 21 windows, the centre one (index 10) at latent 160.
    assert window_starts(384, 64, 16, wrap=False) == tuple(range(0, 321, 16))
    windows = Windows(64, 384, 64, 16)
    assert len(windows) == 21
    assert windows.positions[windows.center] == (0, 160)


def test_last_window_is_pulled_in():
    assert window_starts(20, 8, 5, wrap=False) == (0, 5, 10, 12)


def test_wrapped_axis_as_the_contract_says():
    assert window_starts(10, 4, 3, wrap=True) == (0, 2, 5, 7)


@pytest.mark.parametrize(("length", "window", "stride"), [(4, 5, 1), (8, 4, 5), (8, 4, 0)])
def test_impossible_axes_are_refused(length, window, stride):
    with pytest.raises(ValueError, match="does not hold"):
        window_starts(length, window, stride, wrap=False)


def test_windows_are_in_raster_order():
    assert Windows(4, 6, 2, 2).positions == ((0, 0), (0, 2), (0, 4), (2, 0), (2, 2), (2, 4))


@given(canvases())
def test_averaging_crops_gives_the_canvas(windows):
    canvas = ramp(windows)
    average = Average(windows, canvas)
    indices = range(len(windows))
    average.add(indices, windows.crop(canvas, indices))
    torch.testing.assert_close(average.mean(), canvas)


@given(canvases(), st.floats(-5, 5))
def test_averaging_a_constant_gives_the_constant(windows, value):
    views = torch.full((len(windows), 2, windows.window, windows.window), value)
    average = Average(windows, torch.empty(1, 2, 1, 1))
    average.add(range(len(windows)), views)
    torch.testing.assert_close(average.mean(), torch.full((1, 2, windows.height, windows.width), value))


@given(canvases(), st.integers(1, 5))
def test_batches_do_not_change_the_average(windows, size):
    views = torch.randn(len(windows), 2, windows.window, windows.window)
    whole, parts = Average(windows, views), Average(windows, views)
    whole.add(range(len(windows)), views)
    for start in range(0, len(windows), size):
        indices = range(start, min(start + size, len(windows)))
        parts.add(indices, views[start : start + size])
    assert torch.equal(whole.mean(), parts.mean())


def test_average_weighs_by_the_count_of_windows():
    windows = Windows(2, 3, 2, 1)
    average = Average(windows, torch.empty(1, 1, 1, 1))
    average.add([0, 1], torch.tensor([1.0, 5.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2))
    assert average.mean()[0, 0].tolist() == [[1, 3, 5], [1, 3, 5]]


def test_uncovered_canvas_is_an_error():
    windows = Windows(2, 4, 2, 2)
    average = Average(windows, torch.empty(1, 1, 1, 1))
    average.add([0], torch.ones(1, 1, 2, 2))
    with pytest.raises(ValueError, match="do not cover"):
        average.mean()


def test_a_wrapped_window_continues_on_the_other_side():
    windows = Windows(2, 5, 2, 1, wrap_x=True)
    view = windows.crop(ramp(windows, 1), [4])
    assert view[0, 0].tolist() == [[4, 0], [9, 5]]


def test_averages_are_taken_in_float32():
    windows = Windows(2, 2, 2, 1)
    average = Average(windows, torch.empty(1, 1, 1, 1, dtype=torch.float16))
    average.add([0], torch.ones(1, 1, 2, 2, dtype=torch.float16))
    assert average.mean().dtype == torch.float32


@given(shifting())
def test_shifted_windows_cover_the_canvas(case):
    windows, step = case
    shifted = windows.at_step(step)
    canvas = ramp(shifted)
    average = Average(shifted, canvas)
    average.add(range(len(shifted)), shifted.crop(canvas, range(len(shifted))))
    torch.testing.assert_close(average.mean(), canvas)
    assert 0 <= shifted.shift_y < windows.stride
    assert 0 <= shifted.shift_x < windows.stride
    assert len(set(shifted.positions)) == len(shifted)


@given(shifting())
def test_windows_of_a_step_are_the_same_every_time_and_have_at_most_one_more_an_axis(case):
    windows, step = case
    assert windows.at_step(step) == windows.at_step(step)
    assert windows.at_step(step).at_step(step + 1) == windows.at_step(step)
    for axis in ("tops", "lefts"):
        before, after = len(getattr(windows, axis)), len(getattr(windows.at_step(step), axis))
        assert before <= after <= before + 1
        assert after == before or not (windows.wrap_y if axis == "tops" else windows.wrap_x)


def test_windows_without_a_seed_stay():
    windows = Windows(8, 32, 8, 4)
    assert windows.at_step(7) is windows


def test_shifted_axes():
    assert window_starts(32, 8, 8, wrap=False) == (0, 8, 16, 24)
    assert window_starts(32, 8, 8, wrap=False, shift=3) == (0, 3, 11, 19, 24)
    assert window_starts(30, 8, 8, wrap=False, shift=7) == (0, 7, 15, 22)  # 23 would be past the end
    assert window_starts(8, 8, 8, wrap=False, shift=5) == (0,)
    assert window_starts(10, 4, 3, wrap=True, shift=2) == (2, 4, 7, 9)
    assert window_starts(10, 4, 3, wrap=True, shift=4) == (4, 6, 9, 1)


@given(st.integers(0, 2**31 - 50))
def test_seams_of_steps_that_follow_each_other_lie_apart(seed):
    """By a fifth of a stride, so that what one step leaves at a seam the next one sees whole."""
    windows = Windows(64, 384, 64, 64, wrap_x=True, wrap_y=True, shift_seed=seed)
    shifts = [(shifted.shift_y, shifted.shift_x) for shifted in map(windows.at_step, range(40))]
    for one, other in pairwise(shifts):
        for a, b in zip(one, other, strict=True):
            assert min(abs(a - b), 64 - abs(a - b)) >= 64 // 5
    assert len({x for _, x in shifts}) > 25


@given(canvases(), st.data())
def test_a_window_is_nearest_to_itself(windows, data):
    index = data.draw(st.integers(0, len(windows) - 1))
    assert windows.nearest(windows.positions[index]) == index


@given(shifting(), st.data())
def test_the_nearest_window_is_never_far(case, data):
    """Half a stride (and a rest of the spread over a loop), wherever the windows have been shifted to."""
    windows, step = case
    place = windows.positions[data.draw(st.integers(0, len(windows) - 1))]
    shifted = windows.at_step(step)
    found = shifted.positions[shifted.nearest(place)]
    for start, to, length, wrap in zip(
        found, place, (windows.height, windows.width), (windows.wrap_y, windows.wrap_x), strict=True
    ):
        apart = abs(start - to)
        assert (min(apart, length - apart) if wrap else apart) <= math.ceil(windows.stride / 2)


def test_nearest_looks_round_the_loop():
    loop = Windows(4, 20, 4, 4, wrap_x=True, shift_x=3)  # windows at 3, 7, 11, 15, 19
    assert loop.nearest((0, 0)) == 4
    assert dataclasses.replace(loop, wrap_x=False).nearest((0, 2)) == 1  # at 0, 3, 7, 11, 15, 16


def test_windows_that_stay_count_alike_everywhere():
    assert torch.equal(Windows(8, 32, 8, 4).shares(torch.empty(0)), torch.ones(8, 8))
    assert torch.equal(Windows(8, 32, 8, 8, shift_seed=3).at_step(1).shares(torch.empty(0)), torch.ones(8, 8))


def test_shifted_windows_fade_over_what_they_overlap():
    shares = Windows(8, 32, 8, 6, shift_seed=3).at_step(1).shares(torch.empty(0))
    fade = torch.tensor([1, 2, 3, 3, 3, 3, 2, 1]) / 3
    torch.testing.assert_close(shares, fade[:, None] * fade)


def test_between_two_windows_that_fade_the_average_goes_evenly_from_one_to_the_other():
    windows = dataclasses.replace(Windows(4, 7, 4, 3, wrap_x=False), feather=1)
    average = Average(windows, torch.empty(1, 1, 1, 1))
    average.add([0, 1], torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 4, 4))
    assert average.mean()[0, 0, 0].tolist() == [0, 0, 0, 0.5, 1, 1, 1]
