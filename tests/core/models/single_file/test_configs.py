"""What is inferred from shapes, against the configurations of the real models; and everything that is refused."""

import struct

import pytest
import torch
from support.single_file import V_MARK, make_modules, original_layout

from syncdiffusion.core.models.single_file import Header, TensorInfo, WrongKindError, inspect_checkpoint

UNET, VAE = "model.diffusion_model.", "first_stage_model."
TEXT = "cond_stage_model.transformer.text_model."

REAL_SIZES = {
    "unet": {"block_out_channels": (320, 640, 1280, 1280), "layers_per_block": 2, "attends": (True, True, True, False)},
    "vae": {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2},
}
# The config.json files of stable-diffusion-v1-5, less versions and paths.
REAL_UNET = {
    "_class_name": "UNet2DConditionModel",
    "act_fn": "silu",
    "attention_head_dim": 8,
    "block_out_channels": [320, 640, 1280, 1280],
    "center_input_sample": False,
    "cross_attention_dim": 768,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "downsample_padding": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 4,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-05,
    "norm_num_groups": 32,
    "out_channels": 4,
    "sample_size": 64,
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
}
REAL_VAE = {
    "_class_name": "AutoencoderKL",
    "act_fn": "silu",
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "in_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "out_channels": 3,
    "sample_size": 512,
    "scaling_factor": 0.18215,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
REAL_TEXT = {
    "architectures": ["CLIPTextModel"],
    "attention_dropout": 0.0,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "hidden_act": "quick_gelu",
    "hidden_size": 768,
    "initializer_factor": 1.0,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 77,
    "model_type": "clip_text_model",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 1,
    "projection_dim": 768,
    "vocab_size": 49408,
}
REAL_SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}


def real_header(family, tmp_path, mark=None, text_layers=None, **changes):
    """The header of a checkpoint of the true sizes; ``mark``: the deviation of what tells v prediction."""
    width, depth = (768, 12) if family == "sd1" else (1024, text_layers or 23)
    with torch.device("meta"):
        modules = make_modules(family, **REAL_SIZES, text={"hidden_size": width, "num_hidden_layers": depth})
        tensors = original_layout(modules, family)
    infos = {name: TensorInfo("F32", tuple(tensor.shape)) for name, tensor in tensors.items()}
    if mark is not None:
        values = [mark * (-1) ** index for index in range(infos[V_MARK].shape[0])]
        (tmp_path / "real.safetensors").write_bytes(struct.pack(f"<{len(values)}f", *values))
        infos[V_MARK] = TensorInfo("F32", (len(values),), 0, 4 * len(values))
    return Header(infos, path=tmp_path / "real.safetensors", **changes)


def test_the_test_layout_is_the_real_one(tmp_path):
    first, second = (real_header(family, tmp_path).tensors for family in ("sd1", "sd2"))
    assert sum(name.startswith(UNET) for name in first) == sum(name.startswith(UNET) for name in second) == 686
    assert sum(name.startswith(VAE) for name in first) == 248
    assert len(first) == 1131  # as in v1-5-pruned-emaonly, less what belongs to the training code
    assert first[f"{UNET}input_blocks.8.1.transformer_blocks.0.attn2.to_k.weight"].shape == (1280, 768)
    assert first[f"{UNET}input_blocks.1.1.proj_in.weight"].shape == (320, 320, 1, 1)
    assert second[f"{UNET}input_blocks.1.1.proj_in.weight"].shape == (320, 320)
    assert first[f"{UNET}output_blocks.2.1.conv.weight"].shape == (1280, 1280, 3, 3)
    assert first[f"{UNET}output_blocks.8.2.conv.weight"].shape == (640, 640, 3, 3)
    assert first[f"{VAE}decoder.up.3.upsample.conv.weight"].shape == (512, 512, 3, 3)
    assert first[f"{VAE}encoder.mid.attn_1.q.weight"].shape == (512, 512, 1, 1)
    assert first[f"{TEXT}encoder.layers.11.mlp.fc1.weight"].shape == (3072, 768)
    last = "cond_stage_model.model.transformer.resblocks.23.attn.in_proj_weight"
    assert second[last].shape == (3072, 1024)


def assert_configs(header, **changes):
    """Check the inferred configurations against 1.5's with changes."""
    configs = inspect_checkpoint(header)
    added = {"transformer_layers_per_block": 1, "use_linear_projection": False, "upcast_attention": False}
    assert configs["unet"] == REAL_UNET | added | changes.get("unet", {})
    assert configs["vae"] == REAL_VAE | changes.get("vae", {})
    assert configs["text_encoder"] == REAL_TEXT | changes.get("text_encoder", {})
    assert configs["scheduler"] == REAL_SCHEDULER | changes.get("scheduler", {})


SECOND_UNET = {"attention_head_dim": [5, 10, 20, 20], "cross_attention_dim": 1024, "use_linear_projection": True}
SECOND_TEXT = {
    "hidden_act": "gelu",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_attention_heads": 16,
    "num_hidden_layers": 23,
    "projection_dim": 512,
}


def test_configs_of_1_5(tmp_path):
    assert_configs(real_header("sd1", tmp_path))


@pytest.mark.parametrize("layers_in_file", [23, 24])
def test_configs_of_2_0_base(tmp_path, layers_in_file):
    header = real_header("sd2", tmp_path, mark=0.02, text_layers=layers_in_file - 1)
    assert_configs(header, unet=SECOND_UNET, text_encoder=SECOND_TEXT)


def test_configs_of_2_1_v(tmp_path):
    assert_configs(
        real_header("sd2", tmp_path, mark=0.11),
        unet=SECOND_UNET | {"sample_size": 96, "upcast_attention": True},
        vae={"sample_size": 768},
        text_encoder=SECOND_TEXT,
        scheduler={"_class_name": "DDIMScheduler", "prediction_type": "v_prediction"},
    )


def test_configs_of_sdxl():
    """Against the config.json files of stable-diffusion-xl-base-1.0, less what says nothing of the architecture."""
    sizes = {"unet": {"block_out_channels": (320, 640, 1280), "layers_per_block": 2, "attends": (False, True, True)}}
    sizes["unet"]["depths"] = (1, 2, 10)
    text_2 = {"hidden_size": 1280, "num_hidden_layers": 32, "projection_dim": 1280}
    with torch.device("meta"):
        modules = make_modules(
            "sdxl", **sizes, vae=REAL_SIZES["vae"], text={"hidden_size": 768, "num_hidden_layers": 12}, text_2=text_2,
            size_width=256,
        )  # fmt: skip
        tensors = original_layout(modules, "sdxl")
    assert tensors[f"{UNET}label_emb.0.0.weight"].shape == (1280, 2816)
    assert sum(name.startswith(UNET) for name in tensors) == 1680
    infos = {name: TensorInfo("F16", tuple(tensor.shape)) for name, tensor in tensors.items()}
    configs = inspect_checkpoint(Header(infos))
    assert (
        configs["unet"].items()
        >= {
            "attention_head_dim": [5, 10, 20],
            "block_out_channels": [320, 640, 1280],
            "cross_attention_dim": 2048,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "transformer_layers_per_block": [1, 2, 10],
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
            "sample_size": 128,
            "use_linear_projection": True,
        }.items()
    )
    assert (configs["vae"]["scaling_factor"], configs["vae"]["sample_size"]) == (0.13025, 1024)
    assert configs["text_encoder"] == REAL_TEXT
    assert configs["text_encoder_2"] == REAL_TEXT | {
        "architectures": ["CLIPTextModelWithProjection"],
        "hidden_act": "gelu",
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_attention_heads": 20,
        "num_hidden_layers": 32,
        "projection_dim": 1280,
    }
    assert configs["scheduler"] == REAL_SCHEDULER


@pytest.mark.parametrize("stated", ["v", "epsilon"])
def test_stated_prediction_type_wins(tmp_path, stated):
    mark = 0.02 if stated == "v" else 0.11
    header = real_header("sd2", tmp_path, mark=mark, metadata={"modelspec.prediction_type": stated})
    prediction = {"v": "v_prediction", "epsilon": "epsilon"}[stated]
    assert inspect_checkpoint(header)["scheduler"]["prediction_type"] == prediction


@pytest.mark.parametrize(
    ("stated", "size"), [("768x768", 96), ("640X512", 64), ("large", 64), ("0x0", 64), ("512", 64)]
)
def test_stated_resolution_is_the_native_size(tmp_path, stated, size):
    configs = inspect_checkpoint(real_header("sd1", tmp_path, metadata={"modelspec.resolution": stated}))
    assert configs["unet"]["sample_size"] == size
    assert configs["vae"]["sample_size"] == 8 * size


def test_schedule_to_pure_noise(tmp_path):
    header = real_header("sd1", tmp_path)
    header.tensors["v_pred"] = header.tensors["ztsnr"] = TensorInfo("F32", ())
    scheduler = inspect_checkpoint(header)["scheduler"]
    assert scheduler["prediction_type"] == "v_prediction"
    assert scheduler["rescale_betas_zero_snr"] is True
    assert scheduler["timestep_spacing"] == "trailing"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([f"{UNET}input_blocks.0.0.weight", "conditioner.embedders.0.model.ln_final.bias"], "SDXL (refiner)"),
        ([f"{UNET}joint_blocks.0.x_block.attn.qkv.weight"], "Stable Diffusion 3"),
        ([f"{UNET}double_blocks.0.img_attn.proj.weight", "text_encoders.t5xxl.logit_scale"], "Flux"),
        (["double_blocks.0.img_attn.proj.weight"], "Flux"),
        (["double_blocks.0.img_attn.proj.weight", "distilled_guidance_layer.in_proj.weight"], "Chroma"),
        (["lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"], "a LoRA"),
        (["unet.mid_block.attentions.0.proj_in.lora_A.weight"], "a LoRA"),
        (["control_model.input_blocks.0.0.weight"], "ControlNet"),
        (["controlnet_cond_embedding.conv_in.weight", "down_blocks.0.resnets.0.conv1.weight"], "ControlNet"),
        ([f"{UNET}input_blocks.1.0.time_stack.conv.weight"], "Stable Video Diffusion"),
        (["encoder.conv_in.weight", "decoder.conv_in.weight"], "a VAE alone"),
        ([f"{VAE}encoder.conv_in.weight"], "a VAE alone"),
        (["down_blocks.0.resnets.0.conv1.weight"], "a UNet in the diffusers layout; choose the model's folder"),
        (["input_blocks.0.0.weight"], "a UNet alone"),
        (["text_model.embeddings.token_embedding.weight"], "a text encoder alone"),
        (["model_ema.diffusion_modelinput_blocks00weight"], "only averaged (EMA) weights"),
        (["emb_params"], "a textual inversion embedding"),
        (["something.else"], "holds no model known here"),
        ([], "holds no model known here"),
    ],
)
def test_other_families_are_refused_by_name(names, words):
    with pytest.raises(WrongKindError) as caught:
        inspect_checkpoint(Header({name: TensorInfo("F16", (8, 8)) for name in names}))
    assert words in caught.value.sentence
    assert "1.x, 2.x and SDXL" in caught.value.sentence or "folder" in caught.value.sentence


@pytest.mark.parametrize(
    ("channels", "words"), [(9, "an inpainting model"), (5, "depth"), (8, "Pix2Pix"), (6, "6 input")]
)
def test_other_input_channels_are_refused(tmp_path, channels, words):
    header = real_header("sd1", tmp_path)
    header.tensors[f"{UNET}input_blocks.0.0.weight"] = TensorInfo("F32", (320, channels, 3, 3))
    with pytest.raises(WrongKindError, match=words):
        inspect_checkpoint(header)


@pytest.mark.parametrize(("width", "words"), [(2560, "SDXL"), (2048, "unCLIP")])
def test_class_labels_are_refused(tmp_path, width, words):
    header = real_header("sd2", tmp_path)
    header.tensors[f"{UNET}label_emb.0.0.weight"] = TensorInfo("F32", (1280, width))
    with pytest.raises(WrongKindError, match=words):
        inspect_checkpoint(header)


@pytest.mark.parametrize(("prefix", "words"), [(VAE, "holds no VAE"), ("cond_stage_model.", "holds no text encoder")])
def test_a_missing_part_is_named(tmp_path, prefix, words):
    header = real_header("sd1", tmp_path)
    tensors = {name: info for name, info in header.tensors.items() if not name.startswith(prefix)}
    with pytest.raises(WrongKindError, match=words):
        inspect_checkpoint(Header(tensors))


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        (f"{TEXT}embeddings.token_embedding.weight", (1000, 768), "knows only 1000"),
        (f"{TEXT}embeddings.token_embedding.weight", (49408, 1024), "belong to different models"),
        (f"{UNET}input_blocks.5.0.out_layers.0.weight", (648,), "unlike layers"),
        (f"{UNET}out.2.weight", (8, 320, 3, 3), "from 4 to 8 channels"),
        (f"{VAE}post_quant_conv.weight", (16, 16, 1, 1), "16 latent channels"),
        (f"{VAE}encoder.down.0.block.0.conv1.weight", (100, 128, 3, 3), "no multiples of 32"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path, name, shape, words):
    header = real_header("sd1", tmp_path)
    header.tensors[name] = TensorInfo("F32", shape)
    with pytest.raises(WrongKindError, match=words):
        inspect_checkpoint(header)
