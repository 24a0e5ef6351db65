"""The built-in distance: LPIPS's formula on its own network."""

import json

import pytest
import torch
from safetensors.torch import save_file

from syncdiffusion.core.errors import ModelError
from syncdiffusion.core.perceptual import weights
from syncdiffusion.core.perceptual.builtin import BuiltinDistance, read_builtin_distance
from syncdiffusion.core.perceptual.weights import check_weights, load_distance, smallest_image


@pytest.fixture
def distance():
    torch.manual_seed(0)
    return BuiltinDistance([4, 6, 8, 8]).double()


def test_the_formula(distance):
    a, b = torch.rand(2, 3, 32, 32, dtype=torch.float64), torch.rand(1, 3, 32, 32, dtype=torch.float64)
    expected = torch.zeros(2, dtype=torch.float64)
    seen = [2 * a - 1, 2 * b - 1]
    for level in distance.levels:
        seen = [level(x) for x in seen]
        units = [x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10) for x in seen]
        expected += (units[0] - units[1]).pow(2).sum(1).mean((1, 2))
    found = distance.distance(distance.features(a), distance.features(b))
    torch.testing.assert_close(found, expected)
    assert found.shape == (2,)


def test_nothing_differs_from_itself(distance):
    images = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    features = distance.features(images)
    assert distance.distance(features, features).tolist() == [0.0, 0.0]


def test_the_gradient_by_finite_differences(distance):
    anchor = distance.features(torch.rand(1, 3, 16, 16, dtype=torch.float64))
    images = torch.rand(1, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x: distance.distance(distance.features(x), anchor), images, atol=1e-5, fast_mode=True
    )


def test_black_has_a_gradient(distance):
    """A feature vector of zeros has no direction, and must not give NaN."""
    for level in distance.levels:
        level[0].bias.fill_(-10.0)
    images = torch.zeros(1, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    anchor = distance.features(torch.ones(1, 3, 16, 16, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(distance.distance(distance.features(images), anchor).sum(), images)
    assert torch.isfinite(gradient).all()


def test_the_smallest_image_leaves_something(distance):
    size = smallest_image("builtin")
    assert distance.features(torch.rand(1, 3, size, size, dtype=torch.float64))[-1].shape[-2:] == (1, 1)


def test_read_from_a_folder(tmp_path):
    network = BuiltinDistance([4, 8])
    save_file({name: value.half() for name, value in network.state_dict().items()}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"channels": [4, 8]}))
    read = read_builtin_distance(tmp_path)
    assert read.levels[0][0].weight.dtype == torch.float32
    torch.testing.assert_close(read.levels[1][2].weight, network.levels[1][2].weight, atol=1e-3, rtol=1e-3)
    assert not any(parameter.requires_grad for parameter in read.parameters())


@pytest.mark.parametrize("harm", ["no folder", "no weights", "other channels"])
def test_a_damaged_installation(tmp_path, monkeypatch, harm):
    if harm != "no folder":
        (tmp_path / "config.json").write_text(json.dumps({"channels": [4, 9]}))
    if harm == "other channels":
        save_file(BuiltinDistance([4, 8]).state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(weights, "PERCEPTUAL_FOLDER", tmp_path)
    with pytest.raises(ModelError, match="the built-in distance cannot be loaded .*; install this program again"):
        load_distance("builtin", None, print)


def test_it_takes_no_file():
    assert check_weights("builtin", None, offline=True) == []
    (problem,) = check_weights("builtin", "vgg.pt", offline=False)
    assert str(problem) == "loss-weights: is not for --loss builtin, which has its own"
