"""What presets fill in."""

import dataclasses
import math
from fractions import Fraction

import pytest

from syncdiffusion.core.request.presets import DEFAULT_PRESET, PRESET_SETTINGS, PRESETS, WEIGHT_RATIOS
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
        steps = PRESETS[of]["sync_first"] or PRESETS[of]["steps"]
        return sum(PRESETS[of]["sync_weight"] * PRESETS[of]["sync_decay"] ** i for i in range(steps))

    assert math.isclose(pull(preset), pull("paper"), rel_tol=5e-3)


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
    assert {preset: PRESETS[preset]["stride_share"] for preset in PRESETS} == {
        "draft": 1,
        "balanced": Fraction(3, 4),
        "paper": Fraction(1, 4),
    }


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_presets_say_what_settings_can_read(preset):
    for name, value in PRESETS[preset].items():
        if name != "stride_share" and value is not None:
            assert SETTINGS[name].read(value) == value


def test_a_schedule_of_ones_own_is_for_the_whole_run(request_of):
    assert request_of().sync_first == 8
    assert request_of(sync_every=2).sync_first is None
    assert request_of(sync_count=5).sync_first is None
    assert request_of(sync_count=5, sync_first=3).sync_first == 3


def test_the_builtin_model_brings_its_own_loss():
    request = prepare({"prompt": "a lake"}).request
    assert (request.model, request.loss, request.window) == ("builtin", "builtin", 256)
    paper = prepare({"prompt": "a lake", "preset": "paper"}).request
    assert paper.loss == "builtin"
    assert paper.sync_weight == pytest.approx(20 * WEIGHT_RATIOS["builtin"])


def test_weights_of_lpips_mean_lpips(lpips_weights):
    request = prepare({"prompt": "a lake", "preset": "paper", "loss_weights": str(lpips_weights("lpips-vgg"))}).request
    assert (request.model, request.loss, request.sync_weight) == ("builtin", "lpips-vgg", 20.0)


def test_other_models_take_the_papers_loss(model_folder, lpips_weights):
    given = {"prompt": "a lake", "model": str(model_folder), "loss_weights": str(lpips_weights("lpips-vgg"))}
    assert prepare(given).request.loss == "lpips-vgg"
    assert prepare({**given, "loss": "builtin", "loss_weights": None}).request.loss == "builtin"


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_a_weight_can_be_so_many_times_the_presets(request_of, preset):
    for others in ({}, {"loss": "style"}, {"sync_first": 2}):
        filled = request_of(preset=preset, **others)
        twice = request_of(preset=preset, sync_weight="2x", **others)
        assert twice.sync_weight == pytest.approx(2 * filled.sync_weight)
        assert dataclasses.replace(twice, sync_weight=filled.sync_weight) == filled
    assert not request_of(preset=preset, sync_weight="0x").synchronizes
