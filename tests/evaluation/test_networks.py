"""The networks that look, on small or random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.models import make_lpips_weights, make_vgg19_weights
from support.reference import make_loss

from syncdiffusion.core.errors import InvalidRequestError, ModelError
from syncdiffusion.evaluation.experiment import Prompt
from syncdiffusion.evaluation.networks import (
    BuiltinNetworks,
    ClipScore,
    Judge,
    Metric,
    PaperNetworks,
    check_networks,
    load_inception,
    networks_identity,
)

CPU = torch.device("cpu")


def picture(seed, size=64):
    return torch.rand((1, 3, size, size), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """A judge with random weights, as the training writes one, and the classifier that it is."""
    folder = tmp_path_factory.mktemp("judge")
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).resolve().parents[2]))  # the training is not installed
        from training.features import Classifier
        from training.judge import write

        classifier = Classifier([8, 16]).eval()
        write(classifier, [8, 16], folder)
    return folder, classifier


def test_the_judge_sees_what_the_classifier_sees(judge):
    folder, classifier = judge
    images = torch.cat([picture(0), picture(1)])
    torch.testing.assert_close(
        Judge(folder).features(images), classifier.features(2 * images - 1), atol=1e-5, rtol=1e-4
    )
    chances = Judge(folder).chances(images)
    expected = classifier(2 * images[:1] - 1)["mood"].softmax(1)[0, 4]
    assert chances["mood"]["night"] == pytest.approx(float(expected), rel=1e-4)
    assert sum(chances["scene"].values()) == pytest.approx(1)


def test_a_folder_without_a_judge(tmp_path):
    with pytest.raises(InvalidRequestError, match="networks.judge: .* holds no judge .*training.judge"):
        Judge(tmp_path)


def test_the_builtin_networks(judge):
    folder, _ = judge
    networks = BuiltinNetworks({"judge": str(folder)}, CPU, print)
    a, b = picture(0), picture(1)
    (looks, grams), (others, other_grams) = networks.coherence(a), networks.coherence(b)
    assert networks.distance(looks, looks) == pytest.approx(0, abs=1e-6)
    assert networks.distance(looks, others) > 0
    expected = sum(float((x - y).square().mean()) for x, y in zip(grams, other_grams, strict=True))
    assert networks.style(grams, other_grams) == pytest.approx(expected)
    assert networks.embed(torch.cat([a, b])).shape == (2, 16)
    chances = Judge(folder).chances(a)
    labels = {"mood": "night", "style": "photo"}
    seen = networks.agreement(a, Prompt("a city at night", labels))
    assert seen == pytest.approx(50 * (chances["mood"]["night"] + chances["style"]["photo"]), rel=1e-4)
    assert "not the paper's numbers" in networks.title
    assert all("judge" in m.title for m in networks.metrics if m.name in ("giqa", "fid", "kid", "agreement"))
    alone = BuiltinNetworks({}, CPU, print)
    assert np.isnan(alone.agreement(a, Prompt("a lake", labels)))
    assert alone.embed(a).shape[1] > 16
    assert "judge" not in alone.title


def test_the_papers_networks(tmp_path):
    files = {
        "lpips": str(make_lpips_weights(tmp_path / "vgg.pt", "vgg")),
        "vgg19": str(make_vgg19_weights(tmp_path / "vgg19.safetensors")),
    }
    networks = PaperNetworks.__new__(PaperNetworks)  # without Inception and CLIP, which have tests of their own
    networks.look_with(files, CPU, print)
    a, b = picture(0), picture(1)
    (looks, grams), (others, other_grams) = networks.coherence(a), networks.coherence(b)
    lpips = make_loss("vgg", files["lpips"], torch.float32)(a, b)
    assert networks.distance(looks, others) == pytest.approx(float(lpips), rel=1e-4)
    style = make_loss("style", files["vgg19"], torch.float32)(a, b)
    assert networks.style(grams, other_grams) == pytest.approx(float(style) / 1e6, rel=1e-4)


def test_clip_score_is_the_cosine_of_the_embeddings(tmp_path):
    from support.clip import make_clip
    from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel

    folder = make_clip(tmp_path / "clip")
    images = picture(3)
    score = ClipScore(str(folder), CPU)(images, "a lake at dawn")
    pixels = (images[0].permute(1, 2, 0) * 255).round().byte().numpy()
    inputs = {
        **AutoTokenizer.from_pretrained(folder)("a lake at dawn", return_tensors="pt"),
        "pixel_values": CLIPImageProcessor.from_pretrained(folder)(images=pixels, return_tensors="pt")["pixel_values"],
    }
    model = CLIPModel.from_pretrained(folder).eval()
    with torch.no_grad():
        cosine = model(**inputs).logits_per_image / model.logit_scale.exp()
    assert score == pytest.approx(100 * max(float(cosine), 0.0), rel=1e-4)


def test_files_that_are_not_what_they_should_be(tmp_path):
    pytest.importorskip("torch_fidelity")
    (tmp_path / "model.pth").write_bytes(b"nothing")
    with pytest.raises(
        ModelError, match=r"networks.inception: .*model.pth.* is not the state dict .*; name weights-inception"
    ):
        load_inception(str(tmp_path / "model.pth"), print)
    with pytest.raises(ModelError, match="networks.clip: .* name a folder"):
        ClipScore(str(tmp_path), CPU)


def test_what_is_missing_is_named():
    def fields(spec, offline=True):
        return [problem.field for problem in check_networks(spec, offline)]

    assert fields({}) == ["networks.kind"]
    assert fields({"kind": "builtin"}) == []
    assert fields({"kind": "builtin", "judge": "gone", "clip": "x"}) == ["networks.clip", "networks.judge"]
    wanted = ["networks.lpips", "networks.vgg19", "networks.inception", "networks.clip"]
    assert fields({"kind": "paper"}) == wanted
    assert fields({"kind": "paper"}, offline=False) == []


def test_other_weights_have_another_identity(judge, tmp_path):
    folder, _ = judge
    assert networks_identity({"kind": "builtin"}) == networks_identity({"kind": "builtin"})
    assert networks_identity({"kind": "builtin"}) != networks_identity({"kind": "builtin", "judge": str(folder)})


def test_headings_say_direction_and_unit():
    assert Metric("style", "Intra-Style-L", scale=1e3).heading == "Intra-Style-L ↓ (x1e-3)"
    assert Metric("agreement", "Mean-CLIP-S", up=True).heading == "Mean-CLIP-S ↑"
