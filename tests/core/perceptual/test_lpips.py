import pytest
import torch
from support.models import empty_lpips
from support.reference import make_lpips

from syncdiffusion.core.perceptual.lpips import LPIPS, TRUNKS
from syncdiffusion.core.perceptual.weights import BACKBONES, load_distance


@pytest.fixture(params=TRUNKS)
def pair(request, lpips_weights):
    """Ours and the package's, with the same weights."""
    file = lpips_weights(f"lpips-{request.param}")
    return load_distance(f"lpips-{request.param}", str(file), print), make_lpips(request.param, file)


def images(count, size=64, seed=0):
    return torch.rand((count, 3, size, size), generator=torch.Generator().manual_seed(seed))


def test_equal_to_the_package(pair):
    ours, theirs = pair
    x, anchor = images(3), images(1, seed=1)
    distances = ours.distance(ours.features(x), ours.features(anchor))
    assert distances.shape == (3,)
    expected = torch.stack([theirs(image, anchor).squeeze() for image in x.split(1)])
    torch.testing.assert_close(distances, expected, rtol=1e-4, atol=1e-6)


def test_gradient_equal_to_the_package(pair):
    ours, theirs = pair
    anchor = images(1, seed=1)
    mine, other = images(2).requires_grad_(), images(2).requires_grad_()
    (g,) = torch.autograd.grad(ours.distance(ours.features(mine), ours.features(anchor)).sum(), mine)
    (e,) = torch.autograd.grad(sum(theirs(image, anchor).squeeze() for image in other.split(1)), other)
    torch.testing.assert_close(g, e, rtol=1e-3, atol=1e-7)


def test_zero_to_itself(pair):
    ours, _ = pair
    features = ours.features(images(1))
    assert ours.distance(features, features).item() == 0


@pytest.mark.parametrize("trunk", TRUNKS)
def test_gradient_is_finite_where_features_vanish(trunk):
    """lpips itself gives NaN there; one such window would poison the panorama."""
    model = LPIPS(trunk)
    for parameter in model.parameters():
        parameter.fill_(0)
    x = images(1).requires_grad_()
    (gradient,) = torch.autograd.grad(model.distance(model.features(x), model.features(images(1, seed=1))).sum(), x)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("trunk", TRUNKS)
def test_smallest_image(trunk):
    model, smallest = LPIPS(trunk), BACKBONES[f"lpips-{trunk}"].smallest_image
    assert torch.isfinite(model.features(images(1, smallest))[-1]).all()
    with pytest.raises(RuntimeError):
        model.features(images(1, smallest - 1))


def test_state_dict_is_the_packages():
    for trunk in TRUNKS:
        theirs = {key for key in empty_lpips(trunk).state_dict() if not key.startswith("lins.")}
        assert set(LPIPS(trunk).state_dict()) == theirs
