import pytest
import torch

from syncdiffusion.core.diffusion.denoiser import Condition, Denoiser, encode_prompt, unet_network, words_beyond_limit
from syncdiffusion.core.models.folder import FolderModel


@pytest.fixture
def parts(model_folder):
    return FolderModel(model_folder, "small").load(torch.float32).to(torch.device("cpu"))


def encode(parts, prompt, negative=""):
    notes = []
    return encode_prompt(parts, prompt, negative, 77, notes.append), notes


def test_embeddings_are_the_encoders_last_hidden_states(parts):
    condition, notes = encode(parts, "a lake", "people")
    for row, text in enumerate(("people", "a lake")):
        ids = parts.tokenizer(text, padding="max_length", max_length=77, return_tensors="pt").input_ids
        torch.testing.assert_close(condition.embeddings[row], parts.text_encoder(ids)[0][0])
    assert notes == []


def test_empty_negative_prompt(parts):
    assert encode(parts, "a lake")[0].embeddings.shape[0] == 2


def test_words_that_fall_off_are_named(parts):
    words = [f"word{i}" for i in range(100)]
    condition, notes = encode(parts, " ".join(words), " ".join(words[::-1]))
    assert condition.embeddings.shape[1] == 77
    assert [note.partition(":")[0] for note in notes] == ["negative-prompt", "prompt"]
    assert notes[1].endswith("word98 word99'")
    assert notes[0].endswith("word1 word0'")


def test_nothing_falls_off_a_prompt_that_just_fits(parts):
    limit = 77
    fitting = "a " * (limit - 2)
    assert words_beyond_limit(parts.tokenizer, fitting, limit) == ""
    assert words_beyond_limit(parts.tokenizer, fitting + "lake  shore ", limit) == "lake  shore"
    assert words_beyond_limit(parts.tokenizer, "a " * (limit - 4) + "lake shore", limit) == "lake shore"


def test_guidance_by_hand(parts):
    condition, _ = encode(parts, "a lake", "people")
    x, t = torch.randn(3, 4, 8, 8), torch.tensor(500)
    with torch.no_grad():
        negative, positive = (
            parts.unet(x, t, condition.embeddings[row : row + 1].expand(3, -1, -1)).sample for row in (0, 1)
        )
        for scale, expected in ((0.0, positive), (1.0, positive), (7.5, negative + 7.5 * (positive - negative))):
            output = Denoiser(unet_network(parts, print), condition, scale)(x, t)
            torch.testing.assert_close(output, expected, atol=1e-4, rtol=1e-4)


def test_a_unet_that_is_told_the_scale_runs_one_branch(model):
    """LCM's: the embedding of the scale is that of diffusers' pipelines."""
    from diffusers import StableDiffusionPipeline

    parts = FolderModel(model(scheduler="LCMScheduler", lcm_width=16), "m").load(torch.float32)
    condition, _ = encode(parts, "a lake")
    x, t = torch.randn(2, 4, 8, 8), torch.tensor(500)
    told = StableDiffusionPipeline.get_guidance_scale_embedding(None, torch.tensor([7.0]), 16)
    text = condition.embeddings[1:].expand(2, -1, -1)
    with torch.no_grad():
        expected = parts.unet(x, t, text, timestep_cond=told.expand(2, -1)).sample
        torch.testing.assert_close(Denoiser(unet_network(parts, print), condition, 8.0)(x, t), expected)
        other = Denoiser(unet_network(parts, print), condition, 1.0)(x, t)
    assert (other - expected).abs().max() > 1e-4


def test_latents_keep_their_dtype(parts):
    condition, _ = encode(parts, "a lake")
    parts.unet.to(torch.bfloat16)
    with torch.no_grad():
        output = Denoiser(unet_network(parts, print), condition, 7.5)(torch.randn(1, 4, 8, 8), torch.tensor(10))
    assert output.dtype == torch.float32


def test_text_encoder_that_overflows_goes_on_in_float32(model_folder, monkeypatch):
    parts = FolderModel(model_folder, "small").load(torch.float16).to(torch.device("cpu"))
    forward = parts.text_encoder.forward

    def overflowing(*arguments, **options):
        output = forward(*arguments, **options)
        return (output[0] * torch.inf if output[0].dtype == torch.float16 else output[0],)

    monkeypatch.setattr(parts.text_encoder, "forward", overflowing)
    condition, notes = encode(parts, "a lake")
    assert isinstance(condition, Condition)
    assert torch.isfinite(condition.embeddings).all()
    assert "text encoder" in notes[0]
