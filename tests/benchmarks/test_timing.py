"""Loops are timed by phase; diffusers' pipeline takes what MultiDiffusion takes."""

import pytest
import torch

from benchmarks.loops import run_diffusers, watch
from benchmarks.meter import FINAL, UNET, UNET_BACKWARD, Meter
from benchmarks.models import RandomModel
from benchmarks.modes import plan_for
from benchmarks.timing import Timing

CPU = torch.device("cpu")


@pytest.mark.parametrize("mode", ["multidiffusion", "diffusers"])
def test_a_row_of_the_table(mode):
    row = Timing("small", CPU, "float32", steps=1).row(mode, 2)
    assert row["windows"] == 5
    assert row["steps"] == {"synchronized": 0, "plain": 50}
    assert row["seconds"][UNET] > row["seconds"][FINAL] > 0  # 50 times 5 windows, and one decode
    assert UNET_BACKWARD not in row["seconds"]
    assert row["total_seconds"] == pytest.approx(sum(row["seconds"].values()))


def test_diffusers_pipeline_runs_on_our_windows():
    model = RandomModel("small")
    components = model.load(torch.float32)
    evaluations = []
    components.unet.register_forward_hook(lambda *_: evaluations.append(1))
    decode = components.vae.decode
    meter = Meter(lambda: float(len(evaluations)))
    watch(components, meter)
    run = run_diffusers(plan_for(model, "diffusers", 2, steps=2), components, meter, batch=1)
    assert len(evaluations) == 2 * 5
    assert run.plain[UNET] == 5
    assert components.vae.decode == decode
