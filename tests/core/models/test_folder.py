"""Model folders in diffusers layout: looked at without loading, then loaded."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from syncdiffusion.core.errors import InvalidRequestError, ModelError
from syncdiffusion.core.models.folder import FolderModel

PARTS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(model_folder, tmp_path):
    """A copy of the model to do harm to."""
    return Path(shutil.copytree(model_folder, tmp_path / "m"))


def problems(folder, allow_pickle=False):
    """What is wrong with a folder: sentences without its name, and whether weights are damaged."""
    with pytest.raises(InvalidRequestError) as caught:
        FolderModel(folder, "m", allow_pickle)
    assert all(problem.field == "model" and problem.sentence.startswith("'m' ") for problem in caught.value.problems)
    return [(problem.sentence.removeprefix("'m' "), problem.corrupted) for problem in caught.value.problems]


def edit(path, **entries):
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | entries), "utf-8")


def test_a_good_folder(folder):
    model = FolderModel(folder, "m")
    assert (model.name, model.facts.native_window) == ("m", 64)
    assert {path.relative_to(folder).as_posix() for path in model.files} == {
        "unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json",
        "tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json",
        "tokenizer/special_tokens_map.json", UNET, "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
    }  # fmt: skip


def test_loaded_in_the_wanted_precision(folder):
    components = FolderModel(folder, "m").load(torch.bfloat16)
    networks = (components.unet, components.vae, components.text_encoder)
    assert {parameter.dtype for network in networks for parameter in network.parameters()} == {torch.bfloat16}
    assert components.tokenizer("a lake").input_ids[0] == components.tokenizer.bos_token_id
    components.to(torch.device("cpu"))
    assert not any(p.requires_grad for network in networks for p in network.parameters())
    assert not any(network.training for network in networks)


@pytest.mark.parametrize("file", ["unet/config.json", "scheduler/scheduler_config.json", "tokenizer/merges.txt"])
def test_a_file_is_missing(folder, file):
    (folder / file).unlink()
    assert problems(folder) == [(f"is not a Stable Diffusion model in diffusers layout: {file} missing", False)]


@pytest.mark.parametrize(
    "file", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json"]
)
@pytest.mark.parametrize("text", ["", "{", "[]", "5", "ÿ"])
def test_a_configuration_that_is_broken(folder, file, text):
    (folder / file).write_text(text, "latin-1")
    assert problems(folder) == [(f"has a {file} that cannot be read; download it again", False)]


def test_merges_that_are_no_text(folder):
    (folder / "tokenizer" / "merges.txt").write_bytes(b"\xff")
    assert problems(folder) == [("has a tokenizer/merges.txt that cannot be read; download it again", False)]


def test_everything_at_once(folder):
    (folder / "vae" / "config.json").unlink()
    (folder / "scheduler" / "scheduler_config.json").write_text("{")
    (folder / UNET).write_bytes(b"")
    edit(folder / "model_index.json", _class_name="FluxPipeline", unet=None)
    assert problems(folder) == [
        ("is a FluxPipeline; this version loads Stable Diffusion 1.x, 2.x and SDXL", False),
        ("is not a Stable Diffusion model in diffusers layout: vae/config.json missing", False),
        ("has a scheduler/scheduler_config.json that cannot be read; download it again", False),
        (f"has a {UNET} that is empty; download or copy it again", True),
    ]


@pytest.mark.parametrize("entries", [{"unet": None}, {"unet": []}, {"unet": ["x"]}, {"unet": 5}, {"unet": {}}])
def test_an_index_that_names_no_unet(folder, entries):
    edit(folder / "model_index.json", **entries)
    (sentence, _), *more = problems(folder)
    assert sentence.startswith(("is a StableDiffusionPipeline; ", "has a model_index.json that cannot be read; "))
    assert not more


def test_an_index_is_not_needed(folder):
    (folder / "model_index.json").unlink()
    assert FolderModel(folder, "m").facts.native_window == 64


@pytest.mark.parametrize(
    ("content", "sentence", "damaged"),
    [
        (b"", "is empty", True),
        (b"version https://git-lfs.github.com/spec/v1", "looks like a Git LFS pointer", False),
        (b"<html>", "looks like a web page", False),
        (b"PK\x03\x04", "looks like a pickled PyTorch checkpoint", False),
    ],
)
def test_weights_of_the_wrong_kind(folder, content, sentence, damaged):
    (folder / UNET).write_bytes(content)
    ((found, corrupted),) = problems(folder)
    assert found.startswith(f"has a {UNET} that is ")
    assert sentence in found
    assert corrupted == damaged


@pytest.fixture
def sharded(folder):
    """The model with its UNet in two shards."""
    state = load_file(folder / UNET)
    stem = "diffusion_pytorch_model-0000{}-of-00002.safetensors"
    where = {name: stem.format(1 + (name > "mid")) for name in state}
    for file in sorted(set(where.values())):
        save_file({name: value for name, value in state.items() if where[name] == file}, folder / "unet" / file)
    (folder / UNET).unlink()
    (folder / f"{UNET}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return folder


def test_shards(sharded, model_folder):
    model = FolderModel(sharded, "m")
    assert sum("-of-00002" in path.name for path in model.files) == 2
    whole = FolderModel(model_folder, "m").load(torch.float32).unet.state_dict()
    parts = model.load(torch.float32).unet.state_dict()
    assert all(torch.equal(parts[name], weight) for name, weight in whole.items())


def test_shards_that_are_missing_or_damaged(sharded):
    second = sharded / "unet" / "diffusion_pytorch_model-00002-of-00002.safetensors"
    second.write_bytes(second.read_bytes()[:-1])
    ((sentence, corrupted),) = problems(sharded)
    assert (sentence.startswith(f"has a unet/{second.name} that is truncated"), corrupted) == (True, True)
    second.unlink()
    ((sentence, corrupted),) = problems(sharded)
    assert sentence.startswith(f"has no unet/{second.name} that can be read (")
    assert not corrupted


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": 5}', '{"weight_map": {"a": 5}}'])
def test_a_list_of_shards_that_is_broken(sharded, text):
    (sharded / f"{UNET}.index.json").write_text(text)
    assert problems(sharded) == [("has an index of weights in unet/ that cannot be read; download it again", True)]


def test_half_precision_where_there_is_no_other(folder):
    state = {name: value.half() for name, value in load_file(folder / UNET).items()}
    half = folder / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    save_file(state, half)
    assert half not in FolderModel(folder, "m").files
    (folder / UNET).unlink()
    model = FolderModel(folder, "m")
    assert half in model.files
    assert model.load(torch.float32).unet.conv_in.weight.dtype == torch.float32


def test_pickles_are_passed_over_where_there_are_safe_weights(folder):
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"harm")
    for allow in (False, True):
        assert not any(path.suffix == ".bin" for path in FolderModel(folder, "m", allow).files)


def test_pickles_need_consent(folder):
    for part, stem in PARTS.items():
        safe = folder / part / f"{stem}.safetensors"
        torch.save(load_file(safe), folder / part / ("pytorch_model.bin" if part == "text_encoder" else f"{stem}.bin"))
        safe.unlink()
    ((sentence, corrupted),) = problems(folder)
    assert sentence.startswith("has only pickle weights in unet/, vae/, text_encoder/, which can hide a program; ")
    assert not corrupted
    assert sum(path.suffix == ".bin" for path in FolderModel(folder, "m", allow_pickle=True).files) == 3


class Harm:
    """What a pickle may hide."""

    def __reduce__(self):
        return (os.mkdir, ("harmed",))


def test_no_code_of_a_pickle_is_run(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (folder / UNET).unlink()
    torch.save({"conv_in.weight": Harm()}, folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(ModelError):
        FolderModel(folder, "m", allow_pickle=True).load(torch.float32)
    assert not (tmp_path / "harmed").exists()


def test_a_tokenizer_as_transformers_5_saves_it(folder):
    from transformers import CLIPTokenizer

    before = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    shutil.rmtree(folder / "tokenizer")
    before.save_pretrained(folder / "tokenizer")
    assert not (folder / "tokenizer" / "vocab.json").exists()
    model = FolderModel(folder, "m")
    assert folder / "tokenizer" / "tokenizer.json" in model.files
    settings = {"padding": "max_length", "max_length": 20}
    after = model.load(torch.float32).tokenizer
    assert after("a lake at dawn", **settings).input_ids == before("a lake at dawn", **settings).input_ids


def test_weights_of_another_architecture(folder):
    edit(folder / "unet" / "config.json", cross_attention_dim=64)
    model = FolderModel(folder, "m")
    with pytest.raises(ModelError, match="the model 'm' cannot be loaded: .*; download it again"):
        model.load(torch.float32)


def test_memory_that_runs_out_is_no_fault_of_the_model(folder, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: not enough memory")

    model = FolderModel(folder, "m")
    monkeypatch.setattr(FolderModel, "_load_part", fail)
    with pytest.raises(RuntimeError, match="not enough memory"):
        model.load(torch.float32)
