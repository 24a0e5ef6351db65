"""Small models and weights that all tests share, made once a session; and the machine kept out of the tests."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from hypothesis import settings
from support.models import make_lpips_weights, make_model, make_tiny_decoder, make_vgg19_weights

from syncdiffusion.core.models import hub_cache
from syncdiffusion.core.models.libraries import import_diffusers

import_diffusers()
# No test depends on how fast the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Small networks are many times slower with two threads on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes what the user's own runs keep, and none uses the network.

    huggingface_hub has read its variables when it was imported; child processes read them anew.
    """
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SYNCDIFFUSION_CACHE", str(cache))
    monkeypatch.setenv("TORCH_HOME", str(cache / "torch"))
    monkeypatch.setenv("HF_HUB_CACHE", str(cache / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give the folder of a small model with these settings, made once."""
    made: dict[tuple, Path] = {}

    def get(**settings: object) -> Path:
        key = tuple(sorted(settings.items()))
        if key not in made:
            made[key] = make_model(tmp_path_factory.mktemp("model") / "small", **settings)
        return made[key]

    return get


@pytest.fixture(scope="session")
def model_folder(model: Callable[..., Path]) -> Path:
    """A small model that predicts ε; windows of 64 px, latent factor 8."""
    return model()


@pytest.fixture(scope="session")
def v_model_folder(model: Callable[..., Path]) -> Path:
    """The same, predicting v."""
    return model(prediction_type="v_prediction")


@pytest.fixture(scope="session")
def tiny_decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny decoder for the latents of the small models, to be copied beside a VAE."""
    return make_tiny_decoder(tmp_path_factory.mktemp("tiny") / "tiny_decoder")


@pytest.fixture
def cached_tiny_decoder(
    model_folder: Path, tiny_decoder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The same in the Hugging Face cache, as what is published for the family of ``model_folder``."""
    width = json.loads((model_folder / "unet" / "config.json").read_text("utf-8"))["cross_attention_dim"]
    monkeypatch.setitem(hub_cache.TINY_DECODERS, width, "madebyollin/taesd")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
    repository = hub_cache.hub_cache() / "models--madebyollin--taesd"
    shutil.copytree(tiny_decoder, repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc", "utf-8")
    return repository / "snapshots" / "abc"


@pytest.fixture(scope="session")
def lpips_alex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickest of the three LPIPS, with a random trunk."""
    return make_lpips_weights(tmp_path_factory.mktemp("lpips") / "alex.pt", "alex")


@pytest.fixture(scope="session")
def lpips_weights(tmp_path_factory: pytest.TempPathFactory, lpips_alex: Path) -> Callable[[str], Path]:
    """Weights for a loss by its name on the command line, made once each."""
    made = {"lpips-alex": lpips_alex}

    def get(loss: str) -> Path:
        if loss not in made:
            folder = tmp_path_factory.mktemp("loss")
            if loss == "style":
                made[loss] = make_vgg19_weights(folder / "vgg19.safetensors")
            else:
                made[loss] = make_lpips_weights(folder / "lpips.safetensors", loss.removeprefix("lpips-"))
        return made[loss]

    return get
