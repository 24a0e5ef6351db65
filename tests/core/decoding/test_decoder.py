import pytest
import torch

from syncdiffusion.core.decoding import decoder as module
from syncdiffusion.core.decoding.decoder import Decoder, wrapped_convolutions
from syncdiffusion.core.errors import CancelledError
from syncdiffusion.core.models.folder import FolderModel


class Setup:
    def __init__(self, folder, dtype=torch.float32):
        self.model = FolderModel(folder, "small")
        self.vae = self.model.load(dtype).to(torch.device("cpu")).vae
        self.notes = []
        self.decoder = Decoder(self.vae, self.model.facts, self.notes.append)


@pytest.fixture
def setup(model_folder):
    return Setup(model_folder)


def latents(height, width, seed=0):
    """Latents that grow stronger from left to right, so that no two tiles have the same statistics."""
    z = torch.randn((1, 4, height, width), generator=torch.Generator().manual_seed(seed))
    return z * torch.linspace(0.3, 1.5, width)


def test_images_as_the_authors_decode(setup):
    z = torch.cat([latents(8, 8, 1), latents(8, 8, 2)])
    decoded = setup.vae.decode(z / setup.vae.config.scaling_factor).sample
    torch.testing.assert_close(setup.decoder.images(z), (decoded / 2 + 0.5).clamp(0, 1))


def test_shift_factor_is_undone(model, tmp_path):
    import dataclasses

    setup = Setup(model())
    shifted = dataclasses.replace(setup.model.facts, shift_factor=0.5)
    z = latents(8, 8)
    expected = setup.decoder.images(z + 0.5 * setup.model.facts.scaling_factor)
    torch.testing.assert_close(Decoder(setup.vae, shifted, print).images(z), expected)


def test_clamped_pixels_have_no_gradient(setup):
    z = (latents(8, 8) * 3).requires_grad_()
    image = setup.decoder.images(z)
    clamped = (image == 0) | (image == 1)
    assert clamped.any()
    (gradient,) = torch.autograd.grad((image * clamped).sum(), z)
    assert gradient.abs().max() == 0


@pytest.mark.parametrize(("wrap_y", "wrap_x"), [(False, False), (False, True), (True, False), (True, True)])
def test_tiles_equal_the_whole(setup, wrap_y, wrap_x):
    z = latents(20, 40)
    whole = setup.decoder.canvas(z, "whole", wrap_y, wrap_x)
    tiles = setup.decoder.canvas(z, "tiles", wrap_y, wrap_x)
    assert whole.shape == (1, 3, 160, 320)
    # Four decimals beyond what a pixel of 8 bits can show.
    assert (whole - tiles).abs().max() < 5e-4
    assert whole.std() > 0.05


def test_tiles_without_shared_statistics_would_differ(setup, monkeypatch):
    """The check above can fail."""
    z = latents(20, 40)
    whole = setup.decoder.canvas(z, "whole", False, False)
    monkeypatch.setattr(module.SharedGroupNorms, "measure", lambda *_: None)
    assert (whole - setup.decoder.canvas(z, "tiles", False, False)).abs().max() > 0.05


@pytest.mark.parametrize("mode", ["whole", "tiles"])
@pytest.mark.parametrize(
    ("wrap_y", "wrap_x", "shift"), [(False, True, (0, 7)), (True, False, (3, 0)), (True, True, (5, 9))]
)
def test_rolling_a_loop_rolls_its_picture(setup, mode, wrap_y, wrap_x, shift):
    z = latents(16, 24)
    image = setup.decoder.canvas(z, mode, wrap_y, wrap_x)
    rolled = setup.decoder.canvas(z.roll(shift, (2, 3)), mode, wrap_y, wrap_x)
    expected = image.roll((shift[0] * 8, shift[1] * 8), (2, 3))
    assert (rolled - expected).abs().max() < (1e-4 if mode == "whole" else 5e-4)


def test_an_open_canvas_does_not_roll(setup):
    """The check above can fail: without wrapping, the edges show."""
    z = latents(16, 24)
    image = setup.decoder.canvas(z, "whole", False, False)
    rolled = setup.decoder.canvas(z.roll(12, 3), "whole", False, False)
    assert (rolled - image.roll(96, 3)).abs().max() > 0.02


def test_convolutions_are_put_back(setup):
    z = latents(8, 16)
    before = setup.decoder.canvas(z, "whole", False, False)
    with pytest.raises(RuntimeError, match="stop"), wrapped_convolutions(setup.vae.decoder, True, True):
        raise RuntimeError("stop")
    setup.decoder.canvas(z, "tiles", True, True)
    assert torch.equal(setup.decoder.canvas(z, "whole", False, False), before)


def test_auto_tiles_what_takes_much_memory(setup, monkeypatch):
    z = latents(8, 24)
    used = []
    tiled = setup.decoder._tiled
    monkeypatch.setattr(setup.decoder, "_tiled", lambda *a: used.append("tiles") or tiled(*a))
    setup.decoder.canvas(z, "auto", False, False)
    assert used == []
    monkeypatch.setattr(module, "WHOLE_DECODE_BYTES", 1000)
    setup.decoder.canvas(z, "auto", False, False)
    assert used == ["tiles"]


def test_auto_falls_back_to_tiles_when_memory_runs_out(setup, monkeypatch):
    z = latents(8, 24)
    expected = setup.decoder.canvas(z, "tiles", False, False)

    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(setup.decoder, "network", fail)
    assert torch.equal(setup.decoder.canvas(z, "auto", False, False), expected)
    assert "decoded in tiles" in setup.notes[0]
    with pytest.raises(torch.OutOfMemoryError):
        setup.decoder.canvas(z, "whole", False, False)


@pytest.mark.parametrize("mode", ["whole", "tiles"])
def test_half_precision_that_overflows_goes_on_in_float32(model_folder, mode):
    half, exact = Setup(model_folder, torch.float16), Setup(model_folder)
    for setup in (half, exact):  # too large for float16 on the way, harmless at the end: a group norm follows
        setup.vae.decoder.up_blocks[0].resnets[0].conv1.weight.mul_(3e5)
    z = latents(8, 16)
    image = half.decoder.canvas(z, mode, False, False)
    assert torch.isfinite(image).all()
    assert "VAE decoder" in half.notes[0]
    assert "float16" in half.notes[0]
    assert (image - exact.decoder.canvas(z, mode, False, False)).abs().max() < 0.1


def test_a_tiled_decode_can_be_cancelled(setup):
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 2:
            raise CancelledError("cancelled")

    decoder = Decoder(setup.vae, setup.model.facts, print, check)
    with pytest.raises(CancelledError):
        decoder.canvas(latents(8, 40), "tiles", False, False)
    assert len(calls) == 2
