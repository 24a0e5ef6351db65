"""Whole checkpoints: what is loaded from a file computes what the networks in it computed."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from support.single_file import make_single_file

from syncdiffusion.core.errors import InvalidRequestError, ModelError
from syncdiffusion.core.models.single_file import (
    CheckpointModel,
    DamagedFileError,
    WrongKindError,
    inspect_checkpoint,
    load_checkpoint,
    read_header,
)

UNET, VAE = "model.diffusion_model.", "first_stage_model."
TEXT = "cond_stage_model.transformer.text_model."


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """Checkpoint file and original modules by kind, made on first use."""
    folder = tmp_path_factory.mktemp("checkpoints")
    made = {}

    def get(kind):
        if kind not in made:
            path = folder / f"{kind}.safetensors"
            family, _, prediction = kind.partition("-")
            made[kind] = path, make_single_file(path, family=family, v_prediction=prediction == "v")
        return made[kind]

    return get


@pytest.fixture
def rewrite(checkpoints, tmp_path):
    """Write a checkpoint again with tensors dropped or added; returns the new path."""

    def write(kind, drop=(), add=None, rename=lambda name: name, metadata=None):
        tensors = load_file(checkpoints(kind)[0])
        kept = {rename(name): tensor for name, tensor in tensors.items() if name not in drop}
        assert len(kept) + len(drop) == len(tensors)
        path = tmp_path / "changed.safetensors"
        save_file(kept | (add or {}), path, metadata)
        return path

    return write


def load(path, dtype=torch.float32):
    return load_checkpoint(path, inspect_checkpoint(read_header(path)), dtype)


def assert_same_outputs(loaded, originals):
    """The loaded networks compute, bit for bit, what the ones computed from which the file was made."""
    generator = torch.Generator().manual_seed(0)
    dtype, config = originals.unet.dtype, originals.unet.config
    latents = torch.randn(2, 4, 8, 8, generator=generator).to(dtype)
    text = torch.randn(2, 77, config.cross_attention_dim, generator=generator).to(dtype)
    added = None
    if originals.text_encoder_2 is not None:
        pooled = torch.randn(2, originals.text_encoder_2.config.projection_dim, generator=generator).to(dtype)
        added = {"text_embeds": pooled, "time_ids": torch.tensor([[64, 64, 0, 0, 64, 64]] * 2)}
    encoders = [originals.text_encoder, originals.text_encoder_2][: len(loaded.text_encoders)]
    with torch.no_grad():
        noise, expected = (
            unet(latents, 500, text, added_cond_kwargs=added).sample for unet in (loaded.unet, originals.unet)
        )
        assert torch.equal(noise, expected)
        image = loaded.vae.decode(latents).sample
        assert torch.equal(image, originals.vae.decode(latents).sample)
        moments = loaded.vae.encode(image).latent_dist.parameters
        assert torch.equal(moments, originals.vae.encode(image).latent_dist.parameters)
        hidden = []
        for (encoder, tokenizer), original in zip(loaded.text_encoders, encoders, strict=True):
            ids = tokenizer(["a photo of a cat"], padding="max_length", return_tensors="pt").input_ids
            states, expected = (e(ids, output_hidden_states=True, return_dict=False) for e in (encoder, original))
            assert all(torch.equal(mine, theirs) for mine, theirs in zip(states[-1], expected[-1], strict=True))
            assert torch.equal(states[0], expected[0])  # with a projection: the pooled embedding
            hidden.append(states[0])
    assert all(value.isfinite().all() and value.std() > 0 for value in (noise, image, moments, *hidden))


@pytest.mark.parametrize("kind", ["sd1", "sd1-v", "sd2", "sd2-v", "sdxl", "sdxl-v"])
def test_loaded_modules_compute_what_the_originals_do(checkpoints, kind):
    path, originals = checkpoints(kind)
    configs = inspect_checkpoint(read_header(path))
    assert configs["scheduler"]["prediction_type"] == ("v_prediction" if kind.endswith("v") else "epsilon")
    loaded = load_checkpoint(path, configs, torch.float32)
    assert_same_outputs(loaded, originals)
    assert len(loaded.text_encoders) == (2 if kind.startswith("sdxl") else 1)
    assert not any(module.training for module in (loaded.unet, loaded.vae, *(part[0] for part in loaded.text_encoders)))


def test_shapes_tell_the_architecture(tmp_path):
    sizes = {"channels": (64, 128), "layers": 1, "attends": (False, True), "vae_channels": (32, 64, 64)}
    path = tmp_path / "model.safetensors"
    originals = make_single_file(path, family="sd2", text_width=128, text_layers=3, resolution=128, **sizes)
    configs = inspect_checkpoint(read_header(path))
    assert configs["unet"]["block_out_channels"] == [64, 128]
    assert configs["unet"]["attention_head_dim"] == [1, 2]
    assert configs["unet"]["down_block_types"] == ["DownBlock2D", "CrossAttnDownBlock2D"]
    assert configs["unet"]["sample_size"] == 32
    assert configs["text_encoder"]["num_attention_heads"] == 2
    assert configs["text_encoder"]["num_hidden_layers"] == 3
    assert configs["vae"]["layers_per_block"] == 1
    assert_same_outputs(load_checkpoint(path, configs, torch.float32), originals)


def test_configuration_of_sdxl(checkpoints):
    path, originals = checkpoints("sdxl")
    configs = inspect_checkpoint(read_header(path))
    for name in ("transformer_layers_per_block", "addition_time_embed_dim", "projection_class_embeddings_input_dim"):
        made = originals.unet.config[name]
        assert configs["unet"][name] == (list(made) if isinstance(made, tuple) else made)
    assert (configs["vae"]["scaling_factor"], configs["unet"]["sample_size"]) == (0.13025, 128)
    assert CheckpointModel(path, "x").facts.family == "sdxl"
    assert load(path).zeros_for_empty
    parts = load(path)
    assert [tokenizer("a", padding="max_length").input_ids[-1] for _, tokenizer in parts.text_encoders] == [49407, 0]


@pytest.mark.parametrize("stored", [torch.float16, torch.bfloat16])
def test_weights_are_cast_to_the_wanted_dtype(tmp_path, stored):
    path = tmp_path / "model.safetensors"
    originals = make_single_file(path, family="sd2", v_prediction=True, dtype=stored)
    assert inspect_checkpoint(read_header(path))["scheduler"]["prediction_type"] == "v_prediction"
    loaded = modules_of(load(path, torch.float32))
    for module, original in zip(loaded, originals, strict=True):
        weights = original.state_dict()
        for name, weight in module.state_dict().items():
            assert weight.dtype == torch.float32
            assert torch.equal(weight, weights[name].float())
    assert all(module.dtype == stored for module in modules_of(load(path, stored)))


def modules_of(parts):
    return [parts.unet, parts.vae, *(encoder for encoder, _ in parts.text_encoders)]


def test_loaded_weights_do_not_depend_on_the_file(tmp_path):
    path = tmp_path / "model.safetensors"
    originals = make_single_file(path)
    loaded = load(path)
    path.write_bytes(bytes(path.stat().st_size))
    path.unlink()
    assert_same_outputs(loaded, originals)


def test_text_encoder_without_prefix(checkpoints, rewrite):
    path = rewrite("sd1", rename=lambda name: name.replace(".text_model.", "."))
    assert_same_outputs(load(path), checkpoints("sd1")[1])


def test_vae_attention_as_linear_layers(checkpoints, rewrite):
    weights = {name: tensor[:, :, 0, 0].clone() for name, tensor in vae_attention(checkpoints("sd1")[0])}
    assert len(weights) == 8
    path = rewrite("sd1", drop=weights.keys(), add=weights)
    assert_same_outputs(load(path), checkpoints("sd1")[1])


def vae_attention(path):
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118
            if ".mid.attn_1." in name and file.get_slice(name).get_shape()[2:] == [1, 1]:
                yield name, file.get_tensor(name)


def test_what_nobody_uses_is_ignored(checkpoints, rewrite):
    extra = {
        "model_ema.decay": torch.ones(()),
        "model_ema.diffusion_modelinput_blocks00weight": torch.ones(3),
        "alphas_cumprod": torch.ones(1000),
        "betas": torch.ones(1000),
        f"{VAE}loss.logvar": torch.zeros(()),
        "cond_stage_model.logit_scale": torch.ones(()),
        "cond_stage_model.transformer.text_projection.weight": torch.ones(4, 4),
    }
    assert_same_outputs(load(rewrite("sd1", add=extra)), checkpoints("sd1")[1])


def test_all_layers_of_an_encoder_from_a_folder_are_kept(tmp_path):
    # A 2.x model converted from a diffusers folder has lost the layer that is dropped otherwise.
    sizes = {"channels": (32, 64), "layers": 1, "attends": (True, True), "vae_channels": (32, 32)}
    path = tmp_path / "model.safetensors"
    originals = make_single_file(path, family="sd2", text_layers=23, **sizes)
    tensors = load_file(path)
    save_file({name: tensor for name, tensor in tensors.items() if ".resblocks.23." not in name}, path)
    configs = inspect_checkpoint(read_header(path))
    assert configs["text_encoder"]["num_hidden_layers"] == 23
    assert_same_outputs(load_checkpoint(path, configs, torch.float32), originals)


def test_loading_needs_no_network(checkpoints, monkeypatch, tmp_path):
    def refuse(*_arguments):
        raise AssertionError("loading a local file connects to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    load(checkpoints("sd2")[0])
    assert list(tmp_path.iterdir()) == []


MISSING = [
    f"{UNET}input_blocks.0.0.weight",
    f"{UNET}input_blocks.4.0.in_layers.2.weight",
    f"{UNET}input_blocks.6.0.op.bias",
    f"{UNET}input_blocks.6.0.op.weight",
    f"{UNET}middle_block.1.proj_in.weight",
    f"{UNET}output_blocks.11.1.transformer_blocks.0.attn2.to_v.weight",
    f"{UNET}output_blocks.5.2.conv.bias",
    f"{UNET}time_embed.2.bias",
    f"{UNET}out.0.weight",
    f"{VAE}post_quant_conv.weight",
    f"{VAE}decoder.mid.attn_1.k.bias",
    f"{VAE}decoder.up.1.upsample.conv.bias",
    f"{VAE}encoder.down.2.block.1.norm2.weight",
    f"{TEXT}embeddings.position_embedding.weight",
    f"{TEXT}encoder.layers.1.self_attn.k_proj.bias",
    f"{TEXT}final_layer_norm.bias",
]


@pytest.mark.parametrize("name", MISSING)
def test_missing_weights_are_never_random(rewrite, name):
    with pytest.raises(DamagedFileError, match="lacks"):
        load(rewrite("sd1", drop=[name]))


@pytest.mark.parametrize("name", ["transformer.resblocks.1.attn.in_proj_bias", "ln_final.weight"])
def test_missing_weights_of_openclip(rewrite, name):
    with pytest.raises(DamagedFileError, match="text encoder lacks"):
        load(rewrite("sd2", drop=[f"cond_stage_model.model.{name}"]))


def test_a_missing_block_is_an_error(rewrite, checkpoints):
    names = read_header(checkpoints("sd1")[0]).tensors
    for block in (
        f"{UNET}output_blocks.11.",
        f"{UNET}input_blocks.4.",
        f"{UNET}middle_block.2.",
        f"{VAE}decoder.up.3.",
    ):
        with pytest.raises(DamagedFileError):
            load(rewrite("sd1", drop=[name for name in names if name.startswith(block)]))


@pytest.mark.parametrize(
    "name",
    [f"{UNET}position_net.weight", f"{UNET}input_blocks.1.1.gate", f"{VAE}decoder.extra.bias", f"{TEXT}encoder.x"],
)
def test_weights_without_a_place_are_not_ignored(rewrite, name):
    with pytest.raises(WrongKindError, match="no place for"):
        load(rewrite("sd1", add={name: torch.ones(3)}))


@pytest.mark.parametrize("shape", [(), (2,), (66, 64)])
def test_packed_projections_of_the_wrong_size(rewrite, shape):
    name = "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight"
    with pytest.raises(DamagedFileError, match="text encoder"):
        load(rewrite("sd2", drop=[name], add={name: torch.ones(shape)}))


def test_weights_that_do_not_fit_are_named(rewrite):
    name = f"{UNET}input_blocks.1.0.emb_layers.1.weight"
    with pytest.raises(DamagedFileError, match=r"time_emb_proj.* is \[7, 128\]"):
        load(rewrite("sd1", drop=[name], add={name: torch.ones(7, 128)}))


def test_quantized_weights_are_refused(rewrite):
    name = f"{UNET}time_embed.0.weight"
    with pytest.raises(WrongKindError, match="quantized"):
        load(rewrite("sd1", drop=[name], add={name: torch.ones(128, 32, dtype=torch.int8)}))


def test_inspection_imports_no_libraries(checkpoints):
    program = (
        "import sys\n"
        "from syncdiffusion.core.models.single_file import CheckpointModel, inspect_checkpoint, read_header\n"
        "inspect_checkpoint(read_header(sys.argv[1]))\n"
        "print(sorted({'torch', 'numpy', 'diffusers', 'transformers', 'safetensors'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", program, str(checkpoints("sd2-v")[0])]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == "[]"


def test_padding_of_the_families(checkpoints):
    padding = {}
    for kind in ("sd1", "sd2"):
        tokenizer = load(checkpoints(kind)[0]).tokenizer
        ids = tokenizer("a cat", padding="max_length", truncation=True).input_ids
        assert len(ids) == 77
        padding[kind] = ids[4:]
    assert padding == {"sd1": [49407] * 73, "sd2": [0] * 73}


def test_model_of_a_checkpoint(checkpoints):
    path, originals = checkpoints("sd2-v")
    model = CheckpointModel(path, str(path))
    assert model.facts.native_window == 768
    assert model.facts.prediction_type == "v_prediction"
    assert model.facts.text_limit == 77
    assert model.files == (path,)
    assert_same_outputs(model.load(torch.float32), originals)


def test_problems_of_a_checkpoint_model(tmp_path, rewrite):
    small = tmp_path / "small.safetensors"
    save_file({"a": torch.ones(6)}, small)
    with pytest.raises(InvalidRequestError, match=r"model: 'x' holds no model known here") as caught:
        CheckpointModel(small, "x")
    assert not caught.value.problems[0].corrupted
    small.write_bytes(small.read_bytes()[:-1])
    with pytest.raises(InvalidRequestError, match=r"model: 'x' is truncated") as caught:
        CheckpointModel(small, "x")
    assert caught.value.problems[0].corrupted
    with pytest.raises(InvalidRequestError, match=r"model: 'x' cannot be read"):
        CheckpointModel(small.parent, "x")
    incomplete = rewrite("sd1", drop=[f"{UNET}time_embed.2.bias"])
    with pytest.raises(ModelError, match=r"the model 'x' is incomplete: its UNet lacks"):
        CheckpointModel(Path(incomplete), "x").load(torch.float32)
