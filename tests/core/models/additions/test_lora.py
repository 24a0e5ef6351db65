"""LoRAs: what they add to which weights, and what is refused before and after loading."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.loras import make_lora

from syncdiffusion.core.errors import ModelError
from syncdiffusion.core.models.additions.lora import Lora, lora_problem, put_in, read_lora
from syncdiffusion.core.models.folder import FolderModel


@pytest.fixture(params=["sd", "sdxl"])
def folder(request, model):
    return FolderModel(model(family=request.param), "m")


def networks_of(parts):
    there = {"unet": parts.unet, "text_encoder": parts.text_encoder, "text_encoder_2": parts.text_encoder_2}
    return {name: network for name, network in there.items() if network is not None}


def weights_of(parts):
    networks = networks_of(parts).items()
    return {
        (part, name): value.detach().clone() for part, module in networks for name, value in module.named_parameters()
    }


@pytest.mark.parametrize("form", ["kohya", "peft"])
def test_weights_are_added_and_nothing_else_changes(folder, tmp_path, form):
    parts = folder.load(torch.float32)
    before = weights_of(parts)
    added = make_lora(tmp_path / "a.safetensors", networks_of(parts), form)
    assert lora_problem(tmp_path / "a.safetensors", folder.facts) is None
    assert {part for part, _ in added} == set(networks_of(parts))
    put_in(parts, (Lora(tmp_path / "a.safetensors", 0.7),))
    after = weights_of(parts)
    assert after.keys() == before.keys()  # no layers beside the layers
    for key, weight in before.items():
        torch.testing.assert_close(after[key], weight + 0.7 * added[key] if key in added else weight)
    assert parts.notes == []


def test_several_with_weights_of_their_own(model_folder, tmp_path):
    parts = FolderModel(model_folder, "m").load(torch.float32)
    before = weights_of(parts)
    first = make_lora(tmp_path / "a.safetensors", networks_of(parts))
    second = make_lora(tmp_path / "b.safetensors", {"unet": parts.unet}, "peft", seed=1)
    put_in(parts, (Lora(tmp_path / "a.safetensors", 0.5), Lora(tmp_path / "b.safetensors", -1.0)))
    after = weights_of(parts)
    for key in first:
        expected = before[key] + 0.5 * first[key] - second.get(key, 0)
        torch.testing.assert_close(after[key], expected)


def test_layers_without_a_place_are_told(model_folder, tmp_path):
    parts = FolderModel(model_folder, "m").load(torch.float32)
    make_lora(tmp_path / "a.safetensors", {"unet": parts.unet}, "peft")
    state = load_file(tmp_path / "a.safetensors")
    stray = {f"unet.nowhere.to_k.lora_{letter}.weight": torch.ones(4, 4) for letter in "AB"}
    save_file(state | stray, tmp_path / "b.safetensors")
    layers = len(state) // 2
    put_in(parts, (Lora(tmp_path / "b.safetensors"),))
    assert parts.notes == [f"lora: the model has places for {layers} of the {layers + 1} layers of 'b.safetensors'"]
    save_file(stray, tmp_path / "c.safetensors")
    with pytest.raises(
        ModelError, match=r"lora: 'c.safetensors' (has no layers that fit|cannot be put into) the model"
    ):
        put_in(parts, (Lora(tmp_path / "c.safetensors"),))


@pytest.mark.parametrize(
    ("text", "file", "weight"),
    [
        ("style.safetensors", "style.safetensors", 1.0),
        ("style.safetensors:0.8", "style.safetensors", 0.8),
        ("style.safetensors:-1", "style.safetensors", -1.0),
        ("C:\\loras\\style.safetensors", "C:\\loras\\style.safetensors", 1.0),
        ("C:\\loras\\style.safetensors:.5", "C:\\loras\\style.safetensors", 0.5),
        ("odd:name", "odd:name", 1.0),
        ("odd:nan", "odd:nan", 1.0),
    ],
)
def test_file_and_weight(text, file, weight):
    lora = read_lora(text)
    assert (str(lora.path), lora.weight) == (str(Path(file)), weight)
    assert read_lora(lora.named(file)) == lora


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"a.hada_w1_a": (2, 2)}, "is a LoHa; LoRAs of"),
        ({"lora_unet_x.lokr_w1": (2, 2)}, "is a LoKr"),
        ({"unet.x.lora_A.weight": (2, 2), "unet.x.dora_scale": (2,)}, "is a DoRA"),
        ({"lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": (2, 2)}, "is a LoRA of Flux"),
        ({"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": (2, 2)}, "is a LoRA of Flux"),
        ({"model.diffusion_model.input_blocks.0.0.weight": (2, 2)}, "is not a LoRA"),
        ({"lora_unet_down_blocks_1_attn2_to_k.lora_down.weight": (4, 2048)}, "is for SDXL, and the model is"),
    ],
)
def test_what_is_refused_by_its_header(model_folder, tmp_path, tensors, sentence):
    path = tmp_path / "x.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, path)
    problem = lora_problem(path, FolderModel(model_folder, "m").facts)
    assert problem.field == "lora"
    assert sentence in problem.sentence
    assert not problem.corrupted


def test_damaged_and_missing_files(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"unet.x.lora_A.weight": torch.zeros(8, 8)}, path)
    path.write_bytes(path.read_bytes()[:-4])
    assert lora_problem(path).corrupted
    assert "cannot be read (No such file" in lora_problem(tmp_path / "y.safetensors").sentence
