import pytest
import torch

from syncdiffusion.core.errors import DeviceError
from syncdiffusion.core.runtime.devices import arithmetic, resolve_device, resolve_dtype


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("no_gpu")
def test_auto_without_a_gpu():
    assert resolve_device("auto") == torch.device("cpu")


@pytest.mark.usefixtures("two_gpus")
def test_cuda_devices():
    assert resolve_device("auto") == resolve_device("cuda") == torch.device("cuda", 0)
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(DeviceError, match="cuda:2 is not available: there are 2 CUDA devices"):
        resolve_device("cuda:2")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_devices_that_are_not_there(name):
    with pytest.raises(DeviceError, match=f"device: {name} is not available.*--device cpu"):
        resolve_device(name)


def test_dtypes():
    cpu, gpu = torch.device("cpu"), torch.device("cuda", 0)
    assert resolve_dtype("auto", cpu) == torch.float32
    assert resolve_dtype("auto", gpu) == torch.float16
    assert resolve_dtype("bfloat16", cpu) == torch.bfloat16


@pytest.mark.parametrize("deterministic", [True, False])
def test_arithmetic_is_put_back(deterministic, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    cuda = torch.device("cuda", 0)
    with pytest.raises(RuntimeError, match="stop"), arithmetic(cuda, torch.float32, deterministic):
        assert not torch.backends.cudnn.allow_tf32
        assert torch.are_deterministic_algorithms_enabled() is deterministic
        raise RuntimeError("stop")
    assert torch.backends.cudnn.allow_tf32
    assert not torch.are_deterministic_algorithms_enabled()
