"""From settings to requests and back. Pure: no Blender needed."""

from types import SimpleNamespace

import pytest

from syncdiffusion.blender.recall import recall
from syncdiffusion.blender.requests import preset_request, request_settings
from syncdiffusion.core.files.known import KnownFiles
from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.perceptual import weights
from syncdiffusion.core.request.validation import prepare


def settings(**changed):
    """What a fresh scene has, changed."""
    fresh = {
        "prompt": "a lake", "negative_prompt": "", "target": "WORLD", "preset": "BALANCED", "model": "builtin",
        "width": 0, "height": 0, "world_size": 2048, "coherence": 0.5, "seed": 0, "use_random_seed": True,
        "variations": 1, "steps": 20, "guidance_scale": 7.5, "sync_weight": 20.0, "scheduler": "dpmpp-2m",
        "low_memory": False, "light_range": "LDR", "peak": 8.0, "poles": "AUTO",
        "regions": [], "loras": [], "embeddings": [], "vae": "", "tiny_decoder": "",
    }  # fmt: skip
    return SimpleNamespace(**{**fresh, **changed})


def request_of(chosen, seed=7):
    return prepare(request_settings(chosen, seed, "cpu", "float32")).request


@pytest.mark.parametrize(
    ("target", "wrap", "world_size"), [("WORLD", "x", 2048), ("MATERIAL", "xy", None), ("IMAGE", "none", None)]
)
def test_targets(target, wrap, world_size):
    request = request_of(settings(target=target))
    assert (request.wrap, request.world_size, request.seed, request.offline) == (wrap, world_size, 7, True)


@pytest.mark.parametrize(("preset", "steps"), [("DRAFT", 10), ("BALANCED", 20), ("PAPER", 50)])
def test_coherence_scales_the_presets_weight(preset, steps):
    middle = request_of(settings(preset=preset))
    assert middle.steps == steps
    assert request_of(settings(preset=preset, coherence=1.0)).sync_weight == pytest.approx(2 * middle.sync_weight)
    assert request_of(settings(preset=preset, coherence=0.25)).sync_weight == pytest.approx(middle.sync_weight / 2)
    assert not request_of(settings(preset=preset, coherence=0.0)).synchronizes


def test_sky_and_ground_are_painted_but_in_a_draft_unless_it_is_said():
    chosen = [settings(preset=preset) for preset in ("DRAFT", "BALANCED", "PAPER", "CUSTOM")]
    assert [request_of(one).poles for one in chosen] == ["fill", "generate", "generate", "generate"]
    assert request_of(settings(preset="DRAFT", poles="GENERATE")).poles == "generate"
    assert request_of(settings(poles="FILL")).poles == "fill"


@pytest.mark.parametrize("preset", ["DRAFT", "BALANCED"])
def test_coherence_scales_what_the_models_configuration_says(model, lpips_weights, monkeypatch, preset):
    """Nothing but its scheduler tells that this is a few-step model."""
    monkeypatch.setattr(weights, "cached_backbone", lambda loss: lpips_weights("lpips-vgg"))
    chosen = settings(model=str(model(scheduler="LCMScheduler")), preset=preset)
    own = request_of(chosen)
    assert (own.scheduler, own.guidance_scale) == ("lcm", 1.0)
    assert sum(own.sync_weights()) == pytest.approx(369.2, rel=0.01)
    chosen.coherence = 0.8
    assert request_of(chosen).sync_weight == pytest.approx(1.6 * own.sync_weight)
    assert preset_request(chosen).sync_weight == pytest.approx(1.6 * own.sync_weight)
    recalled = settings(preset="PAPER")
    recall(recalled, request_of(chosen).to_json({}))
    assert (recalled.preset, recalled.coherence) == (preset, pytest.approx(0.8))
    assert preset_request(settings(model="nowhere")) is None


def test_a_picture_of_a_model_that_is_gone_recalls_numbers(model_folder):
    request = request_of(settings()).to_json({})
    recalled = settings(preset="DRAFT", steps=1)
    recall(recalled, {**request, "model": "nowhere"})
    assert (recalled.preset, recalled.steps, recalled.scheduler) == ("CUSTOM", request["steps"], request["scheduler"])


def test_the_model_is_recalled_from_where_it_lies(model_folder):
    sha256 = KnownFiles().sha256(model_folder, FolderModel(model_folder, "m").files)
    recalled = settings()
    request = request_of(settings()).to_json({})
    recall(recalled, {**request, "model": "small", "files": {"model": {"name": "small", "sha256": sha256}}})
    assert recalled.model == str(model_folder)


def test_low_vram_compares_by_a_tiny_decoder_where_one_is_named(tiny_decoder):
    least = request_settings(settings(low_memory=True, tiny_decoder=str(tiny_decoder)), 0, "cpu", "auto")
    assert (least["gradient"], least["decode"], least["loss_decoder"]) == ("no-unet", "tiles", "tiny")
    assert "loss_decoder" not in request_settings(settings(low_memory=True), 0, "cpu", "auto")
    assert "loss_decoder" not in request_settings(settings(tiny_decoder=str(tiny_decoder)), 0, "cpu", "auto")


def test_custom_takes_the_settings_of_sampling():
    chosen = settings(preset="CUSTOM", steps=7, guidance_scale=3.0, sync_weight=5.0, scheduler="euler", coherence=0.1)
    request = request_of(chosen)
    assert (request.steps, request.guidance_scale, request.sync_weight, request.scheduler) == (7, 3.0, 5.0, "euler")


def test_a_canvas_of_ones_own():
    assert (request_of(settings(width=512)).width, request_of(settings()).width) == (512, 1536)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"target": "IMAGE", "preset": "PAPER", "coherence": 0.8, "negative_prompt": "people"},
        {"target": "MATERIAL", "preset": "DRAFT", "coherence": 0.0, "width": 512, "height": 512},
        {"preset": "CUSTOM", "steps": 9, "guidance_scale": 2.0, "sync_weight": 3.0, "scheduler": "unipc"},
        {"preset": "CUSTOM", "sync_weight": 1e4},
        {"poles": "FILL"},
        {"preset": "DRAFT", "poles": "GENERATE"},
    ],
)
def test_recalled_settings_make_the_same_request(changed):
    first = request_of(settings(**changed))
    recalled = settings(prompt="other", preset="DRAFT", target="IMAGE", seed=1)
    recall(recalled, first.to_json({}))
    assert recalled.seed == 7
    assert not recalled.use_random_seed
    again = request_of(recalled, recalled.seed)
    assert again.sync_weight == pytest.approx(first.sync_weight)
    differing = {name for name in vars(first) if getattr(first, name) != getattr(again, name)}
    assert differing <= {"sync_weight", "preset"}
