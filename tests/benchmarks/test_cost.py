"""What is counted by formula is what a run takes."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.cost import Counting, naive_cost, operations
from benchmarks.held import peak_bytes
from benchmarks.loops import run_naive, run_ours, watch
from benchmarks.meter import DECODER_BACKWARD, FINAL, LOSS, UNET, UNET_BACKWARD, Meter
from benchmarks.models import RandomModel, random_distance, random_loss
from benchmarks.modes import MODES, plan_for
from syncdiffusion.core.diffusion.denoiser import encode_prompt
from syncdiffusion.core.engine import Engine

STEPS = {"steps": 2, "sync_first": 1, "sync_every": 1, "sync_count": None}


@pytest.fixture(scope="module")
def counting():
    return Counting("small", torch.float32)


class Watched(RandomModel):
    """A model whose networks a meter watches."""

    meter: Meter

    def load(self, dtype):
        components = super().load(dtype)
        watch(components, self.meter)
        return components


@pytest.mark.parametrize("change", [{}, {"gradient": "no-unet", "reuse_noise": True, "loss_scale": 0.5}])
def test_the_count_is_what_the_engine_takes(counting, change):
    model = Watched("small")
    plan = plan_for(model, "paper", 2, **STEPS, **change)
    # The counter does not know the fused kernel of a CPU.
    with FlopCounterMode(display=False) as counter, random_loss(), sdpa_kernel(SDPBackend.MATH):
        model.meter = Meter(lambda: float(counter.get_total_flops()))
        run = run_ours(plan, model.meter, Engine())
    counted = counting.panorama(plan)
    taken = run.panorama(1, 1)
    for phase in (UNET, UNET_BACKWARD, DECODER_BACKWARD, LOSS):
        assert taken.get(phase, 0.0) == pytest.approx(counted[phase], rel=0.02), phase
    assert taken[FINAL] > 0


def test_the_count_is_what_the_authors_loop_takes(counting):
    model = RandomModel("small")
    components = model.load(torch.float32)
    plan = plan_for(model, "authors", 2, steps=1)
    text = encode_prompt(components, "a lake", "", 77, print).embeddings
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        meter = Meter(lambda: float(counter.get_total_flops()))
        end = watch(components, meter)
        run = run_naive(plan, components, random_distance(), text, meter, None)
        end()
    counted = naive_cost(len(plan.windows), 1, counting.window(), 0.0)
    taken = run.panorama(1, 0)
    for phase, amount in counted.items():
        if phase != FINAL:
            assert taken[phase] == pytest.approx(amount, rel=0.02), phase


def test_shortcuts_are_cheaper(counting):
    totals = {mode: counting.row(mode, 2)["total_tflop"] for mode in MODES}
    assert totals["authors"] > totals["paper"] > totals["paper, noise reused"] > totals["multidiffusion"]
    assert totals["paper"] > totals["paper, no-unet"]
    assert totals["paper"] > totals["paper, half scale"]
    assert totals["paper, tiny decoder"] != totals["paper"]  # TAESD's make is larger than so small a model's decoder
    assert totals["diffusers"] == totals["multidiffusion"]


def test_a_gradient_holds_less_without_the_unet_or_at_half_scale_or_checkpointed(counting):
    exact = counting.gradient_bytes(1.0, exact=True)
    assert counting.gradient_bytes(1.0, exact=False) < exact
    assert counting.gradient_bytes(0.5, exact=True) < exact
    assert counting.gradient_bytes(1.0, exact=True, checkpointed=True) < exact


def test_peak_of_what_is_held():
    def work():
        a = torch.zeros(1000)
        b = a + 1
        del a
        return b * 2

    assert peak_bytes(work) == 2 * 4000
    assert operations(lambda: torch.zeros(3, 4) @ torch.zeros(4, 5)) == 2 * 3 * 4 * 5
