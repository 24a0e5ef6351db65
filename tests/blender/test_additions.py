"""LoRAs, words and another VAE through the real engine inside Blender, beside the numpy that this Blender has."""

import json
import shutil

import torch
from safetensors.torch import save_file
from support.loras import make_lora

from syncdiffusion.core.models.folder import FolderModel


def test_what_is_added_to_a_model_gets_into_the_picture(in_blender_with_engine, model_folder, tmp_path):
    parts = FolderModel(model_folder, "m").load(torch.float32)
    make_lora(tmp_path / "style.safetensors", {"unet": parts.unet, "text_encoder": parts.text_encoder})
    width = json.loads((model_folder / "text_encoder" / "config.json").read_text())["hidden_size"]
    save_file({"emb_params": torch.ones(2, width)}, tmp_path / "castle.safetensors")
    shutil.copytree(model_folder / "vae", tmp_path / "vae")
    in_blender_with_engine("""
        import json, sys
        session = part("blender.session").session
        chosen = settings(prompt="a castle", target="IMAGE")

        def made():
            ops.generate()
            assert session.failure is None, session.failure
            image = bpy.data.images[session.finished.image]
            return json.loads(image["syncdiffusion"]), session.finished.path.read_bytes()

        _, plain = made()
        chosen.loras.add().path = str(HERE / "style.safetensors")
        chosen.embeddings.add().path = str(HERE / "castle.safetensors")
        chosen.vae = str(HERE / "vae")
        request, adapted = made()
        assert adapted != plain
        assert (request["lora"], request["embedding"], request["vae"]) == (
            ["style.safetensors"], ["castle.safetensors"], "vae")
        assert "peft" in sys.modules
        chosen.loras.clear(), chosen.embeddings.clear()
        ops.recall_settings()
        assert [(entry.path, entry.weight) for entry in chosen.loras] == [(str(HERE / "style.safetensors"), 1.0)]
        assert [entry.path for entry in chosen.embeddings] == [str(HERE / "castle.safetensors")]
    """)
