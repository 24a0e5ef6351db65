"""The meter charges the innermost phase, and a final decode with all that happens in it."""

import torch

from benchmarks.meter import FINAL, Meter


class Counter:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def test_the_innermost_phase_is_charged():
    clock = Counter()
    meter = Meter(clock)
    meter.begin("outer")
    clock.now = 1
    meter.begin("inner")
    clock.now = 3
    meter.end()
    clock.now = 7
    meter.end()
    clock.now = 20
    meter.begin("outer")
    meter.end()
    assert meter.spent == {"outer": 5, "inner": 2}


def test_all_within_a_final_decode_is_its_own():
    clock = Counter()
    meter = Meter(clock)

    def decode():
        meter.begin("decoder forward")
        clock.now += 4
        meter.end()
        return "image"

    assert meter.wrapped(decode, FINAL)() == "image"
    assert meter.spent == {FINAL: 4}


def test_forward_and_backward_of_a_network_are_told_apart():
    clock = Counter()
    meter = Meter(clock)

    class Slow(torch.autograd.Function):
        @staticmethod
        def forward(_, x):
            clock.now += 2
            return x * 1

        @staticmethod
        def backward(_, gradient):
            clock.now += 3
            return gradient

    class Network(torch.nn.Module):
        def forward(self, x):
            return Slow.apply(x)

    network = Network()
    end = meter.watch(network, "forward", "backward")
    x = torch.ones(2, requires_grad=True)
    torch.autograd.grad(network(x).sum(), x)
    assert meter.spent == {"forward": 2, "backward": 3}
    end()
    network(x)
    assert meter.spent["forward"] == 2
