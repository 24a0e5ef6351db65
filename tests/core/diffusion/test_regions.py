"""How much each of several prompts counts, and what a denoiser makes of it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from syncdiffusion.core.diffusion.denoiser import Denoiser, encode_prompt, unet_network
from syncdiffusion.core.diffusion.regions import region_shares
from syncdiffusion.core.diffusion.windows import Windows
from syncdiffusion.core.models.folder import FolderModel


def test_one_gives_way_to_the_next_halfway():
    left, right = region_shares([4, 12], 16, 4, wrap=False)
    assert left[:6].tolist() == [1] * 6
    assert left[6:10].tolist() == [0.875, 0.625, 0.375, 0.125]
    assert left[10:].tolist() == [0] * 6
    assert torch.equal(left + right, torch.ones(16, dtype=torch.float64))


def test_round_a_loop():
    first, second = region_shares([2, 10], 16, 2, wrap=True)
    assert first.tolist() == [1] * 5 + [0.75, 0.25] + [0] * 6 + [0.25, 0.75] + [1]
    assert torch.equal(second.roll(8), first)


def test_order_does_not_matter_and_close_prompts_blend_between_them():
    shares = region_shares([9, 7, 1], 16, 8, wrap=False)
    assert torch.equal(shares[[2, 1, 0]], region_shares([1, 7, 9], 16, 8, wrap=False))
    assert shares[0, 9:].tolist() == [1] * 7


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=6, unique_by=lambda x: round(x, 3)),
       st.integers(1, 64), st.integers(1, 40), st.booleans())  # fmt: skip
def test_shares_are_a_mean(places, width, blend, wrap):
    shares = region_shares([place * width for place in places], width, blend, wrap)
    assert shares.min() >= 0
    torch.testing.assert_close(shares.sum(0), torch.ones(width, dtype=torch.float64))


@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_outputs_are_weighed_column_by_column(model_folder, scale):
    parts = FolderModel(model_folder, "m").load(torch.float64)
    texts = ["a castle", "a city", "a forest"]
    windows = Windows(8, 24, 8, 8)
    shares = region_shares([2, 12, 22], 24, 6, wrap=False)
    z, t = torch.randn(1, 4, 8, 24, dtype=torch.float64), torch.tensor(500)
    seen = []
    unet = unet_network(parts, print)

    def counted(latents, *rest):
        seen.append(len(latents))
        return unet(latents, *rest)

    counted.module = unet.module
    condition = encode_prompt(parts, "", "people", 77, print, texts)
    denoise = Denoiser(counted, condition, scale, shares)
    with torch.no_grad():
        alone = [
            Denoiser(unet, encode_prompt(parts, text, "people", 77, print), scale)(windows.crop(z, [0, 1, 2]), t)
            for text in texts
        ]
        mixed = denoise(windows.crop(z, [0, 1, 2]), t, columns=windows.columns([0, 1, 2], z))
    for window in range(3):
        here = shares[:, 8 * window : 8 * window + 8]
        expected = sum(share * output[window] for share, output in zip(here, alone, strict=True))
        torch.testing.assert_close(mixed[window], expected)
    # The first and the last window show two of the three prompts, the middle one all.
    assert seen == [2 + 3 + 2 + (3 if scale > 1 else 0)]
