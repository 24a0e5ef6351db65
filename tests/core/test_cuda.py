"""What only an NVIDIA card can show. Skipped where there is none: `python -m pytest tests/core/test_cuda.py -rA`."""

import numpy as np
import pytest
import torch

from syncdiffusion.core.engine import Engine
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.request.validation import prepare

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA card")


@pytest.fixture
def settings(settings):
    del settings["device"]
    return {**settings, "width": 384, "steps": 4}


def run(settings, **more):
    return Engine().generate(prepare({**settings, **more}), Outputs())


def correlation(a, b):
    return np.corrcoef(a.latents.flatten(), b.latents.flatten())[0, 1]


def test_float32_agrees_with_the_cpu(settings):
    cpu, cuda = run(settings, device="cpu"), run(settings, device="cuda", dtype="float32")
    assert correlation(cpu, cuda) > 0.999
    np.testing.assert_allclose(cuda.losses, cpu.losses, rtol=1e-2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_stays_near_float32(settings, dtype):
    exact, half = (run(settings, device="cuda", dtype=d) for d in ("float32", dtype))
    assert half.report["notices"] == []
    assert correlation(exact, half) > 0.95


def test_float16_is_the_default(settings):
    assert run(settings).report["dtype"] == "float16"


def test_deterministic_repeats_bit_for_bit(settings):
    first, second = (run(settings, device="cuda", deterministic=True) for _ in range(2))
    assert np.array_equal(first.latents, second.latents)
    assert np.array_equal(first.pixels, second.pixels)


def test_batches_are_planned_and_memory_is_reported(settings):
    report = run(settings, device="cuda").report
    sizes = {int(size) for size in report["batch_sizes"]["gradient"]}
    assert min(sizes) == 1  # the first is measured
    assert max(sizes) > 1
    assert 0 < report["peak_memory_bytes"] < torch.cuda.get_device_properties(0).total_memory


def test_out_of_memory_halves_the_batch(settings, monkeypatch):
    """A real refusal of the allocator: the process may hold little more than it holds already."""
    from syncdiffusion.core.runtime import memory

    monkeypatch.setattr(memory, "free_bytes", lambda _: 2**50)
    wanted = {**settings, "width": 64 * 32, "steps": 1}
    plain = run(wanted, device="cuda", dtype="float32")
    used = torch.cuda.memory_reserved() + 192 * 2**20
    torch.cuda.set_per_process_memory_fraction(used / torch.cuda.get_device_properties(0).total_memory)
    try:
        small = run(wanted, device="cuda", dtype="float32")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert small.report["batches_halved"] > 0
    assert correlation(plain, small) > 0.999


def test_release_gives_the_memory_back(settings):
    engine = Engine()
    engine.generate(prepare({**settings, "device": "cuda"}), Outputs())
    held = torch.cuda.memory_allocated()
    engine.release()
    assert torch.cuda.memory_allocated() < held / 10


def test_cancel_frees_what_the_run_held(settings):
    from syncdiffusion.core.errors import CancelledError

    engine = Engine()
    engine.generate(prepare({**settings, "device": "cuda"}), Outputs())
    held = torch.cuda.memory_allocated()
    count = iter(range(100))
    with pytest.raises(CancelledError):
        engine.generate(prepare({**settings, "device": "cuda"}), Outputs(), cancelled=lambda: next(count) > 10)
    assert torch.cuda.memory_allocated() <= held * 1.01
