"""A small experiment: a model of 64 px windows, two prompts, two seeds, two steps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from syncdiffusion.evaluation.experiment import read_experiment
from syncdiffusion.evaluation.run import Options

EXPERIMENT = """
title = "Small"
note = "Two <prompts>."
reference = "sd"
[seeds]
first = 0
count = 2
[settings]
model = "MODEL"
preset = "paper"
steps = 2
stride = 32
device = "cpu"
loss = "lpips-alex"
loss_weights = "LPIPS"
[networks]
kind = "builtin"
[prompts]
lake = "a lake at dawn"
night = { text = "a city at night", mood = "night" }
[sizes]
strip = [128, 64]
wide = [192, 64]
window = [64, 64]
[methods.sd]
label = "SD"
paper = "sd"
tables = [2, 3]
sizes = ["window"]
settings = { method = "multidiffusion" }
[methods.md]
label = "w = 0 (MD)"
paper = "md"
tables = [2, 3]
settings = { method = "multidiffusion" }
[methods.w20]
label = "w = 20"
paper = "w20"
tables = [2, 3]
w = 20
"""


@pytest.fixture
def write(tmp_path: Path, model_folder: Path, lpips_alex: Path) -> Callable[..., Path]:
    """Write the experiment with some of its text replaced; gives the file's path."""

    def written(*replaced: tuple[str, str], more: str = "") -> Path:
        text = EXPERIMENT + more
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "experiment.toml"
        path.write_text(text.replace("MODEL", model_folder.as_posix()).replace("LPIPS", lpips_alex.as_posix()), "utf-8")
        return path

    return written


@pytest.fixture
def experiment(write: Callable[..., Path]) -> object:
    """The small experiment, read."""
    return read_experiment(write())


@pytest.fixture
def options(write: Callable[..., Path], tmp_path: Path) -> Callable[..., Options]:
    """Options for the small experiment, its text and they changed."""

    def made(*replaced: tuple[str, str], more: str = "", **changed: object) -> Options:
        return Options(write(*replaced, more=more), tmp_path / "out", device="cpu", **changed)

    return made
