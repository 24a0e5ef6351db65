"""Where the weights of a distance come from."""

import os
import subprocess
import sys
from pathlib import Path

import lpips
import pytest
import torch
from safetensors.torch import save_file

from syncdiffusion.core.errors import DownloadError, InvalidRequestError, ModelError
from syncdiffusion.core.perceptual import weights
from syncdiffusion.core.perceptual.backbones import alexnet_features
from syncdiffusion.core.perceptual.weights import BACKBONES, cached_backbone, check_weights, load_distance
from syncdiffusion.core.request.settings import LOSSES


def sentences(loss, file, offline=False):
    problems = check_weights(loss, None if file is None else str(file), offline)
    assert all(problem.field == "loss_weights" for problem in problems)
    return [problem.sentence for problem in problems]


def no_word(text):
    raise AssertionError(text)


@pytest.fixture
def alexnet(tmp_path):
    """A random AlexNet as torchvision publishes it."""
    torch.manual_seed(0)
    features = torch.nn.Sequential(*alexnet_features())
    state = {f"features.{name}": value for name, value in features.state_dict().items()}
    torch.save({**state, "classifier.6.bias": torch.zeros(1000)}, tmp_path / "alexnet.pth")
    return tmp_path / "alexnet.pth"


def test_every_loss_has_a_backbone():
    assert {*BACKBONES, "builtin"} == set(LOSSES)


def test_the_cache_is_torchs(tmp_path, monkeypatch):
    for variables in ({"TORCH_HOME": "a"}, {"XDG_CACHE_HOME": "b"}, {"TORCH_HOME": "a", "XDG_CACHE_HOME": "b"}, {}):
        for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, str(tmp_path / value))
        assert cached_backbone("style") == Path(torch.hub.get_dir()) / "checkpoints" / BACKBONES["style"].file


@pytest.mark.parametrize("loss", ["lpips-alex", "lpips-squeeze", "style"])
def test_a_file_of_the_users(lpips_weights, loss):
    file = lpips_weights(loss)
    assert sentences(loss, file, offline=True) == []
    distance = load_distance(loss, str(file), no_word)
    weights = next(iter(distance.state_dict().values()))
    assert (weights.device.type, weights.dtype) == ("cpu", torch.float32)
    assert not any(parameter.requires_grad for parameter in distance.parameters())


def test_pickle_safetensors_and_half_precision_alike(lpips_alex, tmp_path):
    wanted = load_distance("lpips-alex", str(lpips_alex), no_word).state_dict()
    state = torch.load(lpips_alex, weights_only=True)
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file({name: value.clone() for name, value in state.items()}, tmp_path / "A.SAFETENSORS")
    for name in ("old.pth", "A.SAFETENSORS"):
        assert sentences("lpips-alex", tmp_path / name) == []
        loaded = load_distance("lpips-alex", str(tmp_path / name), no_word).state_dict()
        assert all(torch.equal(loaded[key], value) for key, value in wanted.items())
    save_file({name: value.half().clone() for name, value in state.items()}, tmp_path / "half.safetensors")
    loaded = load_distance("lpips-alex", str(tmp_path / "half.safetensors"), no_word).state_dict()
    assert {value.dtype for value in loaded.values()} == {torch.float32}


def test_a_backbone_alone_takes_the_heads_of_the_package(alexnet):
    assert sentences("lpips-alex", alexnet) == []
    loaded = load_distance("lpips-alex", str(alexnet), no_word).state_dict()
    backbone = torch.load(alexnet, weights_only=True)
    assert torch.equal(loaded["net.slice2.3.weight"], backbone["features.3.weight"])
    heads = torch.load(Path(lpips.__file__).parent / "weights" / "v0.1" / "alex.pth", "cpu", weights_only=True)
    assert torch.equal(loaded["lin0.model.1.weight"], heads["lin0.model.1.weight"])


def test_weights_that_do_not_fit(lpips_alex, alexnet, tmp_path):
    for loss, name in (("lpips-vgg", "net.slice1.0.weight"), ("style", "features.0.weight")):
        found = sentences(loss, lpips_alex)
        assert found == [f"'alex.pt' is not for {loss}: {name} is missing or of another shape"]
    assert sentences("lpips-vgg", alexnet) == [
        "'alexnet.pth' is not for lpips-vgg: net.slice1.0.weight is missing or of another shape"
    ]
    state = torch.load(lpips_alex, weights_only=True)
    del state["lin3.model.1.weight"]
    torch.save(state, tmp_path / "headless.pt")
    with pytest.raises(InvalidRequestError, match="lin3.model.1.weight is missing or of another shape"):
        load_distance("lpips-alex", str(tmp_path / "headless.pt"), no_word)


class Harm:
    """What a pickle may hide."""

    def __reduce__(self):
        return (os.mkdir, ("harmed",))


def test_no_code_of_a_pickle_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"net.slice1.0.weight": Harm()}, "harm.pt")
    assert sentences("lpips-alex", "harm.pt") == [
        "'harm.pt' is not a state dict (.pt or .safetensors): UnpicklingError"
    ]
    assert not Path("harmed").exists()


def test_damaged_files(lpips_alex, lpips_weights, tmp_path):
    for source in (lpips_alex, lpips_weights("lpips-squeeze")):
        cut = tmp_path / f"cut{source.suffix}"
        cut.write_bytes(source.read_bytes()[:-1000])
        (sentence,) = sentences("lpips-alex", cut)
        assert sentence.startswith(f"{cut.name!r} is not a state dict (.pt or .safetensors): ")
    assert sentences("lpips-alex", tmp_path / "gone.pt") == [f"there is no file {str(tmp_path / 'gone.pt')!r}"]


def test_what_torch_has_cached_is_used(alexnet):
    assert len(sentences("lpips-alex", None, offline=True)) == 1
    path = cached_backbone("lpips-alex")
    path.parent.mkdir(parents=True)
    alexnet.rename(path)
    assert sentences("lpips-alex", None, offline=True) == []
    loaded = load_distance("lpips-alex", None, no_word).state_dict()
    backbone = torch.load(path, weights_only=True)
    assert torch.equal(loaded["net.slice1.0.weight"], backbone["features.0.weight"])


def test_a_download_is_announced_and_checked(alexnet, monkeypatch):
    asked, said = [], []

    def download(files, activity):
        (file,) = (file for file in files if not file.path.is_file())
        asked.append((file.url, file.sha256))
        file.path.parent.mkdir(parents=True)
        os.rename(alexnet, file.path)

    monkeypatch.setattr(weights, "fetch_all", download)
    assert sentences("lpips-alex", None) == []  # nothing is downloaded for a check
    assert asked == []
    load_distance("lpips-alex", None, said.append)
    load_distance("lpips-alex", None, no_word)
    assert said == ["Downloading alexnet-owt-7be5be79.pth (233 MB)"]
    assert asked == [("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", "7be5be79")]


@pytest.mark.parametrize("error", [DownloadError("no route; check the connection"), OSError(28, "full")])
def test_a_download_that_fails(monkeypatch, error):
    def download(*_, **__):
        raise error

    monkeypatch.setattr(weights, "fetch_all", download)
    with pytest.raises(ModelError) as caught:
        load_distance("lpips-squeeze", None, lambda _: None)
    sentence = str(caught.value)
    assert sentence.startswith(f"squeezenet1_1-b8a52dc0.pth could not be downloaded ({error}), or fetch ")
    assert sentence.endswith("squeezenet1_1-b8a52dc0.pth yourself and give it by --loss-weights")


def test_loading_brings_in_neither_scipy_nor_lpips_nor_torchvision(lpips_alex):
    """Blender's Python cannot hold the first, which the second imports."""
    script = (
        "import sys; from syncdiffusion.core.perceptual.weights import load_distance;"
        f"load_distance('lpips-alex', {str(lpips_alex)!r}, print);"
        "print(sorted({'scipy', 'lpips', 'torchvision'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"
