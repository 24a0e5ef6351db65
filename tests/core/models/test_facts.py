"""What configurations say of a model."""

import pytest

from syncdiffusion.core.errors import InvalidRequestError
from syncdiffusion.core.models.facts import read_facts

LEAST = {
    "unet": {"sample_size": 64},
    "vae": {"block_out_channels": [128, 256, 512, 512]},
    "text_encoder": {},
    "scheduler": {},
}


def configs(**changed):
    return {part: {**config, **changed.get(part, {})} for part, config in LEAST.items()}


def test_what_a_short_configuration_leaves_to_the_library():
    facts = read_facts("m", configs())
    assert (facts.native_window, facts.latent_factor, facts.latent_channels) == (512, 8, 4)
    assert (facts.scaling_factor, facts.shift_factor) == (0.18215, 0.0)
    assert (facts.prediction_type, facts.train_steps, facts.text_limit) == ("epsilon", 1000, 77)


def test_what_is_said_counts():
    facts = read_facts(
        "m",
        configs(
            unet={"sample_size": 96, "in_channels": 16},
            vae={"block_out_channels": [1, 1, 1], "latent_channels": 16, "scaling_factor": 0.5, "shift_factor": 0.1},
            text_encoder={"max_position_embeddings": 248},
            scheduler={"prediction_type": "v_prediction", "num_train_timesteps": 500, "beta_schedule": "linear"},
        ),
    )
    assert (facts.native_window, facts.latent_factor, facts.latent_channels) == (384, 4, 16)
    assert (facts.scaling_factor, facts.shift_factor) == (0.5, 0.1)
    assert (facts.prediction_type, facts.train_steps, facts.text_limit) == ("v_prediction", 500, 248)
    assert facts.scheduler_config["beta_schedule"] == "linear"
    assert read_facts("m", configs(vae={"shift_factor": None})).shift_factor == 0.0


@pytest.mark.parametrize(
    ("part", "entries", "sentence"),
    [
        ("unet", {"in_channels": 9}, "takes 9 channels where its latents have 4 (an inpainting or depth model?)"),
        ("unet", {"sample_size": None}, "has a configuration that makes no sense (sample_size is None)"),
        ("unet", {"sample_size": [64, 96]}, "has a configuration that makes no sense (sample_size is [64, 96])"),
        ("unet", {"sample_size": 0}, "has a configuration that makes no sense (sample_size is 0)"),
        ("unet", {"in_channels": "four"}, "has a configuration that makes no sense ("),
        ("vae", {"block_out_channels": 4}, "has a configuration that makes no sense ("),
        ("vae", {"scaling_factor": "big"}, "has a configuration that makes no sense ("),
        ("text_encoder", {"max_position_embeddings": -1}, "makes no sense (max_position_embeddings is -1)"),
        ("scheduler", {"num_train_timesteps": 0}, "makes no sense (num_train_timesteps is 0)"),
        ("scheduler", {"prediction_type": "sample"}, "predicts 'sample'; supported are epsilon, v_prediction"),
        ("scheduler", {"prediction_type": ["v"]}, "predicts \"['v']\"; supported are"),
        ("scheduler", {"beta_schedule": "wild"}, "has the noise schedule 'wild'; supported are linear, scaled_linear"),
    ],
)
def test_what_is_refused(part, entries, sentence):
    with pytest.raises(InvalidRequestError) as caught:
        read_facts("m", configs(**{part: entries}))
    (problem,) = caught.value.problems
    assert problem.field == "model"
    assert problem.sentence.startswith("'m' ")
    assert sentence in problem.sentence


def test_what_is_missing():
    for part, name in (("unet", "sample_size"), ("vae", "block_out_channels")):
        incomplete = configs()
        del incomplete[part][name]
        with pytest.raises(InvalidRequestError, match=f"'m' has a configuration without '{name}'; download it again"):
            read_facts("m", incomplete)
