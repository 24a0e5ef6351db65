"""Decoding with background reconstruction."""

import pytest
import torch
from support.baselines import reconstructed
from support.reference import Parts

from syncdiffusion.core.decoding.decoder import Decoder
from syncdiffusion.core.diffusion.background import decode_grown, reconstruction_error
from syncdiffusion.core.diffusion.noise import initial_noise
from syncdiffusion.core.diffusion.windows import Windows
from syncdiffusion.core.errors import CancelledError
from syncdiffusion.core.models.folder import FolderModel

STEPS = 6


@pytest.fixture
def decoder(model_folder):
    model = FolderModel(model_folder, "small")
    return Decoder(model.load(torch.float32).to(torch.device("cpu")).vae, model.facts, print)


def test_one_window_is_decoded_as_ever(decoder):
    z = initial_noise(0, (1, 4, 8, 8))
    torch.testing.assert_close(decode_grown(decoder, Windows(8, 8, 8, 4), z, lambda: None), decoder.images(z))


def test_agrees_with_the_reference(decoder, model_folder):
    z = initial_noise(0, (1, 4, 8, 12))
    image = decode_grown(decoder, Windows(8, 12, 8, 4), z, lambda: None, STEPS)
    # Two windows: the second is the centre (2 // 2), so the first grows, and its right half is known.
    parts = Parts(model_folder, torch.float32)
    with torch.no_grad():
        centre = parts.vae.decode(z[..., 4:] / parts.vae.config.scaling_factor).sample
    there = torch.zeros_like(centre)
    there[..., 32:] = centre[..., :32]
    left = reconstructed(parts, z[..., :8], there, list(range(32, 64)), steps=STEPS)
    expected = (torch.cat([left[..., :32], centre], dim=3) / 2 + 0.5).clamp(0, 1)
    torch.testing.assert_close(image, expected, atol=2e-3, rtol=0)


def test_tuning_brings_the_known_part_nearer(decoder):
    z = initial_noise(0, (1, 4, 8, 12))
    before = {name: value.clone() for name, value in decoder.network.module.state_dict().items()}

    def seam(steps):
        """How much the first window's picture and the known one differ where they overlap."""
        image = decode_grown(decoder, Windows(8, 12, 8, 4), z, lambda: None, steps)
        return (image[..., 31] - image[..., 32]).abs().mean()

    assert seam(40) < seam(0)
    after = decoder.network.module.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())  # the run's own decoder is not tuned
    assert not any(weight.requires_grad for weight in decoder.network.module.parameters())


def test_the_error_weighs_what_is_known_a_hundred_times():
    known = torch.tensor([[True, False]])
    decoded, new, there = (torch.full((1, 3, 1, 2), value) for value in (1.0, 0.0, 0.5))
    # Means over all values, of which half are known: 100 * 0.5² / 2 + 1² / 2.
    assert float(reconstruction_error(decoded, new, there, known)) == pytest.approx(13.0)


def test_cancel_takes_effect_within_a_step(decoder):
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 5:
            raise CancelledError("cancelled")

    with pytest.raises(CancelledError):
        decode_grown(decoder, Windows(8, 12, 8, 4), initial_noise(0, (1, 4, 8, 12)), check, STEPS)
