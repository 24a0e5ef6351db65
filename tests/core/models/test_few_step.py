"""Few-step models by their configurations and names."""

from pathlib import Path

import pytest

from syncdiffusion.core.models.few_step import FewStep, few_step_lora, few_step_model, telling_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sd_xl_turbo_1.0_fp16.safetensors", FewStep("Turbo")),
        ("sdxl_lightning_4step.safetensors", FewStep("Lightning", 4)),
        ("DreamShaperXL_Lightning-SFW.safetensors", FewStep("Lightning")),
        ("Hyper-SDXL-8steps", FewStep("Hyper", 8)),
        ("LCM_Dreamshaper_v7", FewStep("LCM")),
        ("hyperrealisticVision_v4.safetensors", None),
        ("dlcmix.safetensors", None),
        ("v1-5-pruned-emaonly.safetensors", None),
    ],
)
def test_models_by_name(name, expected):
    assert few_step_model([name], {}, {"_class_name": "PNDMScheduler"}) == expected


def test_configurations_tell_more_than_names():
    assert few_step_model(["plain"], {}, {"_class_name": "LCMScheduler"}) == FewStep("LCM")
    told = few_step_model(["sdxl_lightning_4step"], {"time_cond_proj_dim": 256}, {})
    assert told == FewStep("LCM", None, True)
    assert (told.guidance_scale, told.scheduler) == (8.0, "lcm")


@pytest.mark.parametrize(
    ("path", "metadata", "expected"),
    [
        ("loras/sdxl_lightning_8step_lora.safetensors", {}, FewStep("Lightning", 8)),
        ("loras/lightning_storm.safetensors", {}, None),  # what it paints
        ("lcm-lora-sdv1-5/pytorch_lora_weights.safetensors", {}, FewStep("LCM")),
        (
            "hub/models--latent-consistency--lcm-lora-sdxl/snapshots/1a2b/pytorch_lora_weights.safetensors",
            {},
            FewStep("LCM"),
        ),
        ("loras/fast.safetensors", {"ss_output_name": "Hyper-SD15-4steps-lora"}, FewStep("Hyper", 4)),
        ("loras/fast.safetensors", {}, None),
    ],
)
def test_loras(path, metadata, expected):
    assert few_step_lora(Path(path), metadata) == expected


def test_what_presets_take():
    assert [FewStep("LCM").steps_for(preset) for preset in ("draft", "balanced")] == [4, 8]
    assert [FewStep("Lightning", 2).steps_for(preset) for preset in ("draft", "balanced")] == [2, 2]
    assert FewStep("Turbo").steps_for("balanced") == 4
    assert FewStep("Turbo").scheduler == "euler-trailing"
    assert FewStep("Turbo").guidance_scale == 1.0


def test_names_of_roles_say_nothing():
    assert telling_name(Path("a/b/model.safetensors")) == "b"
    assert telling_name(Path("a/b/nice.safetensors")) == "nice.safetensors"
    assert telling_name(Path("hub/models--o--n/snapshots/abc")) == "models--o--n"
