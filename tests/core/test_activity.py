"""Work on a thread of its own: how it ends, and what can be seen of it."""

from syncdiffusion.core import activity as module
from syncdiffusion.core.activity import Activity, Amount, State
from syncdiffusion.core.errors import DownloadError


def ended(work) -> Activity:
    activity = Activity("Install", work).start()
    assert activity.wait(10)
    return activity


def test_done():
    activity = ended(lambda activity: "it is there")
    assert (activity.state, activity.message, activity.running) == (State.DONE, "it is there", False)
    assert activity.log.splitlines()[-1].endswith("it is there")


def test_cancelled():
    activity = Activity("Install", lambda activity: activity.pause(600))
    activity.start()
    activity.cancel()
    assert activity.wait(10)
    assert activity.state is State.CANCELLED


def test_failed_with_a_sentence():
    def work(activity):
        raise DownloadError("the disk is full; make room")

    activity = ended(work)
    assert (activity.state, activity.message) == (State.FAILED, "the disk is full; make room")


def test_failed_without():
    activity = ended(lambda activity: 1 / 0)
    assert activity.state is State.FAILED
    assert "ZeroDivisionError" in activity.message
    assert "Traceback" in activity.log


def test_speed_and_time_left(monkeypatch):
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    activity = Activity("Download", str)
    activity.move("torch", 0, 1000)
    assert activity.amount == Amount("torch", 0, 1000)
    now = 2.0
    activity.move("torch", 200, 1000)
    assert activity.amount == Amount("torch", 200, 1000, 100.0, 8.0)
    assert activity.amount.share == 0.2
    now = 20.0  # it stood still: what was long ago does not count
    activity.move("torch", 200, 1000)
    now = 21.0
    activity.move("torch", 700, 1000)
    assert activity.amount.bytes_per_second == 500.0
    activity.begin("Verifying")
    assert activity.amount == Amount("Verifying")


def test_the_log_does_not_grow_for_ever():
    activity = Activity("Install", str)
    for number in range(5000):
        activity.say(str(number))
    assert len(activity.log.splitlines()) == 2000
