import pytest

from syncdiffusion.core.runtime import stopwatch as module
from syncdiffusion.core.runtime.stopwatch import Stopwatch, TimeLeft


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def test_seconds_by_phase(clock):
    watch = Stopwatch()
    with watch.phase("loading"):
        clock[0] = 2.0
    with pytest.raises(RuntimeError), watch.phase("sampling"):
        clock[0] = 5.0
        raise RuntimeError
    assert watch.seconds() == {"loading": 2.0, "sampling": 3.0, "total": 5.0}


def test_a_phase_under_way_counts(clock):
    watch = Stopwatch()
    with watch.phase("saving"):
        clock[0] = 4.0
        assert watch.seconds() == {"saving": 4.0, "total": 4.0}


def test_a_pause_does_not_count(clock):
    watch = Stopwatch()
    left = TimeLeft([False, False], watch.now)
    with watch.phase("sampling"):
        clock[0] = 3.0
        with watch.pause():
            clock[0] = 100.0
        clock[0] = 101.0
    assert watch.seconds() == {"sampling": 4.0, "total": 4.0}
    assert left.after(0) == 4.0


def test_time_left_knows_costly_steps_from_plain_ones(clock):
    left = TimeLeft([True, False, False, True], Stopwatch().now)
    clock[0] = 10.0
    assert left.after(0) == 30.0  # nothing plain seen yet
    clock[0] = 11.0
    assert left.after(1) == 1.0 + 10.0
    clock[0] = 14.0
    assert left.after(2) == 10.0
    clock[0] = 22.0
    assert left.after(3) == 0.0
