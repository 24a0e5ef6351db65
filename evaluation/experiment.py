"""An experiment: a TOML file of methods x prompts x seeds x sizes, and the jobs that it stands for.

``docs/evaluation.md`` describes the file. Everything wrong with it is found before any weights are loaded.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..core.errors import InvalidRequestError, Problem
from ..core.files.known import KnownFiles
from ..core.models.builtin import BUILTIN, BUILTIN_FOLDER
from ..core.models.model import Model
from ..core.request.presets import WEIGHT_RATIOS
from ..core.request.request import PERSONAL, Request
from ..core.request.validation import prepare

SECTIONS = {"title", "note", "reference", "seeds", "settings", "networks", "prompts", "sizes", "methods"}
MACHINE = {"device", *PERSONAL}  # of a request: what has no say in the picture

# And what has none where no step synchronizes, beside the settings that begin with sync_.
GRADIENT = {
    "loss",
    "loss_weights",
    "foresee",
    "anchor",
    "preset",
    "gradient",
    "loss_decoder",
    "loss_scale",
    "reuse_noise",
}


@dataclass(frozen=True)
class Prompt:
    """A prompt, and the labels that a judge should see in its pictures (built-in model only)."""

    text: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """One way to make panoramas.

    ``paper`` is its key in ``paper.ROWS``; ``w`` is the gradient's weight as for LPIPS, scaled to the loss there is;
    ``tables`` are the paper's tables in which it has a row. An ``optional`` one is left out, and said to be, where
    something that it needs is missing.
    """

    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    sizes: tuple[str, ...] = ()
    paper: str = ""
    w: float | None = None
    tables: tuple[int, ...] = (2,)
    optional: bool = False


@dataclass(frozen=True)
class Row:
    """One row of a table: a method at a size. ``reference`` marks the pictures that others are compared with."""

    method: str
    size: str
    reference: bool = False

    def __str__(self) -> str:
        return "reference" if self.reference else f"{self.method}@{self.size}"


@dataclass(frozen=True)
class Job:
    """One picture: of a row, a prompt and a seed. ``settings`` are what ``generate`` is given for it.

    ``digest`` tells it from every other picture, the model's weights included. Rows that ask for the same share it.
    """

    row: Row
    prompt: str
    seed: int
    settings: Mapping[str, Any]
    digest: str

    @property
    def folder(self) -> Path:
        """Where its files lie in the experiment's folder."""
        return Path("jobs", self.prompt, f"seed-{self.seed:07d}-{self.digest[:12]}")

    def __str__(self) -> str:
        return f"{self.row} {self.prompt} seed {self.seed}"


@dataclass(frozen=True)
class Experiment:
    """What a file says."""

    title: str
    note: str
    reference: str
    first_seed: int
    seed_count: int
    first_reference_seed: int
    settings: Mapping[str, Any]
    networks: Mapping[str, Any]
    prompts: Mapping[str, Prompt]
    sizes: Mapping[str, tuple[int, int]]
    methods: Mapping[str, Method]

    @property
    def main_size(self) -> str:
        """The size of most rows: the first that is named."""
        return next(iter(self.sizes))

    def rows(self) -> list[Row]:
        """The rows of the tables, in the file's order; the reference pictures last."""
        rows = [Row(name, size) for name, method in self.methods.items() for size in method.sizes]
        return [*rows, Row(self.reference, self.methods[self.reference].sizes[0], reference=True)]

    def label(self, row: Row) -> str:
        """What a row is called."""
        method = self.methods[row.method]
        if row.size == method.sizes[0]:
            return method.label
        width, height = self.sizes[row.size]
        return f"{method.label}, {height}x{width}"

    def paper_key(self, row: Row) -> str:
        """Which row of the paper's tables a row repeats; empty where none."""
        method = self.methods[row.method]
        return method.paper if row.size == method.sizes[0] or not method.paper else f"{method.paper}-{row.size}"

    def expand(self, personal: Mapping[str, Any]) -> Expansion:
        """All jobs: seed by seed, so that a part of a run is a smaller experiment.

        ``personal`` are settings of this machine and its user. No weights are loaded. Raises ModelError when a hub
        cannot be reached.
        """
        makers, problems, left_out = [], {}, {}
        for row in self.rows():
            for prompt in self.prompts:
                try:
                    makers.append(_JobMaker(self, row, prompt, personal))
                except InvalidRequestError as error:
                    kept = left_out if self.methods[row.method].optional else problems
                    kept |= {Problem(f"methods.{row.method}", str(problem)): None for problem in error.problems}
        jobs = [maker.job(number) for number in range(self.seed_count) for maker in makers]
        return Expansion(jobs, list(problems), list(left_out))


@dataclass(frozen=True)
class Expansion:
    """An experiment's jobs; what is wrong with it; what its optional methods are left out for."""

    jobs: Sequence[Job]
    problems: Sequence[Problem]
    left_out: Sequence[Problem]


@dataclass(frozen=True)
class Todo:
    """An experiment's jobs: all of them, and of each picture that is not measured yet the first."""

    experiment: Experiment
    jobs: Sequence[Job]
    waiting: Sequence[Job]
    identity: str
    problems: Sequence[Problem]
    left_out: Sequence[Problem]

    @property
    def pictures(self) -> int:
        """How many different pictures there are; rows may share some."""
        return len({job.digest for job in self.jobs})


class _JobMaker:
    """The jobs of a row and a prompt: one request is checked for all seeds."""

    def __init__(self, experiment: Experiment, row: Row, prompt: str, personal: Mapping[str, Any]) -> None:
        method = experiment.methods[row.method]
        width, height = experiment.sizes[row.size]
        settings = {**experiment.settings, **method.settings, **personal}
        settings |= {"prompt": experiment.prompts[prompt].text, "width": width, "height": height}
        plan = prepare(settings)
        request = plan.request
        if method.w is not None:
            settings["sync_weight"] = method.w * WEIGHT_RATIOS.get(request.loss, 1.0)
            request = replace(request, sync_weight=settings["sync_weight"])
        self._row, self._prompt, self._settings, self._request = row, prompt, settings, request
        self._model = _model_identity(plan.model)
        self._first = experiment.first_reference_seed if row.reference else experiment.first_seed

    def job(self, number: int) -> Job:
        """The job of the seed with this number."""
        seed = self._first + number
        digest = _digest(replace(self._request, seed=seed), self._model)
        return Job(self._row, self._prompt, seed, {**self._settings, "seed": seed}, digest)


def _model_identity(model: Model) -> str:
    """What tells a model from another: the hash of its files; of one on a hub its revision, which is known sooner."""
    path = Path(model.name)
    if model.name == BUILTIN or path.exists():
        return KnownFiles().sha256(BUILTIN_FOLDER if model.name == BUILTIN else path, model.files)
    snapshot = model.files[0].parent.parent  # in the hub's cache, named after the revision
    return f"{model.name}@{snapshot.name}"


def _digest(request: Request, model: str) -> str:
    values = {item.name: getattr(request, item.name) for item in fields(request) if item.name not in MACHINE}
    if not request.synchronizes:  # MultiDiffusion and w = 0 are one picture
        idle = {name for name in values if name in GRADIENT or name.startswith("sync_")}
        values |= dict.fromkeys(idle)
        values["method"] = "multidiffusion" if request.method == "syncdiffusion" else request.method
    values["model"] = model
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def read_experiment(path: Path) -> Experiment:
    """Read a file. Raises InvalidRequestError with everything that is wrong with it."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"{str(path)!r} cannot be read ({error.strerror}); name a TOML file"
        raise InvalidRequestError([Problem("experiment", reason)]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRequestError([Problem("experiment", f"{path.name!r} is not TOML: {error}")]) from None
    return _Reader(content).experiment()


class _Reader:
    """Takes what it knows out of a file's tables and notes what is wrong."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content
        self._problems: list[Problem] = []

    def experiment(self) -> Experiment:
        """The experiment. Raises InvalidRequestError."""
        for name in self._content.keys() - SECTIONS:
            self._wrong(name, f"is no section; known are {', '.join(sorted(SECTIONS))}")
        sizes = {name: self._size(name, value) for name, value in self._table("sizes").items()}
        seeds = self._table("seeds")
        reference = self._content.get("reference", "")
        methods = {name: self._method(name, value, sizes) for name, value in self._table("methods").items()}
        if methods and reference not in methods:
            self._wrong("reference", f"{reference!r} is no method; name the one of single windows")
        experiment = Experiment(
            title=str(self._content.get("title", "Evaluation")),
            note=str(self._content.get("note", "")),
            reference=reference,
            first_seed=self._seed(seeds, "first", 0),
            seed_count=self._seed(seeds, "count", 1),
            first_reference_seed=self._seed(seeds, "first_reference", 1_000_000),
            settings=self._table("settings", required=False),
            networks=self._table("networks"),
            prompts={name: self._prompt(name, value) for name, value in self._table("prompts").items()},
            sizes=sizes,
            methods=methods,
        )
        if self._problems:
            raise InvalidRequestError(self._problems)
        return experiment

    def _wrong(self, where: str, sentence: str) -> None:
        self._problems.append(Problem(where, sentence))

    def _table(self, name: str, required: bool = True) -> dict[str, Any]:
        table = self._content.get(name, {})
        if not isinstance(table, dict) or (required and not table):
            self._wrong(name, "is missing or no table; docs/evaluation.md shows one")
            return {}
        return table

    def _seed(self, table: Mapping[str, Any], name: str, default: int) -> int:
        value = table.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < (name == "count"):
            self._wrong(f"seeds.{name}", f"{value!r} is not a whole number, {int(name == 'count')} or more")
            return default
        return value

    def _size(self, name: str, value: Any) -> tuple[int, int]:
        if isinstance(value, list) and len(value) == 2 and all(isinstance(side, int) for side in value):
            return value[0], value[1]
        self._wrong(f"sizes.{name}", f"{value!r} is not [width, height]")
        return 0, 0

    def _prompt(self, name: str, value: Any) -> Prompt:
        if isinstance(value, dict) and isinstance(value.get("text"), str):
            return Prompt(value["text"], {key: label for key, label in value.items() if key != "text"})
        if isinstance(value, str):
            return Prompt(value)
        self._wrong(f"prompts.{name}", f"{value!r} is neither a text nor a table with one")
        return Prompt("")

    def _method(self, name: str, value: Any, sizes: Mapping[str, Any]) -> Method:
        where = f"methods.{name}"
        if not isinstance(value, dict):
            self._wrong(where, f"{value!r} is no table")
            return Method(name)
        for key in value.keys() - {item.name for item in fields(Method)}:
            self._wrong(where, f"has no {key!r}; known are {', '.join(item.name for item in fields(Method))}")
        chosen = tuple(value.get("sizes", list(sizes)[:1]))
        for size in chosen:
            if size not in sizes:
                self._wrong(where, f"{size!r} is none of the sizes")
        tables = tuple(value.get("tables", (2,)))
        if not set(tables) <= {2, 3}:
            self._wrong(where, f"tables = {list(tables)} are not of 2 and 3")
        w = value.get("w")
        if w is not None and (not isinstance(w, (int, float)) or w < 0):
            self._wrong(where, f"w = {w!r} is not a number, 0 or more")
            w = None
        return Method(
            value.get("label", name),
            value.get("settings", {}),
            chosen,
            value.get("paper", ""),
            w,
            tables,
            bool(value.get("optional")),
        )
