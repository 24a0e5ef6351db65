import pytest
import torch
import torch.nn.functional as F
from support.reference import make_style

from syncdiffusion.core.perceptual.style import SCALE, StyleLoss, gram_matrix
from syncdiffusion.core.perceptual.weights import load_distance


def images(count, seed=0):
    return torch.rand((count, 3, 32, 32), generator=torch.Generator().manual_seed(seed))


def test_gram_matrix_by_hand():
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # two channels of two pixels
    expected = torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 4
    torch.testing.assert_close(gram_matrix(x), expected)


def test_equal_to_the_plain_reference(lpips_weights):
    file = lpips_weights("style")
    ours, reference = load_distance("style", str(file), print), make_style(file)
    anchor = images(1, seed=1)
    for x in images(3).split(1):
        distance = ours.distance(ours.features(x), ours.features(anchor))
        torch.testing.assert_close(distance.squeeze(), reference(x, anchor).squeeze(), rtol=1e-4, atol=1e-6)


def test_first_layer_by_hand():
    model = StyleLoss()
    x = images(1)
    normal = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    before_relu = F.conv2d(normal, model.trunk[0].weight, model.trunk[0].bias, padding=1)
    torch.testing.assert_close(model.features(x)[0], gram_matrix(before_relu))
    assert [g.shape[-1] for g in model.features(x)] == [64, 64, 128, 128, 256]


def test_mean_squared_error_summed_and_scaled():
    model = StyleLoss()
    one, other = [torch.zeros(2, 4, 4), torch.zeros(2, 8, 8)], [torch.ones(1, 4, 4), torch.full((1, 8, 8), 2.0)]
    assert model.distance(one, other).tolist() == pytest.approx([SCALE * (1 + 4)] * 2)
