"""A whole evaluation, small: made, stopped, gone on with, failed in part, and shown."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from syncdiffusion.cli.main import main
from syncdiffusion.core.engine import Engine
from syncdiffusion.core.errors import CancelledError, InvalidRequestError
from syncdiffusion.evaluation import worker
from syncdiffusion.evaluation.run import evaluate, plan

for needed in ("torchmetrics", "torch_fidelity", "matplotlib"):
    pytest.importorskip(needed)


@pytest.fixture
def made(monkeypatch):
    """The prompts and seeds that the engine has been asked for."""
    asked = []
    original = Engine.generate

    def generate(self, plan, *rest, **more):
        asked.append((plan.request.prompt, plan.request.seed, plan.request.method, plan.request.width))
        return original(self, plan, *rest, **more)

    monkeypatch.setattr(Engine, "generate", generate)
    return asked


def never():
    return False


def test_a_run_from_end_to_end(options, made, tmp_path, capsys):
    said = []
    assert evaluate(options(limit=3), never, said.append) == 0
    assert len(made) == 3
    assert said == [str(tmp_path / "out" / "index.html")]
    assert evaluate(options(), never, said.append) == 0
    assert len(made) == len(set(made)) == 16  # none twice
    assert "[13/13]" in capsys.readouterr().err
    evaluate(options(), never, said.append)
    assert len(made) == 16

    out = tmp_path / "out"
    for job in plan(options()).jobs:
        here = out / job.folder
        assert np.asarray(Image.open(here / "image.png")).shape[1] == job.settings["width"]
        assert json.loads((here / "report.json").read_text())["settings"]["seed"] == job.seed
        measured = json.loads((here / "metrics.json").read_text())
        assert measured["seconds"] > 0
        assert (measured["distance"] is None) == (job.settings["width"] == 64)
    text = (out / "results.md").read_text("utf-8")
    assert "16 of 16 jobs are done." in text
    assert "not the paper's numbers" in text
    assert "| w = 20 | 4 | 0.56 ± 0.06 |" in text
    assert {"table-2.csv", "table-3.csv", "pictures.csv", "figure-5.png", "figure-8.png", "figure-4.jpg"} <= set(
        os.listdir(out)
    )
    assert len((out / "pictures.csv").read_text().splitlines()) == 17
    assert len(json.loads((out / "pairs" / "sd-own.json").read_text())["values"]["distance"]) == 2  # one a prompt
    page = (out / "index.html").read_text("utf-8")
    assert "Two &lt;prompts&gt;." in page
    assert "<svg" in page


def test_other_networks_measure_again_but_make_nothing_again(options, made, monkeypatch):
    few = [('lake = "a lake at dawn"\n', ""), ("count = 2", "count = 1")]
    evaluate(options(*few), never, print)
    count = len(made)
    monkeypatch.setattr("syncdiffusion.evaluation.run.networks_identity", lambda _: "others")
    monkeypatch.setattr(worker, "networks_identity", lambda _: "others")
    assert len(plan(options(*few)).waiting) == count
    evaluate(options(*few), never, print)
    assert len(made) == count
    assert plan(options(*few)).waiting == []


def test_a_failed_job_is_reported_and_the_others_go_on(options, made, monkeypatch, capsys, tmp_path):
    original = worker.Worker._measure

    def measure(self, job, folder):
        if job.seed == 1 and job.row.method == "md":
            raise ValueError("broken")
        original(self, job, folder)

    monkeypatch.setattr(worker.Worker, "_measure", measure)
    assert evaluate(options(), never, print) == 2
    lines = capsys.readouterr().err.splitlines()
    assert sum("failed: an unexpected error: ValueError: broken" in line for line in lines) == 2
    assert len(made) == 16
    todo = plan(options())
    assert [(job.row.method, job.seed) for job in todo.waiting] == [("md", 1), ("md", 1)]
    error = tmp_path / "out" / todo.waiting[0].folder / "error.txt"
    assert "Traceback" in error.read_text()
    monkeypatch.setattr(worker.Worker, "_measure", original)
    assert evaluate(options(), never, print) == 0
    assert len(made) == 16
    assert not error.exists()


def test_cancelling_keeps_what_is_done(options, made, tmp_path):
    with pytest.raises(CancelledError):
        evaluate(options(), lambda: len(made) == 3, print)
    assert len(list((tmp_path / "out").rglob("metrics.json"))) in (2, 3)
    assert list((tmp_path / "out").rglob("*.tmp")) == []


def test_a_dry_run_says_what_there_is_to_do(options, capsys, tmp_path):
    said = []
    assert evaluate(options(dry_run=True), never, said.append) == 0
    assert "16 jobs; 16 different pictures can be made, 16 wait" in said[0]
    assert "  w = 20: 4 of 128 x 64, 0 made" in said[0]
    assert not (tmp_path / "out").exists()
    missing = options(("MODEL", str(tmp_path / "gone")), dry_run=True)
    with pytest.raises(InvalidRequestError, match="methods.sd: model: "):
        evaluate(missing, never, said.append)
    assert "16 jobs; 0 different pictures" in said[1]


def test_what_is_optional_is_left_out_with_a_word(options, capsys, tmp_path):
    wrong = '[methods.style]\noptional = true\nsettings = { loss = "style", loss_weights = "gone.pth" }\n'
    few = [("count = 2", "count = 1"), ('lake = "a lake at dawn"\n', "")]
    assert evaluate(options(*few, more=wrong), never, print) == 0
    sentence = "methods.style: loss-weights: there is no file 'gone.pth'"
    assert f"left out: {sentence}" in capsys.readouterr().err
    assert f"Left out: {sentence}" in (tmp_path / "out" / "results.md").read_text("utf-8")


def test_the_command(write, tmp_path, capsys):
    experiment = str(write())
    assert main(["evaluate", experiment, "-o", str(tmp_path / "out"), "--dry-run"]) == 0
    assert "Small: 4 rows x 2 prompts x 2 seeds" in capsys.readouterr().out
    assert main(["evaluate", "--limit", "-1", "--executor", "cloud", "--device", "gpu", "--fast"]) == 2
    fields = [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert fields == ["fast", "limit", "device", "executor", "experiment", "output"]
    assert main(["evaluate", str(tmp_path / "gone.toml"), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("experiment: ")


def test_a_failure_gives_status_1(write, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("syncdiffusion.evaluation.run.evaluate", lambda *_: 3)
    assert main(["evaluate", str(write()), "-o", str(tmp_path / "out")]) == 1
    assert "3 jobs failed" in capsys.readouterr().err
