import pytest
import torch

from syncdiffusion.core.errors import CancelledError, NotEnoughMemoryError
from syncdiffusion.core.runtime import memory
from syncdiffusion.core.runtime.memory import Batches, is_out_of_memory

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory: you tried"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"), True),
        (MemoryError(), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_out_of_memory_looks_like(error, expected):
    assert is_out_of_memory(error) is expected


def test_all_windows_once_and_in_order():
    batches = Batches(CPU, size=3)
    seen = [(list(indices), result) for indices, result in batches.run("work", range(8), sum)]
    assert seen == [([0, 1, 2], 3), ([3, 4, 5], 12), ([6, 7], 13)]
    assert batches.used["work"] == {3: 2, 2: 1}


def test_out_of_memory_halves_the_batch_and_goes_on():
    batches, attempts = Batches(CPU, size=8), []

    def work(indices):
        attempts.append(len(indices))
        if len(indices) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return list(indices)

    results = [result for _, result in batches.run("work", range(9), work)]
    assert [window for result in results for window in result] == list(range(9))
    assert attempts == [8, 4, 2, 2, 2, 2, 1]
    assert batches.halved == 2
    # What was learned stays: the next step starts with a batch that fits.
    attempts.clear()
    list(batches.run("work", range(4), work))
    assert attempts == [2, 2]


def test_one_window_that_does_not_fit_is_an_error_with_a_remedy():
    def work(_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(NotEnoughMemoryError, match="not even one window.*--window.*multidiffusion.*float16"):
        list(Batches(CPU, size=4).run("work", range(4), work))


def test_memory_is_saved_before_one_window_is_given_up():
    saved = []

    def work(indices):
        if len(saved) < 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return list(indices)

    def save_memory():
        saved.append(1)
        return len(saved) < 3

    batches = Batches(CPU, size=2, save_memory=save_memory)
    assert [result for _, result in batches.run("work", range(3), work)] == [[0], [1], [2]]
    assert batches.halved == 1
    saved.clear()
    with pytest.raises(NotEnoughMemoryError):
        list(Batches(CPU, save_memory=lambda: False).run("work", range(3), work))


def test_memory_is_saved_when_the_first_window_takes_more_than_there_is(monkeypatch):
    cuda = FakeCuda(monkeypatch, free=1000, per_window=1500)

    def save_memory():
        cuda.per_window = 300
        return True

    batches = Batches(torch.device("cuda", 0), save_memory=save_memory)
    assert [result for _, result in batches.run("gradient", range(6), cuda.work)] == [1, 1, 2, 2]


def test_other_errors_pass():
    def work(_):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        list(Batches(CPU).run("work", range(4), work))


def test_cancel_is_asked_before_every_batch():
    done = []
    batches = Batches(CPU, size=2, cancelled=lambda: len(done) == 2)
    with pytest.raises(CancelledError):
        for indices, _ in batches.run("work", range(10), sum):
            done.append(indices)
    assert len(done) == 2


def test_failed_tensors_are_let_go():
    """The exception of the first attempt must not keep its tensors alive during the second."""
    import gc
    import weakref

    alive, first = [], True

    def work(indices):
        nonlocal first
        gc.collect()
        alive.append(sum(ref() is not None for ref in refs))
        tensor = torch.ones(10)
        refs.append(weakref.ref(tensor))
        if first:
            first = False
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 0

    refs = []
    list(Batches(CPU, size=2).run("work", range(2), work))
    assert alive[:2] == [0, 0]


class FakeCuda:
    """The few numbers of a GPU that planning looks at: every window of work takes ``per_window`` bytes."""

    def __init__(self, monkeypatch, free, per_window):
        self.peak, self.per_window = 0, per_window
        cuda = {
            "memory_allocated": lambda _: 0,
            "memory_reserved": lambda _: 0,
            "max_memory_allocated": lambda _: self.peak,
            "mem_get_info": lambda _: (free, free),
            "reset_peak_memory_stats": self.reset,
        }
        for name, function in cuda.items():
            monkeypatch.setattr(memory.torch.cuda, name, function)

    def reset(self, _):
        self.peak = 0

    def work(self, indices):
        self.peak = max(self.peak, self.per_window * len(indices))
        return len(indices)


def test_batches_are_planned_from_the_first_window(monkeypatch):
    cuda = FakeCuda(monkeypatch, free=1000, per_window=100)
    batches = Batches(torch.device("cuda", 0))
    sizes = [result for _, result in batches.run("gradient", range(20), cuda.work)]
    assert sizes == [1, 8, 8, 3]  # 80 % of 1000 bytes
    cuda.per_window = 10
    assert [result for _, result in batches.run("plain", range(40), cuda.work)] == [1, 32, 7]  # never more than 32
    assert batches.peak_bytes() == 800


def test_the_peak_of_an_earlier_run_is_not_this_ones(monkeypatch):
    cuda = FakeCuda(monkeypatch, free=1000, per_window=10)
    cuda.peak = 10**9
    batches = Batches(torch.device("cuda", 0), size=2)
    list(batches.run("plain", range(4), cuda.work))
    assert batches.peak_bytes() == 20


def test_a_window_larger_than_what_is_free_is_tried_alone(monkeypatch):
    cuda = FakeCuda(monkeypatch, free=100, per_window=500)
    assert [result for _, result in Batches(torch.device("cuda", 0)).run("plain", range(3), cuda.work)] == [1, 1, 1]


def test_small_networks_take_a_few_windows_at_a_time():
    with torch.device("meta"):
        sizes = memory.fixed_batches(torch.nn.Linear(1000, 1000))
        assert memory.fixed_batches(torch.nn.Linear(20_000, 20_000)) == {}
    batches = Batches(CPU, size=2, sizes=sizes)
    assert [result for _, result in batches.run("plain", range(5), len)] == [4, 1]
    assert [result for _, result in batches.run("gradient", range(3), len)] == [2, 1]


def test_peak_of_the_process():
    assert Batches(CPU).peak_bytes() > 50 * 2**20  # torch alone is more than that
    assert memory.free_bytes(CPU) > 0
