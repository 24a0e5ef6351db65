import pytest
import torch
from torch import nn

from syncdiffusion.core.errors import NotFiniteError
from syncdiffusion.core.runtime.precision import Network


class Scale(nn.Module):
    """Multiplies by 1000: 100 overflows in float16, not in float32."""

    def __init__(self, dtype, factor=1000.0):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor, dtype=dtype))

    @property
    def dtype(self):
        return self.factor.dtype


def network(dtype, factor=1000.0):
    notes = []
    return Network(
        "UNet", Scale(dtype, factor), lambda module, x: x.to(module.dtype) * module.factor, notes.append
    ), notes


def test_finite_output_passes():
    net, notes = network(torch.float16)
    assert net(torch.tensor(2.0)).item() == 2000
    assert net.is_half
    assert notes == []


def test_overflow_is_run_again_in_float32_and_stays_there():
    net, notes = network(torch.float16)
    assert net(torch.tensor(100.0)).item() == 100_000
    assert not net.is_half
    assert notes == ["UNet: its output is not finite in float16; run again in float32"]
    assert net(torch.tensor(200.0)).item() == 200_000
    assert len(notes) == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_not_finite_in_float32_is_an_error_that_says_where(dtype):
    net, _ = network(dtype, factor=float("inf"))
    with pytest.raises(NotFiniteError, match="the UNet gives NaN or infinity in float32"):
        net(torch.tensor(1.0))
