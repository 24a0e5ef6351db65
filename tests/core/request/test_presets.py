"""What presets fill in."""

import math

import pytest

from syncdiffusion.core.request.presets import DEFAULT_PRESET, PRESET_SETTINGS, PRESETS
from syncdiffusion.core.request.settings import PRESET_NAMES, SETTINGS
from syncdiffusion.core.request.validation import prepare


@pytest.fixture
def request_of(model_folder, lpips_weights):
    def prepared(loss="lpips-alex", **given):
        weights = str(lpips_weights(loss))
        return prepare(
            {"prompt": "a lake", "model": str(model_folder), "loss": loss, "loss_weights": weights} | given
        ).request

    return prepared


def test_paper(request_of):
    request = request_of(preset="paper")
    assert (request.scheduler, request.steps, request.guidance_scale) == ("ddim", 50, 7.5)
    assert (request.window, request.stride, request.anchor, request.decode) == (64, 16, "center", "whole")
    assert request.sync_weights() == tuple(20 * 0.95**i for i in range(50))
    assert request_of(preset="paper", loss="style").sync_weights() == tuple(0.1 * 0.95**i for i in range(50))


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_every_preset_adds_up_to_the_papers_pull(preset):
    def pull(of):
        return sum(PRESETS[of]["sync_weight"] * PRESETS[of]["sync_decay"] ** i for i in range(PRESETS[of]["steps"]))

    assert math.isclose(pull(preset), pull("paper"), rel_tol=5e-3)
    assert math.isclose(PRESETS[preset]["sync_decay"] ** PRESETS[preset]["steps"], 0.95**50, rel_tol=2e-2)


def test_balanced_is_the_default(request_of):
    assert DEFAULT_PRESET == "balanced"
    assert request_of() == request_of(preset="balanced")


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_what_is_given_stays(request_of, preset):
    filled = request_of(preset=preset)
    for name, value in {"scheduler": "unipc", "steps": 7, "stride": 8, "sync_weight": 3.0, "decode": "tiles"}.items():
        request = request_of(**{"preset": preset, name: value})
        changed = [field for field in SETTINGS if getattr(request, field) != getattr(filled, field)]
        assert changed == [name]
        assert getattr(request, name) == value


def test_presets_differ_in_their_settings_only():
    for name in SETTINGS:
        values = {str(PRESETS[preset].get(name)) for preset in PRESET_NAMES}
        assert len(values) == 1 or name in PRESET_SETTINGS
    assert {preset: PRESETS[preset]["strides_per_window"] for preset in PRESETS} == {
        "draft": 2,
        "balanced": 4,
        "paper": 4,
    }


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_presets_say_what_settings_can_read(preset):
    for name, value in PRESETS[preset].items():
        if name != "strides_per_window" and value is not None:
            assert SETTINGS[name].read(value) == value
