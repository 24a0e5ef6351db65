"""From what the user calls a model to the model."""

import shutil

import pytest
from support.single_file import make_single_file

from syncdiffusion.core.errors import InvalidRequestError
from syncdiffusion.core.models.catalog import find_model
from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.models.single_file import CheckpointModel


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder(here, model_folder):
    shutil.copytree(model_folder, here / "owner" / "name")
    for name in ("owner/name", "owner/name/", str(here / "owner" / "name")):  # a folder, though it looks like a hub id
        model = find_model(name, offline=True)
        assert isinstance(model, FolderModel)
        assert model.name == name


def test_a_checkpoint(here):
    make_single_file(here / "a.safetensors", resolution=64, channels=(32, 64), layers=1, attends=(True, False))
    model = find_model("a.safetensors")
    assert isinstance(model, CheckpointModel)
    assert (model.name, model.facts.native_window, model.facts.latent_factor) == ("a.safetensors", 64, 8)
    assert [path.name for path in model.files] == ["a.safetensors"]


@pytest.mark.parametrize("name", ["a.ckpt", "a.CKPT", "a.pt", "a.pth", "a.bin", "a.pkl"])
def test_pickled_checkpoints_are_refused_whatever_is_allowed(here, name):
    (here / name).write_bytes(b"PK")
    with pytest.raises(InvalidRequestError, match=f"'{name}' is a pickle, which can hide a program; take the"):
        find_model(name, allow_pickle=True)


@pytest.mark.parametrize(
    "name", ["nowhere", "./nowhere", "/no/where", "a/b/c", "owner/", "/name", ".a/b", "a b/c", "a" * 5000, "a\0b"]
)
def test_names_that_lead_nowhere(here, name):
    with pytest.raises(InvalidRequestError) as caught:
        find_model(name)
    (problem,) = caught.value.problems
    assert (problem.field, problem.corrupted) == ("model", False)
    assert problem.sentence == f"there is no folder or file {name!r}, nor is it a hub id (owner/name)"
