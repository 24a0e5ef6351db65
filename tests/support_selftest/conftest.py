"""Models and weights that the checks of the test support share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.models import make_lpips_weights, make_model, make_vgg19_weights


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give the folder of a small model with these settings, made once."""
    made: dict[tuple, Path] = {}

    def get(**settings: object) -> Path:
        key = tuple(sorted(settings.items()))
        if key not in made:
            made[key] = make_model(tmp_path_factory.mktemp("model"), **settings)
        return made[key]

    return get


@pytest.fixture(scope="session")
def alex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lpips_weights(tmp_path_factory.mktemp("lpips") / "alex.pt", "alex")


@pytest.fixture(scope="session")
def vgg19(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_vgg19_weights(tmp_path_factory.mktemp("style") / "vgg19.safetensors")
