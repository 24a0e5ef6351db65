"""The engine's Algorithm 1 against the slow reference, after every step."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reference import Shortcuts as ReferenceShortcuts
from support.reference import reference_multistep, reference_run

from syncdiffusion.core.decoding.decoder import Decoder
from syncdiffusion.core.decoding.tiny import TinyDecoder
from syncdiffusion.core.diffusion.coherence import Coherence
from syncdiffusion.core.diffusion.denoiser import Denoiser, encode_prompt, unet_network
from syncdiffusion.core.diffusion.joint_diffusion import Anchor, JointDiffusion, Shortcuts
from syncdiffusion.core.diffusion.noise import generator_after, initial_noise
from syncdiffusion.core.diffusion.samplers import Sampler
from syncdiffusion.core.diffusion.schedule import SyncSchedule
from syncdiffusion.core.diffusion.windows import Windows
from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.models.tiny_decoder import load_tiny_decoder
from syncdiffusion.core.perceptual.weights import load_distance
from syncdiffusion.core.runtime.memory import Batches

STEPS = 4
FACTOR = 8


def assert_agree(mine, reference, tolerance=1e-5):
    """After every step. In float64, so that nothing but the algorithm can tell the two apart."""
    for step, (ours, theirs) in enumerate(zip(mine, reference, strict=True)):
        difference = (ours - theirs).abs().max().item()
        assert difference <= tolerance, f"step {step}: {difference:.2e} > {tolerance:.2e}"


def without_gradient(denoise):
    def checked(latents, timestep, **place):
        assert not torch.is_grad_enabled()
        return denoise(latents, timestep, **place)

    return checked


class Joint:
    """Our loop over a small model, set up by hand."""

    def __init__(
        self, folder: Path, windows: Windows, *, scheduler="ddim", loss=None, weights=None, negative="", tiny=None,
        half_scale=False,
    ):  # fmt: skip
        self.model = FolderModel(folder, "small")
        self.windows = windows
        self.parts = self.model.load(torch.float64).to(torch.device("cpu"))
        self.scheduler = scheduler
        condition = encode_prompt(self.parts, "a lake at dawn", negative, 77, print)
        unet = unet_network(self.parts, print)
        self.decoder = Decoder(self.parts.vae, self.model.facts, print)
        self.denoise = Denoiser(unet, condition, 7.5)
        self.coherence = None
        if loss is not None:
            distance = load_distance(loss, str(weights), print).double()
            decoder = self.decoder if tiny is None else TinyDecoder(tiny, print)
            self.coherence = Coherence(distance, decoder, [unet], half_scale)

    def run(self, schedule, *, anchor=None, batch=1, noisy=False, z=None, shortcuts=None):
        weights = schedule.weights()
        synchronized = [i for i, weight in enumerate(weights) if weight]
        sampler = Sampler(
            self.scheduler, self.model.facts.scheduler_config, self.model.facts.prediction_type, STEPS, synchronized,
            generator=generator_after(0, (1, 4, self.windows.height, self.windows.width)),
        )  # fmt: skip
        anchor = Anchor(self.windows.center) if anchor is None else anchor
        batches = Batches(torch.device("cpu"), batch)
        diffusion = JointDiffusion(
            self.windows,
            self.denoise,
            sampler,
            batches,
            weights,
            self.coherence,
            anchor,
            foresee_noisy=noisy,
            shortcuts=shortcuts or Shortcuts(),
        )
        z = initial_noise(0, (1, 4, self.windows.height, self.windows.width)) if z is None else z
        return list(diffusion.run(z.double()))


CASES = {
    "strip": {},
    "v prediction": {"kind": "v_prediction"},
    "batch of 3": {"batch": 3},
    "batch of all": {"batch": 32},
    "negative prompt": {"negative": "people, text"},
    "column": {"height": 20, "width": 8},
    "grid": {"height": 12, "width": 16},
    "stride that does not divide": {"width": 23, "stride": 5},
    "wrapped in x": {"width": 22, "wrap_x": True},
    "wrapped in both": {"height": 12, "width": 18, "wrap_x": True, "wrap_y": True, "batch": 4},
    "every second step": {"schedule": {"every": 2}},
    "the first two steps": {"schedule": {"first": 2}},
    "three steps spread": {"schedule": {"count": 3}},
    "large w": {"schedule": {"weight": 300.0}},
    "Eq. 13": {"foresee": "noisy"},
    "LPIPS (SqueezeNet)": {"loss": "lpips-squeeze"},
    "LPIPS (VGG16)": {"loss": "lpips-vgg", "width": 12},
    "Style Loss": {"loss": "style", "schedule": {"weight": 0.1}, "width": 12},
    "anchor of choice": {"anchor": 0},
    "DPM-Solver++": {"scheduler": "dpmpp-2m"},
    "UniPC": {"scheduler": "unipc", "schedule": {"every": 2}},
    "Euler": {"scheduler": "euler"},
    "Euler, v prediction, wrapped": {"scheduler": "euler", "kind": "v_prediction", "wrap_x": True, "width": 18},
    "Euler from the last timestep": {"scheduler": "euler-trailing"},
    "LCM": {"scheduler": "lcm"},
    "SDXL": {"family": "sdxl"},
    "SDXL, v prediction, wrapped, batch of 3": {
        "family": "sdxl",
        "kind": "v_prediction",
        "negative": "people",
        "wrap_x": True,
        "width": 18,
        "batch": 3,
    },
    "no UNet in the gradient": {"shortcuts": {"gradient": "no-unet"}},
    "no UNet in the gradient, v prediction": {"shortcuts": {"gradient": "no-unet"}, "kind": "v_prediction"},
    "no UNet in the gradient, Euler": {"shortcuts": {"gradient": "no-unet"}, "scheduler": "euler"},
    "noise reused": {"shortcuts": {"reuse_noise": True}, "batch": 2},
    "noise reused, DPM-Solver++, v": {
        "shortcuts": {"reuse_noise": True},
        "scheduler": "dpmpp-2m",
        "kind": "v_prediction",
    },
    "compared at half scale": {"shortcuts": {"loss_scale": 0.5}},
    "compared by a tiny decoder": {"shortcuts": {"loss_decoder": "tiny"}},
    "shifted windows without overlap": {"shortcuts": {"shift_windows": True}, "stride": 8, "width": 29, "batch": 2},
    "shifted windows on a grid, wrapped in x": {
        "shortcuts": {"shift_windows": True},
        "stride": 6,
        "height": 13,
        "width": 17,
        "wrap_x": True,
        "anchor": 4,
    },
    "shifted windows that overlap, DPM-Solver++": {
        "shortcuts": {"shift_windows": True},
        "scheduler": "dpmpp-2m",
        "stride": 5,
        "width": 29,
    },
    "all shortcuts": {
        "shortcuts": {
            "gradient": "no-unet",
            "loss_decoder": "tiny",
            "loss_scale": 0.5,
            "reuse_noise": True,
            "shift_windows": True,
        },
        "scheduler": "dpmpp-2m",
        "stride": 8,
        "width": 26,
        "wrap_x": True,
    },
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_agrees_with_the_reference(case, model, lpips_weights, tiny_decoder):
    case = {
        "family": "sd", "kind": "epsilon", "batch": 1, "negative": "", "height": 8, "width": 16, "stride": 4,
        "wrap_x": False, "wrap_y": False, "schedule": {}, "foresee": "predicted", "loss": "lpips-alex", "anchor": None,
        "scheduler": "ddim", "shortcuts": {}, **case,
    }  # fmt: skip
    folder = model(prediction_type=case["kind"], family=case["family"])
    schedule = SyncSchedule(STEPS, **{"weight": 20.0, "decay": 0.95, **case["schedule"]})
    weights = lpips_weights(case["loss"])
    short = case["shortcuts"]
    tiny = load_tiny_decoder(tiny_decoder, torch.float64) if "loss_decoder" in short else None
    windows = Windows(
        case["height"], case["width"], 8, case["stride"], case["wrap_y"], case["wrap_x"],
        shift_seed=0 if "shift_windows" in short else None,
    )  # fmt: skip
    joint = Joint(
        folder, windows, scheduler=case["scheduler"], loss=case["loss"], weights=weights, negative=case["negative"],
        tiny=tiny, half_scale="loss_scale" in short,
    )  # fmt: skip
    anchor = None if case["anchor"] is None else Anchor(case["anchor"])
    steps = joint.run(
        schedule,
        anchor=anchor,
        batch=case["batch"],
        noisy=case["foresee"] == "noisy",
        shortcuts=Shortcuts(drop_jacobian="gradient" in short, reuse_output="reuse_noise" in short),
    )

    told = dict(
        prompt="a lake at dawn",
        negative_prompt=case["negative"],
        height=case["height"] * FACTOR,
        width=case["width"] * FACTOR,
        window=8 * FACTOR,
        stride=case["stride"] * FACTOR,
        steps=STEPS,
        sync_weight=schedule.weight,
        sync_decay=schedule.decay,
        sync_steps={i for i, weight in enumerate(schedule.weights()) if weight},
        loss=case["loss"].removeprefix("lpips-"),
        loss_weights=weights,
        foresee=case["foresee"],
        anchor=case["anchor"],
        wrap_x=case["wrap_x"],
        wrap_y=case["wrap_y"],
        shortcuts=ReferenceShortcuts(**{**short, "loss_decoder": tiny}),
        dtype=torch.float64,
    )
    if case["scheduler"] == "ddim":
        reference = reference_run(folder, **told)
    else:
        reference = reference_multistep(folder, scheduler=case["scheduler"], **told)

    # Samplers other than DDIM compute in float32 inside diffusers.
    tolerance = 1e-5 if case["scheduler"] == "ddim" else 1e-3
    assert_agree([step.latents for step in steps], reference.latents, tolerance)
    expected = np.array([np.nanmean(row) if not row.isnan().all() else np.nan for row in reference.losses])
    np.testing.assert_allclose([step.loss for step in steps], expected, rtol=2e-3)
    assert any(gradient.abs().max() > 0 for gradient in reference.grads)


def test_no_weight_is_multidiffusion_without_any_gradient(model_folder):
    joint = Joint(model_folder, Windows(8, 16, 8, 4))
    joint.denoise = without_gradient(joint.denoise)
    steps = joint.run(SyncSchedule(STEPS, 0.0))
    reference = reference_run(
        model_folder,
        prompt="a lake at dawn",
        height=64,
        width=128,
        window=64,
        stride=32,
        steps=STEPS,
        sync_weight=0.0,
        dtype=torch.float64,
    )
    assert_agree([step.latents for step in steps], reference.latents)
    assert all(np.isnan(step.loss) for step in steps)


def test_picture_as_anchor(model_folder, lpips_alex):
    picture = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(5)).double()
    joint = Joint(model_folder, Windows(8, 16, 8, 4), loss="lpips-alex", weights=lpips_alex)
    features = joint.coherence.look_at_image(picture)
    anchor = Anchor(None, lambda _: features)
    steps = joint.run(SyncSchedule(STEPS, 20.0, 0.95), anchor=anchor, batch=2)
    reference = reference_run(
        model_folder, prompt="a lake at dawn", height=64, width=128, window=64, stride=32, steps=STEPS,
        loss="alex", loss_weights=lpips_alex, anchor=picture, dtype=torch.float64,
    )  # fmt: skip
    assert_agree([step.latents for step in steps], reference.latents)


@settings(max_examples=5, deadline=None)
@given(st.integers(3, 6), st.integers(1, 2), st.integers(1, 11), st.integers(0, 2**31 - 1), st.data())
def test_rolling_the_noise_rolls_the_latents(model_folder, lpips_alex, columns, rows, shift, seed, data):
    """On a loop that the stride divides, rolled by a multiple of the stride, with the anchor rolled along."""
    stride = 4
    windows = Windows(8 * rows, stride * columns, 8, stride, wrap_y=rows > 1, wrap_x=True)
    anchor = data.draw(st.integers(0, len(windows) - 1))
    row, column = divmod(anchor, len(windows.lefts))
    rolled_anchor = row * len(windows.lefts) + (column + shift) % len(windows.lefts)
    joint = Joint(model_folder, windows, loss="lpips-alex", weights=lpips_alex)
    schedule, z = SyncSchedule(STEPS, 20.0, 0.95), initial_noise(seed, (1, 4, windows.height, windows.width))
    plain = joint.run(schedule, anchor=Anchor(anchor), z=z)
    rolled = joint.run(schedule, anchor=Anchor(rolled_anchor), z=z.roll(shift * stride, 3))
    assert_agree([step.latents for step in rolled], [step.latents.roll(shift * stride, 3) for step in plain])


def test_the_anchor_is_evaluated_once_and_the_others_twice(model_folder, lpips_alex):
    windows = Windows(8, 16, 8, 4)
    joint = Joint(model_folder, windows, loss="lpips-alex", weights=lpips_alex)
    original, seen = joint.denoise, []

    def denoise(latents, timestep, **place):
        seen.append(latents.shape[0])
        return original(latents, timestep, **place)

    joint.denoise = denoise
    joint.run(SyncSchedule(STEPS, 20.0, first=1), batch=2)
    # One anchor; two others foreseen and evaluated anew; then three steps of three windows.
    assert seen == [1, 2, 2] + 3 * [2, 1]


def test_eq_13_needs_no_model_for_its_gradient(model_folder, lpips_alex):
    joint = Joint(model_folder, Windows(8, 16, 8, 4), loss="lpips-alex", weights=lpips_alex)
    joint.denoise = without_gradient(joint.denoise)
    joint.run(SyncSchedule(STEPS, 20.0), noisy=True)


def test_one_window_has_nothing_to_synchronize(model_folder, lpips_alex):
    joint = Joint(model_folder, Windows(8, 8, 8, 4), loss="lpips-alex", weights=lpips_alex)
    synchronized = joint.run(SyncSchedule(STEPS, 20.0))
    plain = joint.run(SyncSchedule(STEPS, 0.0))
    assert torch.equal(synchronized[-1].latents, plain[-1].latents)


def test_x0_of_a_step_is_the_canvas_foreseen(model_folder):
    joint = Joint(model_folder, Windows(8, 16, 8, 4))
    steps = joint.run(SyncSchedule(STEPS, 0.0))
    assert steps[0].x0.shape == (1, 4, 8, 16)
    # Nearer to the end the foreseen canvas is nearer to what comes out.
    end = steps[-1].latents
    assert (steps[-1].x0 - end).abs().mean() < (steps[0].x0 - end).abs().mean()


def test_reusing_the_noise_evaluates_every_window_once(model_folder, lpips_alex):
    joint = Joint(model_folder, Windows(8, 16, 8, 4), loss="lpips-alex", weights=lpips_alex)
    original, seen = joint.denoise, []

    def denoise(latents, timestep, **place):
        seen.append(latents.shape[0])
        return original(latents, timestep, **place)

    joint.denoise = denoise
    joint.run(SyncSchedule(STEPS, 20.0), batch=2, shortcuts=Shortcuts(reuse_output=True))
    assert seen == STEPS * [1, 2]


def test_no_unet_in_the_gradient_is_no_gradient_in_the_unet(model_folder, lpips_alex):
    joint = Joint(model_folder, Windows(8, 16, 8, 4), loss="lpips-alex", weights=lpips_alex)
    joint.denoise = without_gradient(joint.denoise)
    steps = joint.run(SyncSchedule(STEPS, 20.0), shortcuts=Shortcuts(drop_jacobian=True))
    assert all(step.loss > 0 for step in steps)


def test_shifted_windows_do_not_depend_on_the_batch(model_folder, lpips_alex):
    windows = Windows(8, 30, 8, 8, shift_seed=4)
    joint = Joint(model_folder, windows, loss="lpips-alex", weights=lpips_alex)
    schedule = SyncSchedule(STEPS, 20.0)
    runs = [joint.run(schedule, batch=batch) for batch in (1, 3)]
    assert_agree(*([step.latents for step in steps] for steps in runs), 1e-8)
