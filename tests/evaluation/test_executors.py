"""Jobs on one device, on several, and on Ray; workers that die."""

from functools import partial
from pathlib import Path

import pytest
from support.workers import noting

from syncdiffusion.core.errors import CancelledError, DeviceError
from syncdiffusion.evaluation import executors
from syncdiffusion.evaluation.executors import local_devices, run_local, run_ray
from syncdiffusion.evaluation.experiment import Job, Row


def jobs(count):
    return [Job(Row("md", "strip"), "lake", seed, {}, f"{seed:064x}") for seed in range(count)]


def never():
    return False


def outcomes(found):
    return sorted((job.seed, problem) for job, problem in found)


EXPECTED = [(0, None), (1, None), (2, None), (3, "odd"), (4, None), (5, None)]


def test_one_device_works_in_this_process(tmp_path):
    found = run_local(partial(noting, tmp_path, ()), jobs(6), ["cpu"], never)
    assert next(found)[0].seed == 0  # each as soon as it is done
    assert outcomes(found) == EXPECTED[1:]
    assert (tmp_path / "0.txt").read_text().startswith("cpu ")


def test_every_device_has_a_process(tmp_path):
    assert outcomes(run_local(partial(noting, tmp_path, ()), jobs(6), ["cuda:0", "cuda:1"], never)) == EXPECTED
    notes = {path.read_text() for path in tmp_path.glob("*.txt")}
    assert {note.split()[0] for note in notes} <= {"cuda:0", "cuda:1"}
    assert len(notes) <= 2  # a device is one process's


def test_a_process_that_dies_is_said(tmp_path):
    found = outcomes(run_local(partial(noting, tmp_path, (0,)), jobs(2), ["cuda:0", "cuda:1"], never))
    assert found[0][1].startswith("the process of a device died")


def test_cancelling(tmp_path):
    found = run_local(partial(noting, tmp_path, ()), jobs(6), ["cpu"], lambda: (tmp_path / "1.txt").exists())
    assert [next(found)[0].seed, next(found)[0].seed] == [0, 1]
    with pytest.raises(CancelledError):
        next(found)


def test_devices_of_this_machine(monkeypatch):
    assert local_devices("cpu") == ["cpu"]
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert local_devices("auto") == ["cuda:0", "cuda:1", "cuda:2"]
    assert local_devices("cuda:1") == ["cuda:1"]


def test_without_ray(monkeypatch, tmp_path):
    monkeypatch.setattr(executors.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DeviceError, match=r"ray is not installed; pip install 'syncdiffusion\[ray\]'"):
        list(run_ray(partial(noting, tmp_path, ()), jobs(1), never))


def test_ray_gives_the_job_of_a_worker_that_died_to_another(tmp_path):
    ray = pytest.importorskip("ray")
    tests = str(Path(__file__).resolve().parents[1])  # where its workers find the stand-in
    environment = {"env_vars": {"PYTHONPATH": tests}}
    try:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    except Exception as error:  # it has no class of its own for this
        if "timed out during startup" in str(error):
            pytest.skip("Ray gives a machine 30 s to start it, and this one is too busy")
        raise
    try:
        assert outcomes(run_ray(partial(noting, tmp_path, (2,)), jobs(6), never)) == EXPECTED
    finally:
        ray.shutdown()
    assert (tmp_path / "died-2").exists()
    processes = {path.read_text().split()[1] for path in tmp_path.glob("*.txt")}
    assert 1 <= len(processes) <= 3  # two workers, and one in the place of the one that died
