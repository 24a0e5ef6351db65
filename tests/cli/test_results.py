"""What a run leaves and says: picture, report, trace, latents, progress, warnings, exit status."""

import json
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from syncdiffusion.core import engine
from syncdiffusion.core.diffusion.coherence import Coherence
from syncdiffusion.core.files.images import XMP
from syncdiffusion.core.request.settings import SETTINGS

ONE_WINDOW = {"width": 64, "steps": 1, "method": "multidiffusion"}


@pytest.fixture
def report(generate, here):
    """Run a request; gives its report."""

    def run(*words, **changed):
        outcome = generate(*words, **changed, report="r.json")
        assert outcome.status == 0, outcome.errors
        return json.loads((here / "r.json").read_text("utf-8"))

    return run


def test_everything_of_one_run(generate, here):
    outcome = generate(
        steps=4, sync_every=2, preset="paper", report="r.json", trace="t.npz", save_latents="z.npz", quiet=None
    )
    assert (outcome.status, outcome.out) == (0, "out.png\n")

    assert outcome.errors[:2] == ["Loading", "Sampling"]
    assert [line.partition(",")[0] for line in outcome.errors[2:6]] == ["Sampling"] * 4
    assert outcome.errors[2] == "Sampling, 1/4, " + outcome.errors[2].rpartition(", ")[2]  # no loss at this step
    assert re.fullmatch(r"Sampling, 4/4, loss \d\.\d{4}, 0 s left", outcome.errors[5])
    assert outcome.errors[6:] == ["Decoding", "Saving"]

    trace, final = np.load("t.npz"), np.load("z.npz")["latents"]
    assert set(trace) == {"latents", "loss"}
    assert trace["latents"].shape == (4, 4, 8, 10)
    assert trace["latents"].dtype == trace["loss"].dtype == np.float32
    assert np.isnan(trace["loss"]).tolist() == [True, False, True, False]
    assert final.shape == (1, 4, 8, 10)
    assert np.array_equal(final, trace["latents"][-1:])

    report = json.loads((here / "r.json").read_text("utf-8"))
    assert {name: report["settings"][name] for name in SETTINGS} == {
        "prompt": "a lake", "negative_prompt": "", "region": [], "model": "m", "lora": [], "embedding": [],
        "vae": None, "tiny_decoder": None, "preset": "paper",
        "target": "strip", "width": 80, "height": 64, "window": 64, "stride": 16, "wrap": "none",
        "init_image": None, "init_mode": None, "strength": None,
        "world_size": None, "horizon": None, "poles": None, "sky_prompt": None, "ground_prompt": None, "range": None,
        "peak": None, "steps": 4,
        "scheduler": "ddim", "guidance_scale": 7.5, "seed": 0, "method": "syncdiffusion", "loss": "lpips-alex",
        "loss_weights": "alex.pt", "sync_weight": 20.0, "sync_decay": 0.95, "sync_every": 2, "sync_count": None,
        "sync_first": None, "gradient": "exact", "loss_decoder": "full", "loss_scale": 1.0, "reuse_noise": False,
        "shift_windows": False, "foresee": "predicted", "anchor": "center", "device": "auto", "dtype": "auto",
        "decode": "whole", "deterministic": False, "initial_latents": None, "allow_pickle": False, "offline": False,
    }  # fmt: skip
    assert report["windows"] == 2
    assert report["batch_sizes"] == {"plain": {"1": 4}, "anchor": {"1": 2}, "gradient": {"1": 2}}
    assert report["loss"] == {"first": float(trace["loss"][1]), "last": float(trace["loss"][3])}
    assert list(report["seconds"]) == ["loading", "sampling", "decoding", "saving", "total"]
    assert all(seconds > 0 for seconds in report["seconds"].values())
    assert report["seconds"]["total"] >= sum(report["seconds"].values()) / 2
    assert 10**8 < report["peak_memory_bytes"] < 10**11
    assert (report["device"], report["dtype"], report["notices"]) == ("cpu", "float32", [])

    with Image.open("out.png") as picture:
        assert (picture.size, picture.mode) == ((80, 64), "RGB")
        told = json.loads(picture.text["syncdiffusion"])
        assert picture.text["XML:com.adobe.xmp"] == XMP
    # The picture does not tell what its maker allowed.
    assert {**told, "allow_pickle": False, "offline": False} == report["settings"]


@pytest.mark.parametrize("idle", [{}, {"method": "multidiffusion"}])
def test_no_path_of_this_machine_is_told(report, here, idle, lpips_alex, model_folder):
    Image.new("RGB", (64, 64)).save("anchor.png")
    np.savez("z.npz", latents=np.zeros((1, 4, 8, 8)))
    folder = here.resolve()
    text = json.dumps(
        report(
            anchor=folder / "anchor.png", initial_latents=folder / "z.npz", loss_weights=lpips_alex,
            model=model_folder, output=folder / "out.png", width=64, steps=1, **idle,
        )
    )  # fmt: skip
    with Image.open("out.png") as picture:
        text += picture.text["syncdiffusion"]
    for path in (folder, lpips_alex.parent, model_folder.parent):
        assert str(path) not in text
        assert path.name not in text
    assert '"initial_latents": "z.npz"' in text
    assert ('"anchor": "anchor.png"' in text) == ("method" not in idle)


@pytest.mark.parametrize("idle", [{"sync_weight": 0}, {"sync_first": 0}, {"method": "multidiffusion"}])
def test_no_gradient_work(report, monkeypatch, idle):
    def work(*_):
        raise AssertionError("gradient work")

    monkeypatch.setattr(Coherence, "__init__", work)
    monkeypatch.setattr(engine, "load_distance", work)
    result = report(loss_weights=None, steps=1, **idle)
    assert result["loss"] == {"first": None, "last": None}
    assert set(result["batch_sizes"]) == {"plain"}


def test_multidiffusion_is_what_a_weight_of_zero_gives(generate):
    for name, idle in (("a", {"sync_weight": 0, "anchor": 0}), ("b", {"method": "multidiffusion", "sync_every": 2})):
        assert generate(**idle, output=f"{name}.png", save_latents=f"{name}.npz", loss_weights=None).status == 0
    assert np.array_equal(np.load("a.npz")["latents"], np.load("b.npz")["latents"])


def test_bit_for_bit_the_same(generate):
    for name, seed in (("a", 2**31 - 1), ("b", 2**31 - 1), ("c", 2**31 - 2)):
        assert generate(seed=seed, output=f"{name}.png", save_latents=f"{name}.npz", steps=1).status == 0
    a, b, c = (np.load(f"{name}.npz")["latents"] for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_initial_latents_stand_for_the_seed(generate, here):
    noise = torch.randn((1, 4, 8, 10), generator=torch.Generator("cpu").manual_seed(7))
    np.savez("noise.npz", latents=noise.numpy().astype(np.float64))
    stay = {"preset": "paper", "steps": 1}  # where windows shift to follows from the seed, too
    generate(seed=7, save_latents="a.npz", **stay)
    generate(initial_latents="noise.npz", save_latents="b.npz", **stay)
    assert np.array_equal(np.load("a.npz")["latents"], np.load("b.npz")["latents"])


def test_quiet(generate):
    outcome = generate(**ONE_WINDOW)
    assert (outcome.status, outcome.out, outcome.errors) == (0, "out.png\n", [])


def test_a_prompt_that_is_too_long(generate, report):
    long = "the " * 75
    outcome = generate(prompt=f"{long}lake at dawn", negative_prompt=f"{long}blurry {'photo ' * 3}", **ONE_WINDOW)
    assert (outcome.status, outcome.out) == (0, "out.png\n")
    assert [line.partition(" (while")[0] for line in outcome.errors] == [
        "note: negative-prompt: longer than the model's 75 tokens; left out: 'blurry photo photo photo'",
        "note: prompt: longer than the model's 75 tokens; left out: 'lake at dawn'",
    ]
    assert len(report(prompt=f"{long}lake", **ONE_WINDOW)["notices"]) == 1
    assert generate(prompt=long, negative_prompt="", **ONE_WINDOW).errors == []


def test_the_device_is_not_there(generate, here):
    outcome = generate(device="cuda:99")
    assert outcome.status == 1
    (line,) = outcome.errors
    assert line.startswith("device: cuda:99 is not available: ")
    assert line.endswith("; use --device cpu or auto")
    assert list(here.iterdir()) == []


def test_an_unexpected_error(generate, here, monkeypatch):
    def fail(*_):
        raise KeyError("lake")

    monkeypatch.setattr(engine, "encode_prompt", fail)
    outcome = generate()
    assert outcome.status == 1
    assert outcome.errors == ["an unexpected error: KeyError: 'lake'; --debug shows where"]
    outcome = generate("--debug")
    assert outcome.status == 1
    assert outcome.errors[0] == "Traceback (most recent call last):"
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c(generate, here, monkeypatch, presses):
    def press(*given, **options):
        for _ in range(presses):
            signal.raise_signal(signal.SIGINT)
        return canvas(*given, **options)

    canvas, before = engine.Decoder.canvas, signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(engine.Decoder, "canvas", press)
    outcome = generate(**ONE_WINDOW, trace="t.npz")
    assert (outcome.status, outcome.out) == (130, "")
    assert outcome.errors == ["", "stopping (press again to stop on the spot)", "interrupted; nothing was written"]
    assert list(here.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is before


def test_in_a_thread_that_sees_no_signals(generate):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(generate, **ONE_WINDOW).result().status == 0
