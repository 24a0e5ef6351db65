import pytest
import torch

from syncdiffusion.core.decoding.decoder import Decoder
from syncdiffusion.core.diffusion.coherence import Coherence
from syncdiffusion.core.diffusion.denoiser import Denoiser, encode_prompt, unet_network
from syncdiffusion.core.diffusion.samplers import Sampler
from syncdiffusion.core.errors import NotFiniteError
from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.perceptual.weights import load_distance


class Setup:
    """Everything Eq. 14 needs, in float64, at a step in mid-run."""

    def __init__(self, folder, loss, weights, dtype=torch.float64):
        model = FolderModel(folder, "small")
        parts = model.load(torch.float32).to(torch.device("cpu"))
        condition = encode_prompt(parts, "a lake at dawn", "", 77, print)
        for network in (parts.unet, parts.vae):
            network.to(dtype)
        self.notes = []
        unet = unet_network(parts, self.notes.append)
        self.sampler = Sampler("ddim", model.facts.scheduler_config, model.facts.prediction_type, 10)
        self.decoder = Decoder(parts.vae, model.facts, self.notes.append)
        self.denoise = Denoiser(unet, condition, 7.5)
        distance = load_distance(loss, str(weights), print).to(torch.promote_types(dtype, torch.float32))
        self.coherence = Coherence(distance, self.decoder, [self.decoder.network, unet])
        generator = torch.Generator().manual_seed(3)
        size = (1, 4, 8, 8)
        self.dtype = torch.promote_types(dtype, torch.float32)
        self.x, self.other, self.anchor = torch.randn((3, *size), generator=generator).to(self.dtype)

    def foresee(self, x):
        return self.sampler.x0(x, self.denoise(x, self.sampler.timesteps[4]), 4)

    def noisy(self, x):
        return x


@pytest.mark.parametrize("foresee", ["foresee", "noisy"])
@pytest.mark.parametrize("loss", ["lpips-alex", "style"])
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_gradient_by_finite_differences(kind, loss, foresee, model, lpips_weights):
    setup = Setup(model(prediction_type=kind), loss, lpips_weights(loss))
    foresee = getattr(setup, foresee)
    with torch.no_grad():
        anchor = setup.coherence.look(foresee(setup.anchor))

    def loss_of(x):
        return setup.coherence.move(x, foresee, anchor, 0.0)[1].item()

    weight = 1e-3
    moved, _ = setup.coherence.move(setup.x, foresee, anchor, weight)
    gradient = (setup.x - moved) / weight
    generator = torch.Generator().manual_seed(9)
    for _ in range(3):
        # A random direction, tilted to the gradient so that the slope along it is well away from zero.
        direction = torch.randn(setup.x.shape, generator=generator, dtype=torch.float64)
        direction = direction / direction.norm() + gradient / gradient.norm()
        h = 1e-6  # small: ReLU has kinks
        slope = (loss_of(setup.x + h * direction) - loss_of(setup.x - h * direction)) / (2 * h)
        assert slope == pytest.approx((gradient * direction).sum().item(), rel=5e-3)


def test_windows_of_a_batch_do_not_see_each_other(model_folder, lpips_alex):
    setup = Setup(model_folder, "lpips-alex", lpips_alex)
    anchor = setup.coherence.look(setup.anchor)
    together, losses = setup.coherence.move(torch.cat([setup.x, setup.other]), setup.foresee, anchor, 20.0)
    for i, x in enumerate((setup.x, setup.other)):
        alone, loss = setup.coherence.move(x, setup.foresee, anchor, 20.0)
        torch.testing.assert_close(together[i : i + 1], alone)
        torch.testing.assert_close(losses[i : i + 1], loss)


def test_a_small_move_lowers_the_distance(model_folder, lpips_alex):
    setup = Setup(model_folder, "lpips-alex", lpips_alex)
    with torch.no_grad():
        anchor = setup.coherence.look(setup.foresee(setup.anchor))
    moved, before = setup.coherence.move(setup.x, setup.foresee, anchor, 1e-2)
    _, after = setup.coherence.move(moved, setup.foresee, anchor, 0.0)
    assert after.item() < before.item()
    assert not moved.requires_grad


def test_float16_keeps_the_gradients_direction(model_folder, lpips_alex):
    exact = Setup(model_folder, "lpips-alex", lpips_alex, torch.float32)
    half = Setup(model_folder, "lpips-alex", lpips_alex, torch.float16)
    gradients = []
    for setup in (exact, half):
        with torch.no_grad():
            anchor = setup.coherence.look(setup.foresee(setup.anchor))
        gradients.append((setup.x - setup.coherence.move(setup.x, setup.foresee, anchor, 1.0)[0]).flatten())
    assert torch.cosine_similarity(*gradients, dim=0) > 0.95
    assert half.notes == []


def test_overflowing_gradient_goes_on_in_float32(model_folder, lpips_alex, monkeypatch):
    setup = Setup(model_folder, "lpips-alex", lpips_alex, torch.float16)
    anchor = setup.coherence.look(setup.anchor)
    gradient = setup.coherence._gradient

    def overflowing(*arguments):
        value, losses = gradient(*arguments)
        return (value * torch.inf if setup.decoder.network.is_half else value), losses

    monkeypatch.setattr(setup.coherence, "_gradient", overflowing)
    moved, _ = setup.coherence.move(setup.x, setup.foresee, anchor, 1.0)
    assert torch.isfinite(moved).all()
    assert any("VAE decoder: the gradient is not finite in float16" in note for note in setup.notes)


def test_not_finite_in_float32_is_an_error(model_folder, lpips_alex, monkeypatch):
    setup = Setup(model_folder, "lpips-alex", lpips_alex, torch.float32)
    anchor = setup.coherence.look(setup.anchor)
    nan = torch.full_like(setup.x, torch.nan)
    monkeypatch.setattr(setup.coherence, "_gradient", lambda *_: (nan, torch.zeros(1)))
    with pytest.raises(NotFiniteError, match="sync-weight"):
        setup.coherence.move(setup.x, setup.foresee, anchor, 1.0)
