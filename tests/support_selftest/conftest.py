"""Weights that the checks of the test support use."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def alex(lpips_alex: Path) -> Path:
    return lpips_alex


@pytest.fixture(scope="session")
def vgg19(lpips_weights: Callable[[str], Path]) -> Path:
    return lpips_weights("style")
