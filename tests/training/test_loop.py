"""Learning rate, averages, checkpoints, workers."""

import json

import pytest
import torch
from support.gradients import share_gradients
from torch import nn

from training.loop import FLOOR, WARM_UP, Averaged, Loop, Worker, averaged_weights, learning_rate, start_workers

ALONE = Worker(0, 1, torch.device("cpu"))


def train(worker, folder, steps, seed=1):
    """A line through the origin, fitted to y = 2 x."""
    torch.manual_seed(seed)
    line = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.AdamW(line.parameters(), 0.1, weight_decay=0.0)
    loop = Loop(worker, folder, {"steps": steps, "seed": seed}, {"line": line}, {"line": optimizer}, ["line"])
    for _ in loop:
        x = torch.from_numpy(loop.random().normal(size=(4, 1))).float() + 0.1 * torch.randn(4, 1)
        loop.update("line", (line(x) - 2 * x).square().mean())
    return loop, float(line.weight.detach())


def test_learning_rate_rises_stays_and_falls():
    rates = [learning_rate(step, 1000, 1.0) for step in range(1000)]
    assert rates[0] == pytest.approx(1 / WARM_UP)
    assert rates[WARM_UP - 1] == rates[600] == 1.0
    assert rates[900] < 0.5
    assert min(rates[500:]) == FLOOR


def test_the_average_has_a_short_memory_at_first():
    line = nn.Linear(1, 1, bias=False)
    average = Averaged(line)
    nn.init.constant_(line.weight, 5.0)
    for step in range(100):
        average.update(line, step)
    assert float(average.state["weight"]) == pytest.approx(5.0, abs=1e-3)


def test_a_resumed_run_is_an_unbroken_one(tmp_path, monkeypatch):
    loop, weight = train(ALONE, tmp_path / "whole", 12)
    monkeypatch.setattr("training.loop.learning_rate", lambda step, _, highest: learning_rate(step, 12, highest))
    train(ALONE, tmp_path / "parts", 5)
    loop_again, weight_again = train(ALONE, tmp_path / "parts", 12)
    assert (weight, loop.step) == (weight_again, loop_again.step)
    weights = [averaged_weights(tmp_path / name, "line")["weight"] for name in ("whole", "parts")]
    assert torch.equal(*weights)


def test_minutes_end_it_early_and_it_goes_on(tmp_path):
    line = nn.Linear(1, 1)
    settings = {"steps": 3, "seed": 1, "minutes": 0.0}
    for expected, minutes in ((0, 0.0), (3, 10.0)):
        networks = {"line": line}
        optimizers = {"line": torch.optim.AdamW(line.parameters())}
        loop = Loop(ALONE, tmp_path, {**settings, "minutes": minutes}, networks, optimizers, [])
        assert len([None for _ in loop]) == expected
        assert loop.step == expected


def test_it_learns_and_logs(tmp_path):
    _, weight = train(ALONE, tmp_path, 500)
    assert weight == pytest.approx(2.0, abs=0.05)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(50, 501, 50))
    assert lines[-1]["line"] < 0.01 * lines[0]["line"]


def test_a_step_that_is_not_finite_is_left_out(tmp_path):
    line = nn.Linear(1, 1)
    before = line.weight.clone()
    loop = Loop(
        ALONE, tmp_path, {"steps": 1, "seed": 1}, {"line": line}, {"line": torch.optim.AdamW(line.parameters())}, []
    )
    for _ in loop:
        loop.update("line", (line.weight * torch.inf).sum())
    assert torch.equal(line.weight, before)


def test_workers_share_gradients(tmp_path):
    start_workers(share_gradients, 2, "cpu", tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        "01", "[0.5, 0.5] [True, False]"
    )
