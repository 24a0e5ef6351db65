import os

import torch

from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.models.model import model_key


def key(folder, device="cpu", dtype=torch.float32):
    return model_key(FolderModel(folder, str(folder)), torch.device(device), dtype)


def test_key_tells_device_precision_and_files(model, tmp_path):
    import shutil

    folder = shutil.copytree(model(), tmp_path / "copy")
    first = key(folder)
    assert key(folder) == first
    assert key(folder, device="cuda:0") != first
    assert key(folder, dtype=torch.float16) != first
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    os.utime(weights, ns=(0, weights.stat().st_mtime_ns + 1))
    assert key(folder) != first


def test_components_ask_for_no_gradient(model_folder):
    parts = FolderModel(model_folder, "small").load(torch.float32).to(torch.device("cpu"))
    for network in (parts.unet, parts.vae, parts.text_encoder):
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())
