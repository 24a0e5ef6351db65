import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from syncdiffusion.core.decoding import tiles as module
from syncdiffusion.core.decoding.tiles import SharedGroupNorms, attention_in_chunks, receptive_radius, spans, tiles_over
from syncdiffusion.core.models.folder import FolderModel


@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 30), st.booleans())
def test_cores_cover_an_axis_once(length, core, margin, wrap):
    cut = spans(length, core, margin, wrap)
    assert [cell for span in cut for cell in range(span.start, span.stop)] == list(range(length))
    assert all(span.stop - span.start <= core for span in cut)
    for span in cut:
        seen = span.indices()
        assert all(0 <= index < length for index in seen)
        if wrap:
            assert len(seen) == span.stop - span.start + 2 * margin
        else:
            assert seen == list(range(max(0, span.start - margin), min(length, span.stop + margin)))


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 12), st.booleans(), st.booleans())
def test_cores_of_tiles_put_a_canvas_together(height, width, core, wrap_y, wrap_x):
    canvas = torch.arange(2.0 * height * width).view(1, 2, height, width)
    again = torch.full_like(canvas, -1)
    for tile in tiles_over((height, width), core, 3, (wrap_y, wrap_x)):
        again[:, :, tile.rows(1), tile.columns(1)] = tile.core_of(tile.crop(canvas))
    assert torch.equal(again, canvas)


def test_core_is_found_at_a_higher_resolution():
    (first, second) = tiles_over((4, 8), 4, 2, (False, False))
    canvas = torch.arange(32.0).view(1, 1, 4, 8)
    enlarged = second.crop(canvas).repeat_interleave(3, 2).repeat_interleave(3, 3)
    assert torch.equal(second.core_of(enlarged)[0, 0, ::3, ::3], canvas[0, 0, :, 4:])
    assert second.columns(3) == slice(12, 24)
    assert first.columns(3) == slice(0, 12)


def test_radius_covers_what_the_decoder_sees(model_folder):
    """Farther than the radius a change of one latent is not felt (statistics held still), and nearer it is."""
    vae = FolderModel(model_folder, "small").load(torch.float32).vae
    radius, factor, middle = receptive_radius(vae.decoder), 8, 32
    features = torch.randn((1, vae.config.block_out_channels[-1], 1, 2 * middle), generator=torch.manual_seed(0))
    changed = features.clone()
    changed[..., middle] += 1
    tiles = tiles_over((1, 2 * middle), 2 * middle, 0, (False, False))
    norms = SharedGroupNorms([*vae.decoder.up_blocks, vae.decoder.conv_norm_out])

    def upsample(x):
        for block in vae.decoder.up_blocks:
            x = block(x)
        return vae.decoder.conv_out(vae.decoder.conv_act(vae.decoder.conv_norm_out(x)))

    with torch.no_grad():
        norms.measure(tiles, lambda _: upsample(features))
        with norms.shared():
            difference = (upsample(changed) - upsample(features)).abs().amax(dim=(0, 1, 2))
    felt = difference.nonzero().flatten()
    assert felt.min() >= (middle - radius) * factor
    assert felt.max() < (middle + 1 + radius) * factor
    assert felt.max() >= (middle + radius - 3) * factor  # not wastefully wide


def test_shared_statistics_are_the_canvass():
    norm = nn.GroupNorm(2, 4)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    canvas = torch.randn(1, 4, 6, 12) * torch.linspace(0.1, 3, 12)
    tiles = tiles_over((6, 12), 4, 1, (False, True))
    shared = SharedGroupNorms([norm])
    shared.measure(tiles, lambda tile: norm(tile.crop(canvas)))
    expected = norm(canvas)
    with shared.shared():
        for tile in tiles:
            core = tile.core_of(norm(tile.crop(canvas)))
            torch.testing.assert_close(core, expected[:, :, tile.rows(1), tile.columns(1)])
    assert "forward" not in vars(norm)


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_attention_in_chunks_is_exact(model_folder, chunk, monkeypatch):
    monkeypatch.setattr(module, "ATTENTION_CHUNK", chunk)
    block = FolderModel(model_folder, "small").load(torch.float32).vae.decoder.mid_block
    assert block.attentions[0] is not None
    x = torch.randn(1, block.resnets[0].in_channels, 5, 9)
    with torch.no_grad():
        expected = block(x)
        with attention_in_chunks(block):
            torch.testing.assert_close(block(x), expected)
        assert torch.equal(block(x), expected)
