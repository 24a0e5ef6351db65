"""Files that a request names: missing, of the wrong kind, damaged; and the model in all its forms."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import load_file, save_file
from support.single_file import make_single_file

UNET = "unet/diffusion_pytorch_model.safetensors"
TOO_LONG = "a" * 5000


@pytest.fixture
def latents(here):
    """Write initial latents; gives the file's name."""

    def write(value=None, key="latents"):
        np.savez(here / "z.npz", **{key: np.zeros((1, 4, 8, 10), np.float32) if value is None else value})
        return "z.npz"

    return write


@pytest.mark.parametrize("name", ["gone.png", "~nobody/gone.png", TOO_LONG])
def test_files_that_are_not_there(refused, name):
    lines = refused(anchor=name, initial_latents=name, loss_weights=name, model=name)
    assert {line.partition(": ")[0] for line in lines} == {"anchor", "initial-latents", "loss-weights", "model"}
    if name == "gone.png":
        assert sorted(lines) == [
            "anchor: there is no file 'gone.png'; give center, the index of a window, or a picture",
            "initial-latents: there is no file 'gone.png'",
            "loss-weights: there is no file 'gone.png'",
            "model: there is no folder or file 'gone.png', nor is it a hub id (owner/name)",
        ]


def test_a_folder_in_place_of_a_file(refused):
    assert refused(anchor="..", initial_latents="..", loss_weights="..") == [
        "initial-latents: '..' is not an .npz file that can be read",
        "anchor: '..' is not a picture that can be read; give center, the index of a window, or a picture",
        "loss-weights: there is no file '..'",
    ]


@pytest.mark.parametrize("kind", ["text", "empty", "truncated.png", "truncated.jpg", "bomb"])
def test_an_anchor_that_is_no_picture(refused, here, kind, monkeypatch):
    file = here / ("a.jpg" if kind.endswith("jpg") else "a.png")
    Image.effect_noise((64, 64), 50).convert("RGB").save(file)
    whole = file.read_bytes()
    if kind == "bomb":
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    else:
        file.write_bytes({"text": b"a lake", "empty": b""}.get(kind, whole[: len(whole) // 2]))
    remedy = "give center, the index of a window, or a picture"
    assert refused(anchor=file.name) == [f"anchor: {file.name!r} is not a picture that can be read; {remedy}"]


def test_latents_of_another_shape(refused, latents):
    sentence = "initial-latents: has shape (1, 4, 8, 8), but this canvas wants (1, 4, 8, 10)"
    assert refused(initial_latents=latents(np.zeros((1, 4, 8, 8), np.float32))) == [sentence]


def test_latents_that_cannot_be_used(refused, latents, here):
    assert refused(initial_latents=latents(key="z")) == ["initial-latents: 'z.npz' holds no array named 'latents'"]
    for value, problem in (
        (np.full((1, 4, 8, 10), np.nan), "holds NaN or infinity"),
        (np.full((1, 4, 8, 10), 1e300), "holds NaN or infinity"),  # in float32
        (np.zeros((1, 4, 8, 10), int), "is int64, not floating point"),
    ):
        assert refused(initial_latents=latents(value)) == [f"initial-latents: 'latents' in 'z.npz' {problem}"]
    np.save(here / "z.npy", np.zeros((1, 4, 8, 10)))
    (here / "text.npz").write_text("no archive")
    (here / "cut.npz").write_bytes((here / latents()).read_bytes()[:-100])
    for name in ("z.npy", "text.npz", "cut.npz"):
        assert refused(initial_latents=name) == [f"initial-latents: {name!r} is not an .npz file that can be read"]


def test_loss_weights_of_the_wrong_kind(refused, here, lpips_weights):
    for loss, weight in (("lpips-vgg", "net.slice1.0.weight"), ("style", "features.0.weight")):
        lines = refused(loss=loss)
        assert lines == [f"loss-weights: 'alex.pt' is not for {loss}: {weight} is missing or of another shape"]
    (here / "text.pt").write_text("no weights")
    (here / "text.safetensors").write_text("no weights")
    torch.save([torch.zeros(1)], here / "list.pt")
    torch.save({0: torch.zeros(1)}, here / "numbered.pt")
    torch.save(torch.nn.Linear(1, 1), here / "module.pt")
    for name in ("text.pt", "text.safetensors", "module.pt"):
        (line,) = refused(loss_weights=name)
        assert line.startswith(f"loss-weights: {name!r} is not a state dict (.pt or .safetensors): ")
    for name in ("list.pt", "numbered.pt"):
        assert refused(loss_weights=name) == [f"loss-weights: {name!r} holds no state dict of tensors"]


def test_offline_without_a_backbone(refused):
    assert refused("--offline", loss_weights=None) == [
        "loss-weights: is missing: lpips-alex needs alexnet-owt-7be5be79.pth (233 MB), which is not on this machine, "
        "and no network may be used; give the file, or choose --method multidiffusion"
    ]


def test_the_builtin_loss_takes_no_file(refused):
    assert refused(loss="builtin") == ["loss-weights: is not for --loss builtin, which has its own"]


def test_an_empty_folder_is_one_problem(refused, here):
    (here / "empty").mkdir()
    (line,) = refused(model="empty")
    assert line.startswith("model: 'empty' is not a Stable Diffusion model in diffusers layout: unet/config.json, ")


def test_files_that_are_no_checkpoint(refused, here):
    for name in ("model.ckpt", "model.txt", "model.safetensors"):
        (here / name).write_text("<html>")
    assert refused(model="model.ckpt") == [
        "model: 'model.ckpt' is a pickle, which can hide a program; take the .safetensors file of the model"
    ]
    assert refused(model="model.txt") == [
        "model: 'model.txt' is not a .safetensors file; give one, a folder in diffusers layout or a hub id"
    ]
    (line,) = refused(model="model.safetensors")
    assert line.startswith("model: 'model.safetensors' is not a safetensors file: it looks like a web page")


def test_other_families_and_inpainting_models_are_refused(refused, own_model):
    def edit(file, **entries):
        path = own_model / file
        path.write_text(json.dumps(json.loads(path.read_text()) | entries))

    edit("unet/config.json", in_channels=9)
    (line,) = refused(model="../own")
    assert "takes 9 channels where its latents have 4 (an inpainting or depth model?)" in line
    edit("unet/config.json", in_channels=4)
    edit("model_index.json", _class_name="FluxPipeline", unet=["diffusers", "FluxTransformer2DModel"])
    sentence = "is a FluxPipeline; this version loads Stable Diffusion 1.x, 2.x and SDXL"
    assert refused(model="../own") == [f"model: '../own' {sentence}"]


def test_damaged_weights_are_another_status(before_loading, own_model):
    weights = own_model / UNET
    weights.write_bytes(weights.read_bytes()[:-100])
    outcome = before_loading(model="../own")
    assert outcome.status == 1
    (line,) = outcome.errors
    assert line.startswith(f"model: '../own' has a {UNET} that is truncated: ")
    assert before_loading(model="../own", width="wide").status == 2  # the request is wrong, too
    weights.unlink()
    outcome = before_loading(model="../own")
    sentence = "has no weights in unet/: diffusion_pytorch_model.safetensors is missing"
    assert (outcome.status, outcome.errors) == (2, [f"model: '../own' {sentence}"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("conv_in.weight"), "unet lacks weights for conv_in.weight"),
        (
            lambda state: state.update({"conv_in.weight": torch.zeros(1)}),
            "Cannot load  because conv_in.weight expected",
        ),
    ],
)
def test_weights_that_do_not_fit(generate, own_model, change, sentence):
    state = load_file(own_model / UNET)
    change(state)
    save_file(state, own_model / UNET)
    outcome = generate(model="../own")
    assert outcome.status == 1
    assert outcome.errors[-1].startswith(f"the model '../own' cannot be loaded: {sentence}")
    assert outcome.errors[-1].endswith("; download it again")


def test_pickled_weights_want_consent(refused, generate, own_model, here):
    files = (UNET, "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors")
    pickles = [own_model / file.replace("/model.safe", "/pytorch_model.safe") for file in files]
    pickles = [path.with_suffix(".bin") for path in pickles]
    for file, pickle in zip(files, pickles, strict=True):
        torch.save(load_file(own_model / file), pickle)
        (own_model / file).unlink()
    (line,) = refused(model="../own")
    assert line.startswith("model: '../own' has only pickle weights in unet/, vae/, text_encoder/, which can hide ")
    plain = {"width": 64, "steps": 1, "method": "multidiffusion"}
    outcome = generate("--allow-pickle", model="../own", **plain)
    assert (outcome.status, outcome.errors) == (0, [])
    generate(output="same.png", **plain)
    assert np.array_equal(Image.open("out.png"), Image.open("same.png"))
    pickles[-1].write_bytes(b"no pickle")
    outcome = generate("--allow-pickle", model="../own", **plain)
    assert (outcome.status, outcome.errors) == (
        1,
        ["the model '../own' cannot be loaded: Weights only load failed; download it again"],
    )  # and not torch's advice to run the pickle's code


def test_a_checkpoint_file(generate, before_loading, here):
    make_single_file(here / "model.safetensors", resolution=64, channels=(32, 64), layers=1, attends=(True, False))
    content = (here / "model.safetensors").read_bytes()
    (here / "cut.safetensors").write_bytes(content[:-100])
    outcome = before_loading(model="cut.safetensors")
    assert outcome.status == 1
    assert outcome.errors[0].startswith("model: 'cut.safetensors' is truncated: ")
    outcome = generate(model="model.safetensors", width=64, steps=1, method="multidiffusion")
    assert (outcome.status, outcome.errors) == (0, [])
    shutil.copy("model.safetensors", "MODEL.SAFETENSORS")
    assert before_loading(model="MODEL.SAFETENSORS", width="wide").errors[0].startswith("width: ")


def test_a_hub_model_from_the_cache(generate, repeat, model_folder):
    cache = Path(constants.HF_HUB_CACHE) / "models--owner--name"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("1" * 40)
    shutil.copytree(model_folder, cache / "snapshots" / ("1" * 40))
    plain = {"width": 64, "steps": 1, "method": "multidiffusion", "report": "r.json"}
    outcome = generate("--offline", model="owner/name", **plain)
    assert (outcome.status, outcome.errors) == (0, [])
    assert json.loads(Path("r.json").read_text())["settings"]["model"] == "owner/name"
    assert repeat("out.png").status == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()

    # Another version is the hub's newest; the picture's own is still there.
    (cache / "refs" / "main").write_text("2" * 40)
    (own,) = (cache / "snapshots").iterdir()
    newest = Path(shutil.copytree(own, cache / "snapshots" / ("2" * 40)))
    shutil.rmtree(newest / "tokenizer")
    assert repeat("out.png").status == 0
    assert np.array_equal(Image.open("again.png"), Image.open("out.png"))


def test_hub_ids_that_lead_nowhere(before_loading, refused, monkeypatch):
    sentence = "is no folder or file here and not in the Hugging Face cache, and no network may be used"
    assert refused("--offline", model="owner/name") == [f"model: 'owner/name' {sentence}; download it first"]
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    outcome = before_loading(model="owner/name")
    assert outcome.status == 1
    assert outcome.errors[0].startswith("model: 'owner/name' could not be downloaded (ConnectError); check the ")
    assert refused(model="owner/name", seed=-1) == ["seed: -1 is out of range; use 0 to 2147483647"]
