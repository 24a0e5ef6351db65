"""What of other programs' folders can be used, and why the rest cannot."""

import os
import shutil

import pytest
import torch
from safetensors.torch import save_file
from support.single_file import make_single_file

from syncdiffusion.core.models.hub_cache import hub_cache
from syncdiffusion.core.models.scan import describe, scan, usual_folders

SMALL = {"channels": (32, 32), "layers": 1, "attends": (True, False), "vae_channels": (32, 32, 32, 32)}


@pytest.fixture
def library(tmp_path, model_folder):
    """A folder as ComfyUI has it, with what people have in it."""
    folder = tmp_path / "ComfyUI" / "models"
    for name in ("checkpoints", "loras/styles", "vae", "embeddings", "diffusers", "custom_nodes"):
        (folder / name).mkdir(parents=True)
    make_single_file(folder / "checkpoints" / "photo_turbo.safetensors", resolution=512, **SMALL)
    save_file({"model.diffusion_model.double_blocks.0.img_attn.proj.weight": torch.zeros(2, 2)},
              folder / "checkpoints" / "flux.safetensors")  # fmt: skip
    (folder / "checkpoints" / "old.ckpt").write_bytes(b"PK\x03\x04")
    (folder / "checkpoints" / "broken.safetensors").write_bytes(b"\x10")
    save_file({"lora_unet_x_attn2_to_k.lora_down.weight": torch.zeros(4, 2048)},
              folder / "loras" / "styles" / "ink.safetensors")  # fmt: skip
    save_file({"emb_params": torch.zeros(2, 768)}, folder / "embeddings" / "word.safetensors")
    shutil.copytree(model_folder, folder / "diffusers" / "small")
    (folder / "custom_nodes" / "x.safetensors").write_bytes(b"")
    os.symlink(folder, folder / "loras" / "round")  # a circle
    return folder


def test_everything_is_listed_once_with_its_kind(library):
    found = {one.path.relative_to(library).as_posix(): one for one in scan([library, library / "loras"])}
    kinds = {name: (one.kind, one.family, one.problem is None) for name, one in found.items()}
    assert kinds == {
        "checkpoints/photo_turbo.safetensors": ("model", "Stable Diffusion", True),
        "checkpoints/flux.safetensors": ("model", "", False),
        "checkpoints/old.ckpt": ("other", "", False),
        "checkpoints/broken.safetensors": ("other", "", False),
        "loras/styles/ink.safetensors": ("lora", "SDXL", True),
        "embeddings/word.safetensors": ("embedding", "", True),
        "diffusers/small": ("model", "Stable Diffusion", True),
    }
    assert found["checkpoints/photo_turbo.safetensors"].few_step == "Turbo"
    assert found["checkpoints/photo_turbo.safetensors"].prediction == "epsilon"
    assert found["checkpoints/flux.safetensors"].problem.startswith("looks like Flux; this version loads")
    assert found["checkpoints/old.ckpt"].problem.startswith("is a pickle")
    assert found["checkpoints/broken.safetensors"].problem.startswith("is not a safetensors file")


def test_parts_in_folders_of_their_own(model_folder, tmp_path):
    shutil.copytree(model_folder / "vae", tmp_path / "good")
    shutil.copytree(model_folder / "vae", tmp_path / "bad")
    (tmp_path / "bad" / "diffusion_pytorch_model.safetensors").unlink()
    good, bad = sorted(scan([tmp_path]), key=lambda one: one.problem is not None)
    assert (good.kind, good.name, good.problem) == ("vae", "good", None)
    assert bad.kind == "vae"


def test_of_the_hub_cache_the_current_revision_by_its_id(model_folder, tmp_path):
    repository = tmp_path / "models--owner--name"
    for revision in ("aaa", "bbb"):
        shutil.copytree(model_folder, repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("bbb")
    (found,) = scan([tmp_path])
    assert (found.name, found.path.name) == ("owner/name", "bbb")


def test_a_model_folder_that_is_incomplete(model_folder, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(model_folder, folder)
    (folder / "unet" / "config.json").unlink()
    found = describe(folder)
    assert found.kind == "model"
    assert "unet/config.json missing" in found.problem


def test_nothing_that_is_not_there_is_an_error(tmp_path):
    assert list(scan([tmp_path / "nowhere"])) == []
    assert describe(tmp_path / "x.safetensors").problem == "cannot be read: No such file or directory"


def test_the_usual_folders(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    monkeypatch.delenv("INVOKEAI_ROOT", raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert usual_folders() == []
    for name in ("ComfyUI/models", "stable-diffusion-webui/models", "stable-diffusion-webui/embeddings", "hub"):
        (tmp_path / name).mkdir(parents=True)
    assert [folder.relative_to(tmp_path).as_posix() for folder in usual_folders()] == [
        "ComfyUI/models", "stable-diffusion-webui/models", "stable-diffusion-webui/embeddings", "hub",
    ]  # fmt: skip
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    assert hub_cache() == tmp_path / "hf" / "hub"
