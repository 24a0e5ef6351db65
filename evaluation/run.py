"""One evaluation from end to end: what is to do, done where the executor says, and everything written that shows it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..core.errors import InvalidRequestError
from .executors import Outcome, Works, local_devices, run_local, run_ray
from .experiment import Experiment, Job, Todo, read_experiment
from .networks import check_networks, networks_identity
from .worker import is_done, is_made


@dataclass(frozen=True)
class Options:
    """What the command line says. ``limit`` is how many pictures this run makes at most; None is all."""

    experiment: Path
    folder: Path
    executor: str = "local"
    device: str = "auto"
    limit: int | None = None
    download: bool = False
    dry_run: bool = False


def plan(options: Options) -> Todo:
    """Read and check everything, without loading weights.

    Raises InvalidRequestError where the file itself is wrong; what else is missing is in ``problems``.
    """
    experiment = read_experiment(options.experiment)
    problems = check_networks(experiment.networks, offline=not options.download)
    identity = "" if problems else networks_identity(experiment.networks)
    expansion = experiment.expand({"offline": not options.download})
    different = {job.digest: job for job in reversed(expansion.jobs)}  # the first of those that share a picture
    first = [job for job in expansion.jobs if different[job.digest] is job]
    waiting = [job for job in first if not is_done(options.folder / job.folder, identity)]
    return Todo(experiment, expansion.jobs, waiting, identity, [*problems, *expansion.problems], expansion.left_out)


def describe(todo: Todo, folder: Path) -> str:
    """What a run would do, for ``--dry-run``; also where it could not, since something is missing."""
    experiment = todo.experiment
    each = len(experiment.prompts) * experiment.seed_count
    rows = experiment.rows()
    lines = [
        f"{experiment.title}: {len(rows)} rows x {len(experiment.prompts)} prompts x {experiment.seed_count} seeds"
    ]
    lines.append(f"{each * len(rows)} jobs; {todo.pictures} different pictures can be made, {len(todo.waiting)} wait")
    for row in rows:
        made = sum(is_made(folder / job.folder) for job in todo.jobs if job.row == row)
        width, height = experiment.sizes[row.size]
        name = "reference pictures" if row.reference else experiment.label(row)
        lines.append(f"  {name}: {each} of {width} x {height}, {made} made")
    return "\n".join(lines)


def evaluate(options: Options, cancelled: Callable[[], bool], tell: Callable[[str], None] = print) -> int:
    """Carry an evaluation out; gives the number of jobs that failed.

    Raises InvalidRequestError, CancelledError; what was done by then is kept, and the next run goes on from it.
    """
    todo = plan(options)
    for problem in todo.left_out:
        print(f"left out: {problem}", file=sys.stderr, flush=True)
    if options.dry_run:
        tell(describe(todo, options.folder))
    if todo.problems:
        raise InvalidRequestError(todo.problems)
    if options.dry_run:
        return 0
    options.folder.mkdir(parents=True, exist_ok=True)
    jobs = todo.waiting[: options.limit]
    failed = 0
    for line, problem in _progress(_outcomes(options, todo.experiment, jobs, cancelled), len(jobs)):
        print(line, file=sys.stderr, flush=True)
        failed += problem
    from .report import write_report  # what it imports is not needed before

    tell(str(write_report(todo, options.folder, options.device)))
    return failed


def make_worker(experiment: Experiment, folder: Path, device: str) -> Works:
    """What carries jobs out on a device; called where that is done."""
    from .worker import Worker

    return Worker(experiment, folder, device)


def _outcomes(
    options: Options, experiment: Experiment, jobs: Sequence[Job], cancelled: Callable[[], bool]
) -> Iterator[Outcome]:
    if not jobs:
        return iter(())
    make = partial(make_worker, experiment, options.folder.resolve())
    if options.executor == "ray":
        return run_ray(make, jobs, cancelled)
    return run_local(make, jobs, local_devices(options.device), cancelled)


def _progress(outcomes: Iterator[Outcome], total: int) -> Iterator[tuple[str, bool]]:
    """A line for every outcome, and whether it is a failure."""
    start = time.monotonic()
    for number, (job, problem) in enumerate(outcomes, start=1):
        left = (time.monotonic() - start) / number * (total - number)
        state = f"failed: {problem}" if problem else "done"
        yield f"[{number}/{total}] {job}: {state} ({left / 60:.0f} min left)", problem is not None
