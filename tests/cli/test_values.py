"""Values of every setting: which are refused and in what words, which are not."""

import pytest
from PIL import Image

from syncdiffusion.core.diffusion.samplers import SAMPLERS
from syncdiffusion.core.errors import InvalidRequestError, option
from syncdiffusion.core.request.settings import SETTINGS, Choice, Device, Real, Whole
from syncdiffusion.core.request.validation import prepare

WHOLE = [name for name, setting in SETTINGS.items() if isinstance(setting, Whole)]
REAL = [name for name, setting in SETTINGS.items() if isinstance(setting, Real)]
CHOICE = [name for name, setting in SETTINGS.items() if isinstance(setting, Choice)]


@pytest.fixture
def valid(here):
    """The settings of a small valid request."""
    return {"prompt": "a lake", "model": "../m", "width": 80, "loss": "lpips-alex", "loss_weights": "../alex.pt"}


@pytest.mark.parametrize("value", ["", "many", "nan", "inf", "-inf", "1.5", "1e3", "0x10", "9" * 5000])
@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers(refused, name, value):
    (line,) = refused(f"--{option(name)}={value}", **{name: None})
    assert line.startswith(f"{option(name)}: {value!r} is not a whole number; use ")


@pytest.mark.parametrize("value", ["", "many", "1,5", "0x10", "nan", "inf", "-inf", "1e999", "below"])
@pytest.mark.parametrize("name", REAL)
def test_real_numbers(refused, name, value):
    value = f"{SETTINGS[name].low - 0.001:g}" if value == "below" else value
    (line,) = refused(f"--{option(name)}={value}", **{name: None})
    assert line.startswith(f"{option(name)}: ")
    assert " is not a number; use " in line or " is out of range; use " in line


@pytest.mark.parametrize("value", ["", "best", "None"])
@pytest.mark.parametrize("name", CHOICE)
def test_choices(refused, name, value):
    names = ", ".join(SETTINGS[name].names)
    assert refused(**{name: value}) == [f"{option(name)}: {value!r} is not one of {names}"]


@pytest.mark.parametrize("value", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "CUDA", "cuda:²"])
def test_device(refused, value):
    assert isinstance(SETTINGS["device"], Device)
    assert refused(device=value) == [f"device: {value!r} is not one of auto, cpu, cuda, cuda:N, mps"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("width", 0, "0 is out of range; use 1 to 32768"),
        ("width", 32776, "32776 is out of range; use 1 to 32768"),
        ("width", 250, "250 is not a multiple of 8; 248 or 256 would be"),
        ("height", 65, "65 is not a multiple of 8; 64 or 72 would be"),
        ("window", 33, "33 is not a multiple of 8; 32 or 40 would be"),
        ("stride", 12, "12 is not a multiple of 8; 8 or 16 would be"),
        ("stride", 3, "3 is not a multiple of 8; 8 would be"),
        ("stride", 72, "72 is more than the window of 64, so windows would leave gaps"),
        ("width", 56, "56 is less than the window of 64; enlarge it, or lower --window"),
        ("height", 56, "56 is less than the window of 64; enlarge it, or lower --window"),
        ("window", 24, "24 is too small for lpips-alex, which looks at 31 pixels or more"),
        ("steps", 0, "0 is out of range; use 1 to 1000"),
        ("steps", 1001, "1001 is out of range; use 1 to 1000"),
        ("guidance_scale", 100.5, "100.5 is out of range; use 0 to 100"),
        ("seed", 2**31, "2147483648 is out of range; use 0 to 2147483647"),
        ("sync_decay", 0, "0 is out of range; use more than 0, up to 1"),
        ("sync_decay", 1.01, "1.01 is out of range; use more than 0, up to 1"),
        ("sync_every", 0, "0 is out of range; use 1 or more"),
        ("sync_count", 0, "0 is out of range; use 1 to 1000"),
        ("sync_count", 3, "3 is more than the 2 steps there are"),
        ("sync_first", -1, "-1 is out of range; use 0 or more"),
        ("anchor", 2, "2 is no window; there are 2, counted from 0"),
        ("anchor", -1, "there is no file '-1'; give center, the index of a window, or a picture"),
        ("anchor", "", "is empty; give center, the index of a window, or a picture"),
        ("model", "", "is empty; give a folder, a checkpoint or a hub id"),
        ("loss_weights", "", "is empty; name a file"),
        ("initial_latents", "", "is empty; name a file"),
        ("prompt", "", "is empty; say what the picture should show"),
        ("prompt", " \t ", "is empty; say what the picture should show"),
        ("prompt", None, "is missing; say what the picture should show"),
        ("prompt", "\udcff", "'\\udcff' holds bytes that are not valid UTF-8 text"),
        ("negative_prompt", "\udcff", "'\\udcff' holds bytes that are not valid UTF-8 text"),
    ],
)
def test_bounds_and_relations(refused, name, value, sentence):
    assert refused(**{name: value}) == [f"{option(name)}: {sentence}"]


@pytest.mark.parametrize("wrap", ["none", "x", "y"])
def test_a_target_contradicts_another_wrap(refused, wrap):
    lines = refused(target="tile", wrap=wrap)
    assert lines == [f"wrap: {wrap!r} contradicts --target tile, which wraps xy"]


@pytest.mark.parametrize("wrap", ["none", "y", "xy"])
def test_a_world_closes(refused, wrap):
    assert refused(target="world", width=128, wrap=wrap) == [
        f"wrap: {wrap!r} contradicts --target world, which wraps x"
    ]


def test_settings_of_a_world_are_for_worlds(refused):
    lines = refused(world_size=512, horizon=5, poles="fill", sky_prompt="stars", range="ldr", peak=2)
    names = ("world-size", "horizon", "poles", "sky-prompt", "range", "peak")
    assert lines == [f"{name}: is for --target world only" for name in names]


def test_a_world_is_even_and_in_range(refused):
    assert refused(target="world", width=128, world_size=511) == ["world-size: 511 is odd; 512 would be even"]
    assert refused(target="world", width=128, world_size=32) == ["world-size: 32 is out of range; use 64 to 16384"]
    assert refused(target="world", width=128, horizon=61) == ["horizon: 61 is out of range; use -60 to 60"]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"stride": 16}, "stride: 16 is too small: windows would share 48 of 64 pixels, and diffcollage takes at most "
         "half; use 32 to 64"),
        ({"width": 144}, "width: 144 leaves a rest: windows would share 48 of 64 pixels, and diffcollage takes at most "
         "half; 128 or 160 would fit"),
        ({"height": 80, "width": 64}, "height: 80 leaves a rest: windows would share 48 of 64 pixels, and diffcollage "
         "takes at most half; 64 or 96 would fit"),
        ({"width": 176, "wrap": "x"}, "width: 176 leaves a rest: windows would share 40 of 64 pixels, and diffcollage "
         "takes at most half; 160 or 192 would fit"),
        ({"stride": 72}, "stride: 72 is more than the window of 64, so windows would leave gaps"),
        ({"method": "blended", "shift_windows": True}, "shift-windows: is not for --method blended, whose windows stay "
         "in place"),
        ({"method": "blended", "stride": 64}, "stride: 64 is the whole window; blended grows from what windows share, "
         "so use 32 or less"),
    ],
)  # fmt: skip
def test_overlaps_that_a_method_cannot_take(refused, changed, line):
    assert refused(**{"method": "diffcollage", "width": 128, **changed}) == [line]


@pytest.mark.parametrize("method", ["blended", "diffcollage"])
def test_methods_of_half_overlaps(valid, method):
    for changed in ({}, {"wrap": "xy", "height": 128}, {"stride": 40, "width": 144}, {"width": 64, "stride": 64}):
        given = {**valid, "method": method, "width": 128, **changed}
        request = prepare(given).request
        assert request.stride == changed.get("stride", 32)
        assert not request.synchronizes


def test_sync_every_excludes_sync_count(refused):
    assert refused(sync_every=2, sync_count=2) == ["sync-count: excludes sync-every; give one of the two"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"steps": "many", "sync_count": 30}, "steps"),
        ({"method": "magic", "anchor": 99, "loss_weights": "gone.pt"}, "method"),
        ({"loss": "magic", "loss_weights": "../alex.pt"}, "loss"),
        ({"window": "wide", "width": 8, "stride": 512, "anchor": 99}, "window"),
        ({"wrap": "round", "anchor": 99}, "wrap"),
        ({"target": "ball", "wrap": "x"}, "target"),
        ({"preset": "best", "anchor": 1}, "preset"),
    ],
)
def test_nothing_is_said_of_what_depends_on_a_wrong_value(refused, changed, field):
    lines = refused(**changed)
    assert [line.partition(": ")[0] for line in lines] == [field]


@pytest.mark.parametrize("steps", [1, 2, 999, 1000])
@pytest.mark.parametrize("scheduler", SAMPLERS)
def test_any_number_of_steps_suits_any_scheduler(valid, scheduler, steps):
    assert prepare({**valid, "scheduler": scheduler, "steps": steps}).request.steps == steps


@pytest.mark.parametrize(
    "changed",
    [
        {"negative_prompt": ""},
        {"seed": 2**31 - 1},
        {"seed": " 7 "},
        {"guidance_scale": 0},
        {"guidance_scale": 100},
        {"sync_weight": 1e30},
        {"sync_decay": 1},
        {"sync_decay": 1e-300},
        {"sync_every": 10**12},
        {"sync_first": 10**12},
        {"width": 32768},
        {"width": 32768, "height": 32768, "window": 32768, "stride": 8},
        {"width": 64},
        {"stride": 64, "width": 128},
        {"anchor": "001"},
        {"target": "tile", "wrap": "xy"},
        {"target": "world", "width": 128, "wrap": "x", "world_size": 512, "horizon": -5.5, "poles": "fill"},
        {"target": "world", "width": 128, "range": "expanded", "peak": 20, "ground_prompt": "sand"},
        {"prompt": "日本の湖 🌊"},
        {"prompt": "x" * 100_000},
        {"loss_scale": "1.0", "gradient": "exact", "loss_decoder": "full"},
        {"gradient": "no-unet", "reuse_noise": True, "shift_windows": True, "stride": 64, "loss_scale": 0.5},
        {"device": "cuda:7"},  # whether it is there is known when the run starts
    ],
)
def test_accepted(valid, changed):
    request = prepare(valid | changed).request
    for name, value in changed.items():
        assert getattr(request, name) == SETTINGS[name].read(value)


@pytest.mark.parametrize(
    "idle",
    [
        {"method": "multidiffusion"},
        {"method": "multidiffusion", "sync_count": 500, "anchor": "99"},
        {"method": "multidiffusion", "anchor": "gone.png", "loss_weights": "gone.pt", "window": 16},
        {"sync_weight": 0},
        {"sync_first": 0},
        {"sync_every": 3, "steps": 2},
        {"sync_every": 2, "sync_first": 1},
    ],
)
def test_what_does_not_synchronize_needs_no_weights(valid, idle):
    del valid["loss_weights"]
    plan = prepare({**valid, "offline": True, **idle})
    assert not plan.request.synchronizes


def test_shifting_windows_need_not_overlap(valid):
    assert prepare({**valid, "preset": "draft"}).request.stride == 64
    assert prepare({**valid, "preset": "balanced"}).request.stride == 48
    assert prepare({**valid, "preset": "paper", "shift_windows": True}).request.stride == 64
    assert prepare({**valid, "shift_windows": True, "stride": 32}).request.stride == 32
    assert prepare({**valid, "shift_windows": False}).request.stride == 32
    windows = prepare({**valid, "shift_windows": True, "seed": 5}).windows
    assert windows.shift_seed == 5


def test_shortcuts_that_cannot_be_taken(refused):
    wrong = {"foresee": "noisy", "gradient": "no-unet", "loss_decoder": "tiny", "loss_scale": 0.5, "window": 56}
    assert refused("--reuse-noise", **wrong) == [
        "gradient: 'no-unet' has no meaning with --foresee noisy, whose gradient does not flow through the UNet",
        "reuse-noise: has no meaning with --foresee noisy, whose gradient does not need the UNet",
        "loss-decoder: tiny needs a tiny decoder, and the model has none beside its VAE (tiny_decoder/); put a "
        "diffusers AutoencoderTiny of the model's family there, or take --loss-decoder full",
        "window: 56 at --loss-scale 0.5 is too small for lpips-alex, which looks at 31 pixels or more",
    ]


def test_a_shortcut_can_be_switched_off_again(valid, run):
    flags = ["--shift-windows", "--no-shift-windows"]
    given = [word for name, value in valid.items() for word in (f"--{option(name)}", str(value))]
    outcome = run("generate", *given, "--device", "cpu", "--steps", "1", "--quiet", *flags, "-o", "o.png")
    assert outcome.status == 0
    assert '"shift_windows": false' in Image.open("o.png").text["syncdiffusion"]


def test_values_from_python_and_json(valid):
    request = prepare({**valid, "steps": 5.0, "guidance_scale": 7, "seed": "3", "stride": None}).request
    assert (request.steps, request.guidance_scale, request.seed, request.stride) == (5, 7.0, 3, 48)
    wrong = {
        "steps": True,
        "guidance_scale": False,
        "seed": [1],
        "offline": "yes",
        "prompt": 5,
        "wrap": ["x"],
        "hue": 1,
    }
    with pytest.raises(InvalidRequestError) as caught:
        prepare(valid | wrong)
    assert {problem.field for problem in caught.value.problems} == set(wrong)
