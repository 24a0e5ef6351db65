"""Where jobs are carried out: here, one process for each device, or on a Ray cluster."""

from __future__ import annotations

import importlib.util
import itertools
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

from ..core.errors import CancelledError, DeviceError
from .experiment import Job

EXECUTORS = ("local", "ray")
RETRIES = 3  # of a job whose Ray worker died: that is the cluster's fault and not the job's
IN_FLIGHT = 4  # jobs handed to Ray for each that can run at a time
POLL_SECONDS = 1.0

Outcome = tuple[Job, str | None]
"""A job, and the sentence of what went wrong or None."""
Cancelled = Callable[[], bool]


class Works(Protocol):
    """Carries jobs out on one device."""

    def attempt(self, job: Job, cancelled: Cancelled = ...) -> str | None:
        """What went wrong, or None. Raises CancelledError."""


MakeWorker = Callable[[str], Works]
"""Makes what works on a device. It is pickled, and called where the work is done."""


def local_devices(device: str) -> list[str]:
    """The devices that ``device`` stands for on this machine: under ``auto`` all CUDA cards, if there are any."""
    import torch

    if device == "auto" and torch.cuda.is_available():
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [device]


def run_local(
    make_worker: MakeWorker, jobs: Sequence[Job], devices: Sequence[str], cancelled: Cancelled
) -> Iterator[Outcome]:
    """Carry jobs out on this machine's devices; each job's outcome as soon as there is one. Raises CancelledError."""
    if len(devices) == 1:
        worker = make_worker(devices[0])
        for job in jobs:
            if cancelled():
                raise CancelledError("cancelled")
            yield job, worker.attempt(job, cancelled)
        return
    context = multiprocessing.get_context("spawn")
    free = context.Queue()
    for device in devices:
        free.put(device)
    with ProcessPoolExecutor(len(devices), context, _start_worker, (make_worker, free)) as pool:
        waiting = {pool.submit(_attempt, job): job for job in jobs}
        while waiting:
            done, _ = wait(waiting, POLL_SECONDS, FIRST_COMPLETED)
            if cancelled():
                pool.shutdown(wait=False, cancel_futures=True)
                raise CancelledError("cancelled")
            yield from [(waiting.pop(future), _outcome(future)) for future in done]


_worker: list[Works] = []
"""What a process of a pool or of Ray keeps from job to job."""


def _start_worker(make_worker: MakeWorker, free: Any) -> None:
    _worker.append(make_worker(free.get()))


def _attempt(job: Job) -> str | None:
    return _worker[0].attempt(job)


def _outcome(future: Future[str | None]) -> str | None:
    try:
        return future.result()
    except BrokenProcessPool:
        return "the process of a device died (out of memory?); run the command again to go on"


def run_ray(make_worker: MakeWorker, jobs: Sequence[Job], cancelled: Cancelled) -> Iterator[Outcome]:
    """Carry jobs out on the Ray cluster that this machine belongs to, or on a local one.

    What the workers write has to be on a disk that all machines share. A job takes a GPU where the cluster has any. One
    whose worker dies is given to another. Raises CancelledError, DeviceError where Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise DeviceError("executor: ray is not installed; pip install 'syncdiffusion[ray]', or take --executor local")
    import ray

    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    cards, cores = (int(ray.cluster_resources().get(kind, 0)) for kind in ("GPU", "CPU"))
    task = ray.remote(num_cpus=1, num_gpus=1 if cards else 0, max_retries=RETRIES)(_attempt_on_ray)
    shared = ray.put(make_worker)
    rest = iter(jobs)

    def hand_out(count: int) -> dict[Any, Job]:
        device = "cuda" if cards else "cpu"
        return {task.remote(shared, job, device): job for job in itertools.islice(rest, count)}

    running = hand_out(IN_FLIGHT * max(cards or cores, 1))
    while running:
        done, _ = ray.wait(list(running), timeout=POLL_SECONDS)
        if cancelled():
            for reference in running:
                ray.cancel(reference)
            raise CancelledError("cancelled")
        for reference in done:
            job = running.pop(reference)
            running |= hand_out(1)
            try:
                yield job, ray.get(reference)
            except ray.exceptions.RayError as error:
                yield job, f"Ray lost it: {type(error).__name__}; run the command again to go on"


def _attempt_on_ray(make_worker: MakeWorker, job: Job, device: str) -> str | None:
    if not _worker:
        _worker.append(make_worker(device))
    return _worker[0].attempt(job)
