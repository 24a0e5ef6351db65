import torch

from syncdiffusion.core.diffusion.noise import generator_for, initial_noise


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


def test_the_parts_of_a_run_have_noise_of_their_own():
    drawn = {
        tuple(torch.randn(4, generator=generator_for(seed, part)).tolist())
        for seed in (0, 1, 2**31 - 1)
        for part in ("sky", "ground")
    }
    assert len(drawn) == 6
    assert tuple(initial_noise(0, (4,)).tolist()) not in drawn
    assert tuple(torch.randn(4, generator=generator_for(1, "sky")).tolist()) in drawn
