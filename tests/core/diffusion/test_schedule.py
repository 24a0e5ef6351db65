import pytest

from syncdiffusion.core.diffusion.schedule import SyncSchedule


def steps_of(schedule):
    return [i for i, weight in enumerate(schedule.weights()) if weight]


def test_decay_counts_all_steps():
    weights = SyncSchedule(steps=6, weight=20.0, decay=0.95, every=2).weights()
    assert weights == pytest.approx((0, 20 * 0.95, 0, 20 * 0.95**3, 0, 20 * 0.95**5))


def test_every_step_by_default():
    assert SyncSchedule(steps=3, weight=1.0).weights() == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_every_kth_step_as_the_authors_count(every):
    assert steps_of(SyncSchedule(10, 1.0, every=every)) == [i for i in range(10) if (i + 1) % every == 0]


@pytest.mark.parametrize("count", [1, 5, 10, 25, 50])
def test_count_equals_every_where_it_divides(count):
    assert steps_of(SyncSchedule(50, 1.0, count=count)) == steps_of(SyncSchedule(50, 1.0, every=50 // count))


@pytest.mark.parametrize(("steps", "count"), [(50, 7), (20, 3), (13, 13), (9, 4)])
def test_count_is_spread_evenly(steps, count):
    chosen = steps_of(SyncSchedule(steps, 1.0, count=count))
    assert len(chosen) == count
    gaps = [b - a for a, b in zip([-1, *chosen], chosen, strict=False)]
    assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize(("first", "expected"), [(0, []), (2, [0, 1]), (99, [0, 1, 2, 3])])
def test_only_the_first_steps(first, expected):
    assert steps_of(SyncSchedule(4, 1.0, first=first)) == expected


def test_first_and_every_go_together():
    assert steps_of(SyncSchedule(10, 1.0, every=2, first=5)) == [1, 3]


def test_no_weight_means_no_step():
    assert steps_of(SyncSchedule(10, 0.0)) == []
