import threading
import time

import pytest

from syncdiffusion.core.errors import CancelledError, ModelError
from syncdiffusion.core.events import Cancelled, Done, Failed, Phase, Progress
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.job import JobQueue

SECONDS = 30  # far more than any of this takes; a test that hangs fails


class FakeEngine:
    """An engine whose runs last until they are let go or cancelled."""

    def __init__(self):
        self.started, self.go = threading.Event(), threading.Event()
        self.released = 0
        self.asked = 0
        self.moves = []
        self.loaded = []
        self.threads = set()
        self.error = None

    def generate(self, plan, outputs, emit, cancelled, stopped):
        self.threads.add(threading.current_thread().name)
        emit(Progress(Phase.SAMPLING, 1, 2))
        self.started.set()
        if self.error is not None:
            raise self.error
        while not self.go.wait(0.005) and not stopped():
            self.asked += 1
            if cancelled():
                raise CancelledError("cancelled")
        return plan

    def release(self):
        self.released += 1

    def load(self, plan, cancelled):
        self.loaded.append(plan)

    def park(self):
        self.moves.append("park")

    def unpark(self):
        self.moves.append("unpark")


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def jobs(engine):
    jobs = JobQueue(lambda: engine)
    yield jobs
    engine.go.set()
    assert jobs.close(SECONDS)


def last_event(job):
    assert job.wait(SECONDS)
    events = []
    while not job.events.empty():
        events.append(job.events.get())
    return events[-1]


def test_jobs_run_one_after_another(jobs, engine):
    first, second = (jobs.submit(plan, Outputs()) for plan in ("one", "two"))
    assert engine.started.wait(SECONDS)
    assert second.phase is Phase.QUEUED
    engine.go.set()
    assert last_event(first) == Done("one")
    assert last_event(second) == Done("two")
    assert second.phase is Phase.DONE
    assert engine.threads == {"syncdiffusion"}


def test_cancel_while_running(jobs, engine):
    job = jobs.submit("one", Outputs())
    assert engine.started.wait(SECONDS)
    job.cancel()
    assert last_event(job) == Cancelled()
    assert job.phase is Phase.CANCELLED


def test_cancel_while_queued(jobs, engine):
    first, second = (jobs.submit(plan, Outputs()) for plan in ("one", "two"))
    assert engine.started.wait(SECONDS)
    assert jobs.jobs == (first, second)
    second.cancel()
    assert last_event(second) == Cancelled()  # at once, while the first still runs
    assert jobs.jobs == (first,)
    engine.go.set()
    assert isinstance(last_event(first), Done)


def test_clear_leaves_the_running_job(jobs, engine):
    first, second, third = (jobs.submit(plan, Outputs()) for plan in ("one", "two", "three"))
    assert engine.started.wait(SECONDS)
    jobs.clear()
    assert last_event(second) == last_event(third) == Cancelled()
    engine.go.set()
    assert last_event(first) == Done("one")


def test_stop_ends_the_job_as_done(jobs, engine):
    job = jobs.submit("one", Outputs())
    assert engine.started.wait(SECONDS)
    job.stop()
    assert last_event(job) == Done("one")


def until(condition):
    """Wait for what another thread is about to do."""
    for _ in range(int(SECONDS / 0.005)):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come")


def test_a_paused_job_waits_where_it_asks_and_goes_on(jobs, engine):
    job = jobs.submit("one", Outputs())
    assert engine.started.wait(SECONDS)
    jobs.pause()
    until(lambda: engine.asked > 0)
    asked = engine.asked
    engine.go.set()  # it would end, but it has not been answered
    assert not job.wait(0.1)
    assert jobs.paused
    assert engine.asked <= asked + 1
    jobs.resume()
    assert last_event(job) == Done("one")
    assert engine.moves == []


def test_a_paused_queue_begins_no_job(jobs, engine):
    jobs.pause()
    job = jobs.submit("one", Outputs())
    assert not engine.started.wait(0.1)
    jobs.resume()
    engine.go.set()
    assert last_event(job) == Done("one")


@pytest.mark.parametrize("cancelled", [False, True])
def test_the_memory_is_given_back_in_a_pause_if_asked(jobs, engine, cancelled):
    job = jobs.submit("one", Outputs())
    assert engine.started.wait(SECONDS)
    jobs.pause()
    jobs.pause(park=True)  # asked for later, as when the user presses Free VRAM in a pause
    until(lambda: engine.moves == ["park"])
    engine.go.set()
    if cancelled:
        job.cancel()
    else:
        jobs.resume()
    assert isinstance(last_event(job), Cancelled if cancelled else Done)
    assert engine.moves == ["park", "unpark"]


def test_close_ends_a_pause(engine):
    jobs = JobQueue(lambda: engine)
    job = jobs.submit("one", Outputs())
    assert engine.started.wait(SECONDS)
    jobs.pause()
    assert jobs.close(SECONDS)
    assert last_event(job) == Cancelled()


def test_events_are_translated_on_the_worker(jobs, engine):
    def translate(event):
        return threading.current_thread().name, event

    engine.go.set()
    job = jobs.submit("one", Outputs(), translate)
    assert last_event(job) == ("syncdiffusion", Done("one"))


def test_a_call_that_fails_ends_nothing(jobs, engine, caplog):
    jobs.call(lambda: 1 / 0)
    engine.go.set()
    assert last_event(jobs.submit("one", Outputs())) == Done("one")
    assert "ZeroDivisionError" in caplog.text


def test_warm_up_loads_what_a_run_needs_and_keeps_quiet_about_problems(jobs, engine, model_folder):
    jobs.warm_up({"prompt": "a lake", "model": "nowhere"})
    jobs.warm_up({"prompt": "a lake", "model": str(model_folder), "method": "multidiffusion"})
    engine.go.set()
    last_event(jobs.submit("one", Outputs()))
    assert [plan.model.name for plan in engine.loaded] == [str(model_folder)]
    assert engine.loaded[0].request.offline


def test_the_model_is_given_back_after_use_if_asked(jobs, engine):
    jobs.keep_model = False
    engine.go.set()
    jobs.submit("one", Outputs()).wait(SECONDS)
    until(lambda: engine.released == 1)


@pytest.mark.parametrize("error", [ModelError("the weights are damaged"), ZeroDivisionError("oops"), SystemExit(3)])
def test_a_worker_that_raises_posts_its_failure_and_goes_on(jobs, engine, error):
    engine.error = error
    job = jobs.submit("one", Outputs())
    event = last_event(job)
    assert isinstance(event, Failed)
    assert str(error) in str(event.error)
    assert type(error).__name__ in event.details
    assert event.error.__traceback__ is None
    assert job.phase is Phase.FAILED
    assert engine.released == (not isinstance(error, ModelError)), "what was loaded may be no good any more"
    engine.error = None
    engine.go.set()
    assert last_event(jobs.submit("two", Outputs())) == Done("two")


def test_an_engine_that_cannot_be_made_fails_the_job():
    def no_torch():
        raise ImportError("No module named 'torch'")

    jobs = JobQueue(no_torch)
    assert "No module named 'torch'" in str(last_event(jobs.submit("one", Outputs())).error)
    assert jobs.close(SECONDS)


def test_close_cancels_everything_and_gives_the_memory_back(engine):
    jobs = JobQueue(lambda: engine)
    running, queued = (jobs.submit(plan, Outputs()) for plan in ("one", "two"))
    assert engine.started.wait(SECONDS)
    assert jobs.close(SECONDS)
    assert last_event(running) == last_event(queued) == Cancelled()
    assert engine.released == 1
    with pytest.raises(RuntimeError, match="closed"):
        jobs.submit("three", Outputs())


def test_close_without_a_job():
    assert JobQueue(lambda: None).close(SECONDS)


def test_release_model(jobs, engine):
    engine.go.set()
    assert not jobs.holds_model
    assert isinstance(last_event(jobs.submit("one", Outputs())), Done)
    assert jobs.holds_model
    jobs.release_model()
    released = threading.Event()
    jobs.call(released.set)
    assert released.wait(SECONDS)
    assert not jobs.holds_model
    last_event(jobs.submit("two", Outputs()))
    assert engine.released == 1


def test_a_card_that_refuses_to_release_does_not_end_the_thread(jobs, engine):
    def refuse():
        raise RuntimeError("CUDA error: device-side assert triggered")

    engine.release = refuse
    engine.go.set()
    assert isinstance(last_event(jobs.submit("one", Outputs())), Done)
    jobs.release_model()
    assert last_event(jobs.submit("two", Outputs())) == Done("two")


def test_the_real_engine_on_its_thread(model_folder, tmp_path):
    from syncdiffusion.core.request.validation import prepare

    plan = prepare({"prompt": "a lake", "model": str(model_folder), "steps": 2, "method": "multidiffusion"})
    jobs = JobQueue()
    job = jobs.submit(plan, Outputs(tmp_path / "p.png"))
    assert isinstance(last_event(job), Done)
    assert (tmp_path / "p.png").is_file()
    assert jobs.close(SECONDS)
