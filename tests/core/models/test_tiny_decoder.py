"""Tiny decoders beside a model's VAE: found, refused with a sentence, loaded."""

import dataclasses
import json
import shutil

import pytest
import torch

from syncdiffusion.core.decoding.tiny import TinyDecoder, TinyPreview
from syncdiffusion.core.errors import InvalidRequestError, ModelError
from syncdiffusion.core.files.known import KnownFiles
from syncdiffusion.core.hashes import file_hashes
from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.models.hub_cache import published_tiny_decoder
from syncdiffusion.core.models.tiny_decoder import (
    CONFIG,
    WEIGHTS,
    load_tiny_decoder,
    tiny_decoder_problem,
)
from syncdiffusion.core.request.validation import prepare


@pytest.fixture
def folder(model_folder, tiny_decoder, tmp_path):
    """A small model with a tiny decoder beside its VAE."""
    shutil.copytree(model_folder, tmp_path / "m")
    shutil.copytree(tiny_decoder, tmp_path / "m" / "tiny_decoder")
    return tmp_path / "m"


def problem(folder):
    model = FolderModel(folder, "m")
    return tiny_decoder_problem(model.tiny_decoder, model.facts)


def test_found_and_part_of_the_model(folder, model_folder):
    assert problem(folder) is None
    with_it, without = FolderModel(folder, "m").files, FolderModel(model_folder, "m").files
    assert len(with_it) == len(without) + 2


def test_missing(model_folder):
    assert "has none beside its VAE" in problem(model_folder)
    assert "has none beside its VAE" in tiny_decoder_problem(None, FolderModel(model_folder, "m").facts)


@pytest.mark.parametrize("file", [CONFIG, WEIGHTS])
@pytest.mark.parametrize("content", [None, b"", b"[]"])
def test_damaged(folder, file, content):
    path = folder / "tiny_decoder" / file
    path.unlink() if content is None else path.write_bytes(content)
    assert file in problem(folder)


@pytest.mark.parametrize(
    "change", [{"latent_channels": 16}, {"decoder_block_out_channels": [8, 8, 8]}, {"upsampling_scaling_factor": 3}]
)
def test_of_another_family(folder, change):
    config = json.loads((folder / "tiny_decoder" / CONFIG).read_text())
    (folder / "tiny_decoder" / CONFIG).write_text(json.dumps(config | change))
    assert "is of another family" in problem(folder)
    with pytest.raises(InvalidRequestError, match="loss_decoder|another family"):
        prepare({"prompt": "a lake", "model": str(folder), "loss": "builtin", "loss_decoder": "tiny"})


def test_weights_that_do_not_fit_are_an_error(folder):
    config = json.loads((folder / "tiny_decoder" / CONFIG).read_text())
    config["decoder_block_out_channels"] = [16] * 4
    (folder / "tiny_decoder" / CONFIG).write_text(json.dumps(config))
    with pytest.raises(ModelError, match="tiny_decoder/ cannot be loaded"):
        load_tiny_decoder(folder / "tiny_decoder", torch.float32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loaded_frozen_in_the_wanted_precision(folder, dtype):
    network = load_tiny_decoder(folder / "tiny_decoder", dtype)
    assert network.dtype == dtype
    assert not any(parameter.requires_grad for parameter in network.parameters())
    latents = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    images = TinyDecoder(network, print).images(latents)
    assert images.shape == (2, 3, 48, 40)
    assert images.dtype == torch.float32
    assert 0 <= images.min() < images.max() <= 1
    (gradient,) = torch.autograd.grad(images.sum(), latents)
    assert gradient.abs().max() > 0


def test_that_of_the_family_is_taken_from_the_cache(model_folder, tiny_decoder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--madebyollin--taesd"
    shutil.copytree(tiny_decoder, repository / "snapshots" / "abc")
    facts = FolderModel(model_folder, "m").facts
    of_1_5 = dataclasses.replace(facts, text_width=768)
    assert published_tiny_decoder(of_1_5) is None  # nothing says which revision is meant
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc\n")
    assert published_tiny_decoder(of_1_5) == repository / "snapshots" / "abc"
    assert published_tiny_decoder(dataclasses.replace(facts, text_width=2048)) is None
    assert published_tiny_decoder(facts) is None  # latents of one's own are no family's


def test_a_picture_names_the_one_that_judged_it_wherever_it_was_found(
    model_folder, tiny_decoder, lpips_alex, cached_tiny_decoder, tmp_path
):
    """The model is found to have it in the cache; a folder's own is a file of the model's."""
    settings = {"prompt": "a lake", "model": str(model_folder), "loss": "lpips-alex", "loss_weights": str(lpips_alex)}
    given = {**settings, "loss_decoder": "tiny"}
    request = prepare(given).request
    assert request.tiny_decoder == str(cached_tiny_decoder)
    told = request.to_json(file_hashes(prepare(given), KnownFiles()))
    assert told["tiny_decoder"] == told["files"]["tiny_decoder"]["name"] == "madebyollin/taesd"
    assert KnownFiles().find(told["files"]["tiny_decoder"]["sha256"]) == cached_tiny_decoder
    for change in ({}, {"tiny_decoder": str(tiny_decoder)}, {**given, "method": "multidiffusion"}):  # for previews only
        plan = prepare({**settings, **change})
        told = plan.request.to_json(file_hashes(plan, KnownFiles()))
        assert (told["tiny_decoder"], "tiny_decoder" in told["files"]) == (None, False)
    shutil.copytree(model_folder, tmp_path / "m")
    shutil.copytree(tiny_decoder, tmp_path / "m" / "tiny_decoder")
    assert prepare({**given, "model": str(tmp_path / "m")}).request.tiny_decoder is None


def test_one_that_is_named(model_folder, tiny_decoder, tmp_path):
    settings = {"prompt": "a lake", "model": str(model_folder), "offline": True, "method": "multidiffusion"}
    assert prepare({**settings, "tiny_decoder": str(tiny_decoder)}).model.tiny_decoder == tiny_decoder
    with pytest.raises(InvalidRequestError, match=r"tiny-decoder: there is no folder 'nowhere'"):
        prepare({**settings, "tiny_decoder": "nowhere"})
    with pytest.raises(InvalidRequestError, match=r"tiny-decoder: .* lacks a config.json or"):
        prepare({**settings, "tiny_decoder": str(tmp_path)})


@pytest.mark.parametrize(("latents", "pixels"), [((8, 24), (64, 192)), ((8, 1024), (32, 4096)), ((1, 2), (8, 16))])
def test_previews(tiny_decoder, latents, pixels):
    preview = TinyPreview(TinyDecoder(load_tiny_decoder(tiny_decoder, torch.float32), print))
    picture = preview(torch.randn(1, 4, *latents))
    shrunk = max(1, -(-max(pixels) // 512))
    assert picture.shape == (max(pixels[0] // shrunk, 1), pixels[1] // shrunk, 3)
    assert picture.dtype == torch.uint8
