"""Requests as JSON and what they say of themselves. Checking them is tested through the command line."""

import dataclasses
import json

import pytest

from syncdiffusion.core.errors import InvalidRequestError, ModelError
from syncdiffusion.core.request import validation
from syncdiffusion.core.request.request import PERSONAL
from syncdiffusion.core.request.settings import SETTINGS
from syncdiffusion.core.request.validation import prepare
from syncdiffusion.core.version import VERSION


@pytest.fixture
def settings(model_folder, lpips_alex):
    return {"prompt": "a lake", "model": str(model_folder), "loss": "lpips-alex", "loss_weights": str(lpips_alex)}


def test_fields_are_the_settings(settings):
    plan = prepare(settings)
    assert [field.name for field in dataclasses.fields(plan.request)] == list(SETTINGS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.request.seed = 1


def test_sizes_follow_the_model(settings):
    request = prepare(settings).request
    assert (request.width, request.height, request.window, request.stride) == (384, 64, 64, 48)
    request = prepare({**settings, "window": 72, "preset": "paper"}).request
    assert (request.width, request.height, request.window, request.stride) == (432, 72, 72, 16)
    request = prepare({**settings, "window": 32, "shift_windows": False, "loss_scale": 1}).request
    assert (request.width, request.stride) == (192, 16)
    request = prepare({**settings, "window": 8192}).request
    assert (request.width, request.height) == (32768, 8192)


def test_windows_lie_in_latents(settings):
    plan = prepare({**settings, "width": 96, "height": 128, "stride": 32, "target": "tile"})
    assert (plan.windows.width, plan.windows.height, plan.windows.window, plan.windows.stride) == (12, 16, 8, 4)
    assert (plan.windows.wrap_x, plan.windows.wrap_y) == (True, True)
    assert len(plan.windows) == 3 * 4


@pytest.mark.parametrize(("wrap", "x", "y"), [("none", False, False), ("x", True, False), ("y", False, True)])
def test_wrap(settings, wrap, x, y):
    request = prepare({**settings, "wrap": wrap}).request
    assert (request.wrap_x, request.wrap_y) == (x, y)


def test_anchor(settings, tmp_path):
    request = prepare(settings).request
    assert (request.anchor_index, request.anchor_image) == (None, None)
    request = prepare({**settings, "anchor": "3"}).request
    assert (request.anchor_index, request.anchor_image) == (3, None)
    request = dataclasses.replace(request, anchor="²")
    assert (request.anchor_index, request.anchor_image) == (None, "²")


def test_to_json_names_files_and_tells_no_path(settings, tmp_path):
    request = prepare({**settings, "prompt": "日本"}).request
    told = request.to_json({"model": {"name": "m", "sha256": "1"}, "loss_weights": {"name": "a.pt", "sha256": "2"}})
    assert list(told) == ["version", *(name for name in SETTINGS if name not in PERSONAL), "files"]
    assert (told["version"], told["prompt"], told["model"], told["loss_weights"]) == (VERSION, "日本", "m", "a.pt")
    assert json.loads(json.dumps(told)) == told
    idle = dataclasses.replace(request, method="multidiffusion", anchor=str(tmp_path / "a.png"))
    assert idle.file_settings() == {}
    told = idle.to_json({})
    assert (told["loss_weights"], told["anchor"]) == (None, "center")
    assert dataclasses.replace(idle, anchor="5").to_json({})["anchor"] == "5"


def test_files_in_use(settings):
    request = dataclasses.replace(prepare(settings).request, anchor="a.png", initial_latents="z.npz")
    files = {"loss_weights": settings["loss_weights"], "anchor": "a.png", "initial_latents": "z.npz"}
    assert request.file_settings() == files
    assert dataclasses.replace(request, sync_first=0).file_settings() == {"initial_latents": "z.npz"}


def test_a_hub_that_cannot_be_reached_is_told_last(settings, monkeypatch):
    def unreachable(*_, **__):
        raise ModelError("the hub cannot be reached")

    monkeypatch.setattr(validation, "find_model", unreachable)
    with pytest.raises(ModelError, match="the hub cannot be reached"):
        prepare(settings)
    with pytest.raises(InvalidRequestError) as caught:
        prepare({**settings, "seed": -1, "loss": "lpips-vgg"})
    assert [problem.field for problem in caught.value.problems] == ["seed", "loss_weights"]
