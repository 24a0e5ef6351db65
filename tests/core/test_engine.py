import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from support.reference import reference_run

from syncdiffusion.core import engine as module
from syncdiffusion.core.engine import Engine
from syncdiffusion.core.errors import CancelledError, NotEnoughMemoryError, NotFiniteError, OutputError
from syncdiffusion.core.events import Notice, Phase, Progress
from syncdiffusion.core.files.images import read_request
from syncdiffusion.core.files.outputs import Outputs
from syncdiffusion.core.request.validation import prepare


def run(settings, outputs=None, engine=None, cancelled=lambda: False):
    events = []
    engine = engine or Engine()
    return engine.generate(prepare(settings), outputs or Outputs(), events.append, cancelled), events


def test_agrees_with_the_reference(settings, tmp_path, model_folder, lpips_alex):
    result, _ = run(settings, Outputs(output=tmp_path / "p.png", trace=tmp_path / "t.npz"))
    reference = reference_run(
        model_folder, prompt="a lake at dawn", height=64, width=128, window=64, stride=32, steps=3,
        loss="alex", loss_weights=lpips_alex, dtype=torch.float64,
    )  # fmt: skip
    # float32 against float64, through a network with random weights.
    trace = np.load(tmp_path / "t.npz")
    np.testing.assert_allclose(trace["latents"], torch.cat(reference.latents), atol=0.02)
    np.testing.assert_allclose(trace["loss"], reference.losses.nanmean(1), rtol=5e-3)
    pixels = np.asarray(Image.open(tmp_path / "p.png"))
    assert np.array_equal(pixels, result.pixels)
    assert np.abs(pixels / 255 - reference.image[0].permute(1, 2, 0).numpy()).max() < 0.05


def test_a_world_is_the_sphere_round_its_strip(settings):
    strip, _ = run({**settings, "width": 192, "wrap": "x"})
    filled = {**settings, "width": 192, "target": "world", "world_size": 192, "poles": "fill", "range": "ldr"}
    world, _ = run(filled)
    assert np.array_equal(strip.latents, world.latents)
    assert world.pixels.shape == (96, 192, 3)
    level = strip.pixels[31:33].astype(float).mean(0)  # the horizon lies between two rows in both
    assert np.abs(world.pixels[47:49].astype(float).mean(0) - level).max() < 1.5
    larger, _ = run({**filled, "world_size": 512})
    assert larger.pixels.shape == (256, 512, 3)


def test_phases_progress_and_previews(settings):
    _, events = run({**settings, "sync_first": 2})
    progress = [event for event in events if isinstance(event, Progress)]
    phases = [event.phase for event in progress]
    assert phases == [Phase.LOADING, *[Phase.SAMPLING] * 5, Phase.DECODING, Phase.SAVING]
    assert (progress[2].step, progress[2].preview.shape) == (0, (8, 16, 3))  # something to see at once: the noise
    steps = progress[3:6]
    assert [(event.step, event.total) for event in steps] == [(1, 3), (2, 3), (3, 3)]
    assert all(event.preview.shape == (8, 16, 3) and event.preview.dtype == np.uint8 for event in steps)
    assert steps[0].loss > 0
    assert steps[2].loss is None
    assert steps[2].seconds_left == 0


def test_the_same_request_gives_the_same_image(settings):
    first, second = run(settings)[0], run(settings)[0]
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.latents, second.latents)
    assert not np.array_equal(first.pixels, run({**settings, "seed": 1})[0].pixels)


def test_batches_on_a_cpu_follow_from_the_request(settings):
    assert run(settings)[0].report["batch_sizes"]["gradient"] == {"1": 6}
    change = {"preset": "balanced", "width": 192, "sync_first": 1, "steps": 2, "shift_windows": False}
    faster, _ = run({**settings, **change})
    assert faster.report["batch_sizes"] == {"anchor": {"1": 1}, "gradient": {"1": 4}, "plain": {"1": 1, "4": 1}}


def test_initial_latents_are_the_noise(settings, tmp_path):
    noise = torch.randn((1, 4, 8, 16), generator=torch.Generator().manual_seed(0)).numpy()
    np.savez(tmp_path / "z.npz", latents=noise)
    result, _ = run({**settings, "seed": 5, "initial_latents": str(tmp_path / "z.npz")})
    assert np.array_equal(result.pixels, run({**settings, "seed": 0})[0].pixels)


def test_multidiffusion_loads_no_loss_and_takes_no_gradient(settings, monkeypatch):
    monkeypatch.setattr(module, "load_distance", None)
    monkeypatch.setattr(torch.autograd, "grad", None)
    plain, _ = run({**settings, "method": "multidiffusion", "loss_weights": None})
    for off in ({"sync_weight": 0}, {"sync_first": 0}):
        assert np.array_equal(run({**settings, **off})[0].pixels, plain.pixels)
    assert np.isnan(plain.losses).all()


@pytest.mark.parametrize(("method", "steps", "decoded"), [("blended", 9, "windows"), ("diffcollage", 3, "whole")])
def test_other_methods_run_to_the_end(settings, tmp_path, method, steps, decoded, monkeypatch):
    monkeypatch.setattr(module, "load_distance", None)
    outputs = Outputs(tmp_path / "p.png", trace=tmp_path / "t.npz", report=tmp_path / "r.json")
    result, events = run({**settings, "method": method}, outputs)
    sampling = [event for event in events if isinstance(event, Progress) and event.phase is Phase.SAMPLING][2:]
    assert [(event.step, event.total) for event in sampling] == [(k + 1, steps) for k in range(steps)]
    assert sampling[-1].seconds_left == 0
    assert result.pixels.shape == (64, 128, 3)
    assert result.trace.shape == (steps, 4, 8, 16)
    assert np.array_equal(result.trace[-1:], result.latents)
    assert np.isnan(result.losses).all()
    assert json.loads((tmp_path / "r.json").read_text())["decoded"] == decoded
    assert result.request["method"] == method
    assert np.array_equal(run({**settings, "method": method})[0].pixels, result.pixels)
    assert not np.array_equal(run({**settings, "method": "multidiffusion"})[0].pixels, result.pixels)


@pytest.mark.parametrize("method", ["blended", "diffcollage"])
@pytest.mark.parametrize("phase", [Phase.SAMPLING, Phase.DECODING])
def test_other_methods_can_be_cancelled(settings, method, phase):
    seen = []
    with pytest.raises(CancelledError):
        Engine().generate(
            prepare({**settings, "method": method}),
            Outputs(),
            seen.append,
            lambda: (
                sum(event.phase is phase for event in seen if isinstance(event, Progress)) > (phase is Phase.SAMPLING)
            ),
        )
    assert seen[-1].phase is phase


def test_every_coherence_setting_matters(settings):
    plain = run({**settings, "sync_weight": 0})[0].latents
    seen = {"none": plain}
    changes = {"w": {}, "decay": {"sync_decay": 0.5}, "noisy": {"foresee": "noisy"}, "anchor": {"anchor": "0"}}
    for name, change in changes.items():
        seen[name] = run({**settings, **change})[0].latents
    pairs = [(a, b) for a in seen for b in seen if a < b]
    assert all(np.abs(seen[a] - seen[b]).max() > 1e-4 for a, b in pairs)


def test_every_shortcut_matters_and_repeats(settings, model_folder, tiny_decoder, tmp_path):
    shutil.copytree(model_folder, tmp_path / "m")
    shutil.copytree(tiny_decoder, tmp_path / "m" / "tiny_decoder")
    settings = {**settings, "model": str(tmp_path / "m"), "steps": 2}
    changes = [
        {},
        {"gradient": "no-unet"},
        {"loss_decoder": "tiny"},
        {"loss_scale": 0.5},
        {"reuse_noise": True},
        {"shift_windows": True, "stride": 32},
    ]
    seen = [run({**settings, **change})[0].latents for change in changes]
    pairs = [(a, b) for a in range(len(seen)) for b in range(a)]
    assert all(np.abs(seen[a] - seen[b]).max() > 1e-4 for a, b in pairs)
    together = {**changes[1], **changes[2], **changes[3], **changes[4], "shift_windows": True}
    engine = Engine()
    first, second = (run({**settings, **together}, engine=engine)[0] for _ in range(2))
    assert np.array_equal(first.latents, second.latents)
    assert {name: first.request[name] for name in together} == together


def test_picture_as_anchor(settings, tmp_path):
    Image.effect_noise((90, 70), 100).convert("RGB").save(tmp_path / "look.jpg")
    result, _ = run({**settings, "anchor": str(tmp_path / "look.jpg")})
    assert np.abs(result.latents - run(settings)[0].latents).max() > 1e-4
    assert result.request["anchor"] == "look.jpg"
    assert set(result.request["files"]) == {"model", "loss_weights", "anchor"}


@pytest.mark.parametrize("decode", ["whole", "tiles"])
def test_a_loop_has_no_seam(settings, decode):
    """Rolled by half the picture is one that could have been generated so: the noise rolled, the anchor rolled."""
    settings = {**settings, "wrap": "x", "decode": decode, "anchor": "1", "steps": 2}
    noise = torch.randn((1, 4, 8, 16), generator=torch.Generator().manual_seed(0))
    plain, _ = run(settings)
    engine = Engine()
    plan = prepare({**settings, "anchor": "3"})
    original = module.initial_noise
    try:
        module.initial_noise = lambda *_: noise.roll(8, 3)
        rolled = engine.generate(plan, Outputs())
    finally:
        module.initial_noise = original
    assert np.abs(np.roll(plain.pixels, 64, 1).astype(int) - rolled.pixels).max() <= 2


def test_cancel_takes_effect_within_a_batch_and_leaves_nothing(settings, tmp_path):
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) > 9

    outputs = Outputs(tmp_path / "p.png", tmp_path / "z.npz", tmp_path / "t.npz", tmp_path / "r.json")
    with pytest.raises(CancelledError):
        run(settings, outputs, cancelled=cancelled)
    assert len(asked) == 10
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("phase", list(Phase)[1:5])
def test_cancel_in_every_phase(settings, tmp_path, phase):
    seen = []
    with pytest.raises(CancelledError):
        Engine().generate(
            prepare(settings), Outputs(tmp_path / "p.png"), seen.append, lambda: bool(seen) and seen[-1].phase == phase
        )
    assert list(tmp_path.iterdir()) == []


def test_cancel_frees_what_the_run_held(settings):
    import gc

    def tensors():
        gc.collect()
        return sum(type(o) is torch.Tensor for o in gc.get_objects())

    engine = Engine()
    run(settings, engine=engine)
    before = tensors()
    count = iter(range(100))
    with pytest.raises(CancelledError):
        run(settings, engine=engine, cancelled=lambda: next(count) > 12)
    assert tensors() <= before


def test_a_run_that_is_stopped_keeps_the_picture_foreseen_there(settings, tmp_path):
    previews = []

    def emit(event):
        if isinstance(event, Progress) and event.preview is not None:
            previews.append(event.preview)

    plan = prepare(settings)
    outputs = Outputs(tmp_path / "p.png", report=tmp_path / "r.json")
    result = Engine().generate(plan, outputs, emit, stopped=lambda: len(previews) == 3)  # the noise and two steps
    assert result.stopped_after == 2
    assert read_request(tmp_path / "p.png")["stopped_after"] == 2
    assert json.loads((tmp_path / "r.json").read_text())["stopped_after"] == 2
    assert result.losses.shape == (2,)
    # What is kept is the x0 prediction: its preview is the last one shown.
    whole = run(settings)[0]
    assert np.abs(result.latents - whole.latents).max() > 1e-3
    assert "stopped_after" not in whole.request
    assert whole.report["stopped_after"] is None


def test_stopping_at_the_last_step_is_no_stop(settings):
    whole = run(settings)[0]
    result = Engine().generate(prepare({**settings, "steps": 1}), Outputs(), stopped=lambda: True)
    assert result.stopped_after is None
    assert whole.stopped_after is None


def test_a_run_that_was_parked_on_the_way_gives_the_same(settings):
    engine = Engine()
    asked = []

    def cancelled():
        asked.append(1)
        if len(asked) == 8:
            engine.park()
            engine.unpark()
        return False

    result = engine.generate(prepare(settings), Outputs(), cancelled=cancelled)
    assert len(asked) > 8
    assert np.array_equal(result.pixels, run(settings)[0].pixels)


def test_networks_that_do_not_fit_any_more_after_a_pause_are_forgotten(settings, monkeypatch):
    engine = Engine()
    engine.load(prepare(settings))

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(module.Components, "to", full)
    with pytest.raises(torch.OutOfMemoryError):
        engine.unpark()
    monkeypatch.undo()
    assert engine.generate(prepare(settings), Outputs()).pixels.any()


def test_what_was_loaded_before_is_not_loaded_again(settings, monkeypatch):
    engine = Engine()
    plan = prepare(settings)
    engine.load(plan)
    monkeypatch.setattr(type(plan.model), "load", None)
    monkeypatch.setattr(module, "load_distance", None)
    engine.generate(plan, Outputs())


def test_the_model_is_kept_for_the_next_run_and_released(settings, monkeypatch):
    engine = Engine()
    plan = prepare(settings)
    loads = []
    original = type(plan.model).load
    monkeypatch.setattr(type(plan.model), "load", lambda self, dtype: loads.append(1) or original(self, dtype))
    engine.generate(plan, Outputs())
    engine.generate(prepare({**settings, "seed": 3}), Outputs())
    assert len(loads) == 1
    engine.release()
    engine.generate(plan, Outputs())
    assert len(loads) == 2


def test_out_of_memory_halves_and_the_report_says_so(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FIXED_BATCH", 4)
    move = module.Coherence.move

    def hungry(self, x, *rest):
        if len(x) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return move(self, x, *rest)

    monkeypatch.setattr(module.Coherence, "move", hungry)
    result, _ = run({**settings, "width": 192})
    assert result.report["batches_halved"] == 2
    assert result.report["batch_sizes"]["gradient"] == {"1": 12}
    monkeypatch.undo()
    assert np.array_equal(result.pixels, run({**settings, "width": 192})[0].pixels)


def test_one_window_too_many_names_the_way_out(settings, tmp_path, monkeypatch):
    def hungry(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(module.Coherence, "move", hungry)
    with pytest.raises(NotEnoughMemoryError, match="lower --window"):
        run(settings, Outputs(tmp_path / "p.png"))
    assert list(tmp_path.iterdir()) == []


def test_memory_that_runs_out_elsewhere(settings, monkeypatch):
    def hungry(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(module.Decoder, "canvas", hungry)
    with pytest.raises(NotEnoughMemoryError, match="--decode tiles"):
        run(settings)


def test_nan_never_reaches_an_image(settings, tmp_path, monkeypatch):
    engine = Engine()
    plan = prepare(settings)
    original = type(plan.model).load

    def broken(self, dtype):
        parts = original(self, dtype)
        parts.unet.conv_out.weight.data.fill_(torch.nan)
        return parts

    monkeypatch.setattr(type(plan.model), "load", broken)
    with pytest.raises(NotFiniteError, match="the UNet gives NaN or infinity in float32"):
        engine.generate(plan, Outputs(tmp_path / "p.png"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_near_float32(settings, dtype):
    exact, half = run(settings)[0], run({**settings, "dtype": dtype})[0]
    assert half.report["dtype"] == dtype
    assert half.report["notices"] == []
    assert np.corrcoef(exact.latents.flatten(), half.latents.flatten())[0, 1] > 0.95


def test_half_precision_that_overflows_says_where(settings, monkeypatch):
    plan = prepare({**settings, "dtype": "float16"})
    original = type(plan.model).load

    def overflowing(self, dtype):
        parts = original(self, dtype)
        parts.unet.time_embedding.linear_1.weight.data.mul_(torch.tensor(6e4, dtype=dtype))
        return parts

    monkeypatch.setattr(type(plan.model), "load", overflowing)
    events = []
    result = Engine().generate(plan, Outputs(), events.append)
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert any(text.startswith("UNet: its output is not finite in float16") for text in notices)
    assert any("while sampling" in text for text in notices)
    assert np.isfinite(result.latents).all()


def test_report(settings, tmp_path):
    result, _ = run({**settings, "sync_count": 2}, Outputs(report=tmp_path / "r.json"))
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["settings"]["sync_count"] == 2
    assert report["settings"]["prompt"] == "a lake at dawn"
    assert set(report["seconds"]) == {"loading", "sampling", "decoding", "saving", "total"}
    assert report["peak_memory_bytes"] > 0
    assert report["windows"] == 3
    assert report["batch_sizes"] == {"plain": {"1": 3}, "anchor": {"1": 2}, "gradient": {"1": 4}}
    assert report["loss"] == {"first": float(result.losses[0]), "last": float(result.losses[2])}
    assert str(tmp_path) not in (tmp_path / "r.json").read_text()


def test_disk_full_leaves_nothing(settings, tmp_path, monkeypatch):
    from syncdiffusion.core.files import outputs

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs, "_write_npz", full)
    with pytest.raises(OutputError, match="No space left on device"):
        run(settings, Outputs(output=tmp_path / "p.png", save_latents=tmp_path / "z.npz"))
    assert list(tmp_path.iterdir()) == []


def test_deterministic_on_the_cpu(settings):
    assert np.array_equal(run({**settings, "deterministic": True})[0].pixels, run(settings)[0].pixels)


@pytest.mark.parametrize("scheduler", ["ddim", "dpmpp-2m", "unipc", "euler"])
def test_every_sampler_ends_in_a_picture(settings, scheduler):
    result, _ = run({**settings, "scheduler": scheduler, "steps": 5})
    assert np.isfinite(result.latents).all()
    assert result.pixels.std() > 5


def test_a_namespace_of_presets(settings):
    del settings["steps"], settings["stride"]
    requests = {name: prepare({**settings, "preset": name}).request for name in ("draft", "balanced", "paper")}
    seen = SimpleNamespace(**requests)
    assert (seen.draft.steps, seen.balanced.steps, seen.paper.steps) == (10, 20, 50)
    assert (seen.draft.stride, seen.balanced.stride, seen.paper.stride) == (64, 48, 16)
    sums = [sum(request.sync_weights()) for request in requests.values()]
    assert sums == pytest.approx([sums[2]] * 3, rel=0.01)  # w spread over fewer steps has the same sum
