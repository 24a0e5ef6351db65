"""The command line as a function: options in, exit status and lines out."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from syncdiffusion.cli.main import main
from syncdiffusion.core import engine
from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.models.single_file.checkpoint import CheckpointModel


@dataclass(frozen=True)
class Outcome:
    """What a run of the command line left."""

    status: int
    out: str
    errors: list[str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line on words."""

    def call(*words: str) -> Outcome:
        capsys.readouterr()
        status = main(words)
        printed = capsys.readouterr()
        return Outcome(status, printed.out, printed.err.splitlines())

    return call


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_folder: Path, lpips_alex: Path) -> Path:
    """An empty working folder beside ``m``, a model, and ``alex.pt``, the weights of a loss."""
    shutil.copytree(model_folder, tmp_path / "m", copy_function=os.link)
    os.link(lpips_alex, tmp_path / "alex.pt")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def generate(run: Callable[..., Outcome], here: Path) -> Callable[..., Outcome]:
    """Run ``generate`` on a small request that is done in a second, with some options changed.

    ``None`` leaves an option out, ``True`` gives it without a value; ``words`` go to the end as they are.
    """

    def call(*words: str, **changed: object) -> Outcome:
        options = {"prompt": "a lake", "output": "out.png", "model": "../m", "width": 80, "steps": 2}
        options |= {"loss": "lpips-alex", "loss_weights": "../alex.pt", "quiet": True}
        given = {name.rstrip("_").replace("_", "-"): value for name, value in (options | changed).items()}
        given = {name: value for name, value in given.items() if value is not None}
        pairs = [[f"--{name}"] if value is True else [f"--{name}", str(value)] for name, value in given.items()]
        return run("generate", *(word for pair in pairs for word in pair), *words)

    return call


@pytest.fixture
def repeat(run: Callable[..., Outcome], here: Path) -> Callable[..., Outcome]:
    """Run ``generate --from`` a picture, with some options."""

    def call(picture: object, output: object = "again.png", **options: object) -> Outcome:
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        return run("generate", "--from", str(picture), "-o", str(output), "--quiet", *words)

    return call


@pytest.fixture
def before_loading(generate: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run ``generate``; a request that gets as far as loading weights ends as an unexpected error."""

    def load(*_: object) -> None:
        raise AssertionError("weights are loaded")

    def call(*words: str, **changed: object) -> Outcome:
        with monkeypatch.context() as patch:
            patch.setattr(FolderModel, "load", load)
            patch.setattr(CheckpointModel, "load", load)
            patch.setattr(engine, "load_distance", load)
            return generate(*words, **changed)

    return call


@pytest.fixture
def refused(before_loading: Callable[..., Outcome], here: Path) -> Callable[..., list[str]]:
    """Run an invalid request; gives the lines on standard error. No weights are loaded and no file is written."""

    def call(*words: str, **changed: object) -> list[str]:
        before = sorted(here.rglob("*"))
        outcome = before_loading(*words, **changed)
        assert (outcome.status, outcome.out) == (2, ""), outcome.errors
        assert sorted(here.rglob("*")) == before
        return outcome.errors

    return call


@pytest.fixture
def own_model(model_folder: Path, tmp_path: Path) -> Path:
    """A copy of the model to do harm to, as ``../own``."""
    return Path(shutil.copytree(model_folder, tmp_path / "own"))
