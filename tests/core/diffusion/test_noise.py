import torch

from syncdiffusion.core.diffusion.noise import initial_noise


def test_noise_is_the_cpu_generators():
    expected = torch.randn((1, 4, 8, 48), generator=torch.Generator("cpu").manual_seed(2023))
    assert torch.equal(initial_noise(2023, (1, 4, 8, 48)), expected)
    assert initial_noise(0, (1, 4, 2, 2)).dtype == torch.float32


def test_noise_leaves_the_global_generator_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    initial_noise(5, (1, 4, 4, 4))
    assert torch.equal(torch.rand(1), expected)
