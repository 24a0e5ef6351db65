"""Every stage on tiny networks, in order, to a model that the engine loads."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from syncdiffusion.core.engine import Engine
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.perceptual.builtin import read_builtin_distance
from syncdiffusion.core.perceptual.lpips import unit_features
from syncdiffusion.core.request.validation import prepare
from training import denoiser, export, run, unpack
from training.autoencoder import reconstruction_loss, to_tensor
from training.data import missing, open_pictures, paint
from training.denoiser import v_loss
from training.export import load_vae
from training.features import LABELS, Classifier
from training.generated import Studio, pair_distances, windows_of
from training.judge import Judge
from training.latents import read_latents
from training.loop import averaged_weights, read_config
from training.samples import alphas_cumprod, sample
from training.words import END, learn_merges, save_tokenizer, with_fillers

CONFIG = Path(__file__).with_name("tiny.toml")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of checkpoints of every stage, and its data."""
    folder = tmp_path_factory.mktemp("training")
    data = folder / "data"
    data.mkdir()
    for shard in missing(data, count=4, held_out=4, size=32, each=4):
        paint(shard)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoiser, "SAMPLES_EVERY", 2)
        for stage in run.STAGES:
            run.main([stage, "--config", str(CONFIG), "--data", str(data), "--out", str(folder)])
    return folder


@pytest.fixture(scope="module")
def shipped(trained):
    """The model exported from it."""
    export.main([*(str(trained / name) for name in ("model",)), "--run", str(trained), "--data", str(trained / "data"),
                 "--config", str(CONFIG)])  # fmt: skip
    return trained / "model"


def test_every_stage_leaves_a_checkpoint(trained):
    for stage in run.STAGES:
        assert torch.load(trained / stage / "checkpoint.pt", weights_only=True)["step"] == 2
    assert (trained / "denoiser" / "samples-00002.png").stat().st_size > 1000


def test_the_decoder_lies_between_the_first_and_the_sharpened_one(trained):
    vae = load_vae(trained, read_config(CONFIG))
    first, sharpened = (
        averaged_weights(trained / "autoencoder", "vae"),
        averaged_weights(trained / "decoder", "decoder"),
    )
    assert torch.equal(vae.encoder.conv_in.weight, first["encoder.conv_in.weight"])
    between = (first["decoder.conv_out.weight"] + sharpened["decoder.conv_out.weight"]) / 2
    torch.testing.assert_close(vae.decoder.conv_out.weight, between)
    assert not torch.equal(sharpened["decoder.conv_out.weight"], first["decoder.conv_out.weight"])


def test_latents_are_unit_gaussian_after_scaling(trained):
    latents = read_latents(trained / "denoiser")
    scaled = latents.batch(np.arange(8))
    assert scaled.shape == (8, 4, 4, 4)  # four pictures and their mirror images
    assert not np.array_equal(latents.values[0], latents.values[1])
    assert scaled.std(dim=(0, 2, 3), correction=0).tolist() == pytest.approx([1.0] * 4, rel=0.02)
    assert scaled.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0.0] * 4, abs=0.02)
    torch.testing.assert_close(latents.unscaled(scaled), torch.from_numpy(latents.values).float(), atol=1e-3, rtol=1e-3)


def test_the_scale_is_folded_into_the_autoencoder(trained):
    config, latents = read_config(CONFIG), read_latents(trained / "denoiser")
    plain, scaled = load_vae(trained, config), load_vae(trained, config)
    export.fold_scale(scaled, latents.mean, latents.spread)
    images = to_tensor(open_pictures(trained / "data").images([0, 1]))
    with torch.no_grad():
        before, after = plain.encode(images).latent_dist, scaled.encode(images).latent_dist
        torch.testing.assert_close(latents.unscaled(after.mean), before.mean, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(after.std * latents.spread[:, None, None], before.std, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(
            scaled.decode(after.mean).sample, plain.decode(before.mean).sample, atol=1e-4, rtol=1e-4
        )


def test_the_exported_model_generates(shipped, tmp_path):
    settings = {"prompt": "a lake", "model": str(shipped), "steps": 2, "width": 64, "method": "multidiffusion"}
    result = Engine().generate(prepare(settings), Outputs(output=tmp_path / "p.png"))
    assert result.pixels.shape == (32, 64, 3)
    assert result.report["notices"] == []


def test_the_exported_weights_are_half_precision(shipped):
    from safetensors import safe_open

    files = sorted(shipped.rglob("*.safetensors"))
    assert [file.parent.name for file in files] == ["perceptual", "text_encoder", "unet", "vae"]
    for file in files:
        with safe_open(file, "pt") as weights:
            assert {weights.get_slice(name).get_dtype() for name in weights.keys()} == {"F16"}  # noqa: SIM118
    card = json.loads((shipped / "training.json").read_text())
    assert card["config"]["features"]["channels"] == [8, 8]
    assert card["pictures"] == 4


def test_the_distance_sees_what_the_classifier_sees(trained, shipped):
    classifier = Classifier([8, 8])
    classifier.load_state_dict(averaged_weights(trained / "features", "classifier"))
    classifier.eval()
    images = torch.rand(2, 3, 32, 32)
    seen, levels = 2 * images - 1, read_builtin_distance(shipped / "perceptual").features(images)
    for level, folded in zip(classifier.levels, levels, strict=True):
        seen = level(seen)
        torch.testing.assert_close(unit_features(seen), folded, atol=5e-3, rtol=0)


def test_the_judge(trained):
    judge = Judge(trained / "judge", read_config(CONFIG), open_pictures(trained / "data"))
    windows = list(open_pictures(trained / "data").images([0, 1]))
    assert 0 <= judge.accuracy <= 1
    assert judge.mood_chances(windows).sum(1).tolist() == pytest.approx([1, 1])
    assert judge.mood_chances(windows).shape == (2, len(LABELS["mood"]))
    assert judge.landscape_chances(windows).shape == (2,)


def test_a_studio_makes_a_picture_once(shipped, tmp_path, monkeypatch):
    studio = Studio(tmp_path, str(shipped))
    settings = {"steps": 2, "width": 64, "method": "multidiffusion"}
    first = studio.picture("a", "a lake", **settings)
    monkeypatch.setattr("training.generated.prepare", None)
    assert np.array_equal(studio.picture("a", "a lake", **settings), first)


def test_windows_and_pairs():
    strip = np.arange(12)[None, :, None] * np.ones((2, 1, 3))
    assert [window[0, 0, 0] for window in windows_of(strip)] == [0, 2, 4, 6, 8, 10]
    assert pair_distances([[0, 1, 2], [1, 0, 3], [2, 3, 0]]) == 2.0


def test_v_loss_is_zero_for_the_right_answer():
    alphas = alphas_cumprod()
    x0, noise, timesteps = torch.randn(3, 4, 2, 2), torch.randn(3, 4, 2, 2), torch.tensor([10, 500, 990])
    a, s = alphas[timesteps].sqrt()[:, None, None, None], (1 - alphas[timesteps]).sqrt()[:, None, None, None]
    assert float(v_loss(lambda x, t: a * noise - s * x0, x0, noise, timesteps, alphas)) == 0.0
    assert float(v_loss(lambda x, t: torch.zeros_like(x), x0, noise, timesteps, alphas)) > 0.1


def test_alphas_are_those_of_the_scheduler_that_is_shipped(shipped):
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler.from_pretrained(shipped / "scheduler")
    torch.testing.assert_close(scheduler.alphas_cumprod, alphas_cumprod(), rtol=1e-4, atol=1e-6)
    assert alphas_cumprod()[-1] == 0
    assert scheduler.config.prediction_type == "v_prediction"


def test_samples_find_the_picture_that_a_perfect_model_knows():
    """For data of a single picture the right v is known; DDIM must end there."""
    alphas, picture = alphas_cumprod(), torch.randn(1, 4, 2, 2)

    class Perfect:
        def __call__(self, x, t, condition):
            a, s = alphas[t].sqrt(), (1 - alphas[t]).sqrt()
            self.sample = a * (x - a * picture) / s - s * picture
            return self

    nothing = torch.zeros(1, 1, 1)
    made = sample(Perfect(), nothing.expand(3, 1, 1), nothing, torch.randn(3, 4, 2, 2), steps=20, guidance=3.0)
    torch.testing.assert_close(made, picture.expand(3, -1, -1, -1), atol=0.15, rtol=0)


def test_edges_count_in_the_reconstruction():
    true = torch.zeros(1, 3, 4, 4)
    flat, stripes = torch.full_like(true, 0.5), torch.full_like(true, 0.5)
    stripes[..., ::2] *= -1
    assert reconstruction_loss(flat, true, 0.5) == pytest.approx(0.5)
    assert reconstruction_loss(stripes, true, 0.5) == pytest.approx(0.5 + 0.5 * 1.0)


def test_pictures_become_tensors():
    image = np.zeros((1, 2, 3, 3), np.uint8)
    image[0, 0, 2] = 255
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 2, 3)
    assert tensor[0, :, 0, 2].tolist() == [1, 1, 1]
    assert tensor.min() == -1


def test_the_tokenizer_learns_the_words_of_captions(tmp_path):
    captions = ["a photo of a lake", "a photo of the sea at night"] * 5
    tokenizer = save_tokenizer(learn_merges(captions, 100), 12, tmp_path)
    assert tokenizer.tokenize("A photo of a LAKE") == ["a</w>", "photo</w>", "of</w>", "a</w>", "lake</w>"]
    assert tokenizer.decode(tokenizer("zürich photo").input_ids, skip_special_tokens=True).strip() == "zürich photo"
    padded = tokenizer("a", padding="max_length", max_length=6).input_ids
    assert padded[2:] == [tokenizer.convert_tokens_to_ids(END)] * 4


def test_fillers_come_now_and_then():
    captions = [with_fillers("a lake", np.random.default_rng(seed)) for seed in range(200)]
    assert all(caption.startswith("a lake") for caption in captions)
    assert 0.1 < sum(caption != "a lake" for caption in captions) / 200 < 0.3


def test_a_shipped_model_can_be_trained_on(trained, shipped, tmp_path):
    unpack.main([str(shipped), "--run", str(tmp_path)])
    vae = averaged_weights(tmp_path / "autoencoder", "vae")
    torch.testing.assert_close(load_vae(tmp_path, read_config(CONFIG)).state_dict(), vae)
    run.main(["denoiser", "--config", str(CONFIG), "--data", str(trained / "data"), "--out", str(tmp_path)])
    # The latents of the shipped encoder have mean 0 and spread 1 already.
    latents = read_latents(tmp_path / "denoiser")
    assert latents.spread.tolist() == pytest.approx([1.0] * 4, rel=0.05)
    output = tmp_path / "again"
    export.main([str(output), "--run", str(tmp_path), "--data", str(trained / "data"), "--config", str(CONFIG)])
    assert not (output / "perceptual").exists()
    first, record = (json.loads((folder / "training.json").read_text()) for folder in (shipped, output))
    assert record["before"] == first
    with pytest.raises(FileExistsError, match="is there already"):
        unpack.unpack(shipped, tmp_path)
