"""A request that is quick to carry out."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def settings(model_folder: Path, lpips_alex: Path) -> dict[str, Any]:
    """Three windows, three steps, exact gradients, on the CPU."""
    return {
        "prompt": "a lake at dawn",
        "model": str(model_folder),
        "preset": "paper",
        "width": 128,
        "stride": 32,
        "steps": 3,
        "loss": "lpips-alex",
        "loss_weights": str(lpips_alex),
        "device": "cpu",
    }
