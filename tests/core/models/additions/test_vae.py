"""Another VAE: from a folder, and from a file with or without the prefix of a whole checkpoint."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.single_file import make_single_file

from syncdiffusion.core.errors import ModelError
from syncdiffusion.core.models.additions.vae import Vae, is_vae
from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.models.single_file import read_header

PREFIX = "first_stage_model."


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_a_file(tmp_path, model_folder, prefix):
    path = tmp_path / "vae.safetensors"
    made = make_single_file(path, channels=(32, 32), layers=1, attends=(True, False), vae_channels=(32, 32, 32, 64))
    tensors = {name.removeprefix(PREFIX): value for name, value in load_file(path).items() if name.startswith(PREFIX)}
    save_file({prefix + name: value for name, value in tensors.items()}, path)
    assert is_vae(read_header(path))
    facts = FolderModel(model_folder, "m").facts
    vae = Vae(path)
    assert vae.problem(facts) is None
    assert vae.applied_to(facts) == facts  # a file says nothing of the scale
    loaded, expected = vae.load(torch.float32).state_dict(), made.vae.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in expected.items())


def test_a_folder_has_a_scale_of_its_own(tmp_path, model_folder):
    folder = Path(shutil.copytree(model_folder / "vae", tmp_path / "vae"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"scaling_factor": 0.5, "shift_factor": 0.1}))
    facts = Vae(folder).applied_to(FolderModel(model_folder, "m").facts)
    assert (facts.scaling_factor, facts.shift_factor) == (0.5, 0.1)
    assert Vae(folder).load(torch.bfloat16).dtype == torch.bfloat16
    assert [path.name for path in Vae(folder).files] == ["config.json", "diffusion_pytorch_model.safetensors"]


def test_what_does_not_fit_is_named(tmp_path, model_folder, model):
    facts = FolderModel(model_folder, "m").facts
    other = Vae(model(vae_levels=3) / "vae").problem(facts)
    assert (other.field, other.corrupted) == ("vae", False)
    assert "has 4 latent channels of 4 pixels; the model has 4 of 8" in other.sentence
    assert "is not a VAE that can be read" in Vae(tmp_path).problem(facts).sentence
    (tmp_path / "x.safetensors").write_bytes(b"")
    assert Vae(tmp_path / "x.safetensors").problem(facts).corrupted


def test_damaged_weights(tmp_path, model_folder):
    folder = Path(shutil.copytree(model_folder / "vae", tmp_path / "vae"))
    weights = folder / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert Vae(folder).problem().corrupted
    with pytest.raises(ModelError, match="vae: 'vae' cannot be loaded"):
        Vae(folder).load(torch.float32)
