"""From settings as given to a plan that can be carried out: all problems of a request, found at once.

No weights are loaded here. What a preset fills in depends on the model (its native window), so the model is looked up
first, and what can be checked without it is checked even when it cannot be found.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..diffusion.windows import Windows, shared_spans
from ..errors import InvalidRequestError, ModelError, Problem
from ..models.additions.adapted import AdaptedModel, Additions
from ..models.additions.lora import read_lora
from ..models.additions.vae import Vae
from ..models.builtin import BUILTIN
from ..models.catalog import find_model
from ..models.facts import ModelFacts
from ..models.memory_plan import footprint_of, peak_bytes
from ..models.model import Model
from ..models.tiny_decoder import tiny_decoder_files, tiny_decoder_problem
from ..perceptual.weights import check_weights, smallest_image
from .findings import Findings
from .presets import DEFAULT_PRESET, PRESETS, STRIDE_SHARES, WEIGHT_RATIOS, few_step_settings
from .request import Request
from .settings import MAX_SIZE, SETTINGS, Times
from .start import check_start, fill_in_start, refined_canvas
from .world import check_world, default_size, fill_in_world

WINDOWS_ACROSS = 6
WINDOWS_OF_A_TILE = 2  # each way
LARGEST_STRIDE = Fraction(1, 2)  # of a window, where windows stay where they are
TARGET_WRAPS = {"world": "x", "tile": "xy"}
ADDITIONS = ("lora", "embedding", "vae", "tiny_decoder")
SIZES = ("width", "height", "window", "stride")
SYNC_SETTINGS = ("steps", "sync_weight", "sync_decay", "sync_every", "sync_count", "sync_first")


@dataclass(frozen=True)
class Plan:
    """A request that has been checked, with the model it is for and the windows over its canvas."""

    request: Request
    model: Model
    windows: Windows
    notes: tuple[str, ...] = ()
    """What is to be told of it before it is carried out."""

    @property
    def canvas_shape(self) -> tuple[int, int, int, int]:
        """That of its latents, (1, C, h, w)."""
        return (1, self.model.facts.latent_channels, self.windows.height, self.windows.width)

    def memory_bytes(self, number: int = 2, **changed: Any) -> int | None:
        """The peak of memory on a card, by ``memory_plan``; None for a model whose architecture was not counted.

        ``number``: bytes of the networks' numbers. ``changed``: settings of ``memory_plan.peak_bytes`` that are to be
        others than the request's.
        """
        request, facts = self.request, self.model.facts
        footprint = footprint_of(facts)
        if footprint is None:
            return None
        guided = request.guidance_scale > 1 and not (facts.few_step and facts.few_step.embeds_guidance)
        way = {"method": "syncdiffusion" if request.synchronizes else "multidiffusion"}
        way |= {name: getattr(request, name) for name in ("gradient", "loss_decoder", "loss_scale")}
        return peak_bytes(footprint, request.window, guided, number, **(way | changed))


def read_settings(given: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """Every setting of ``given`` by its own rules. One that cannot be read is left out and noted."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name not in SETTINGS:
            findings.add(name, "is no setting of this version")
            continue
        try:
            values[name] = SETTINGS[name].read(value)
        except ValueError as error:
            findings.add(name, str(error))
    if given.get("sync_every") is not None and given.get("sync_count") is not None:
        findings.add("sync_count", "excludes sync-every; give one of the two")
    return values


def prepare(given: Mapping[str, Any], more: Iterable[Problem] = (), model: Model | None = None) -> Plan:
    """Check the settings ``given`` (text or values; None means not given), fill in the rest, and plan the run.

    ``more`` are problems found elsewhere that are to be reported along; ``model`` is one that is at hand already, else
    the one named is looked for. Raises InvalidRequestError with every problem,
    ModelError when there is none but that a model hub cannot be reached.
    """
    findings = Findings(more)
    values = read_settings(given, findings)
    if given.get("prompt") is None:
        findings.add("prompt", f"is missing; {SETTINGS['prompt'].remedy}")
    unreachable = None
    try:
        model = model or _find_model(values, findings)
    except ModelError as error:
        unreachable = error
    request = _fill_in(values, model, findings)
    windows = None
    if model is not None:
        _check_steps(request, model.facts, findings)
        _check_sizes(request, model.facts, findings)
        if request.target == "world":
            check_world(request, findings)
        if not findings.about(*SIZES, "wrap"):
            windows = request.windows(model.facts.latent_factor)
            _check_method(request, windows, model.facts.latent_factor, findings)
    _check_regions(request, findings)
    _check_latents(request, model, windows, findings)
    check_start(request, model.facts if model else None, findings)
    if request.method == "syncdiffusion" and not findings.about("method"):
        _check_anchor(request, windows, findings)
        if request.synchronizes or findings.about(*SYNC_SETTINGS):
            _check_loss(request, model, findings)
    findings.raise_any()
    if unreachable is not None:
        raise unreachable
    return Plan(request, model, windows, tuple(_notes(request, model.facts)))


def _find_model(values: Mapping[str, Any], findings: Findings) -> Model | None:
    additions = _additions(values)
    model = None if findings.about("model") else _find_base(values, findings)
    known = {problem.field for problem in findings.problems}  # of a file that is gone nothing more is to be said
    problems = additions.problems(model.facts if model else None)
    findings.problems += [problem for problem in problems if problem.field not in known]
    return AdaptedModel(model, additions) if model and additions and not findings.about(*ADDITIONS) else model


def _additions(values: Mapping[str, Any]) -> Additions:
    vae, tiny = values.get("vae"), values.get("tiny_decoder")
    return Additions(
        tuple(map(read_lora, values.get("lora", ()))),
        tuple(map(Path, values.get("embedding", ()))),
        Vae(Path(vae)) if vae else None,
        Path(tiny) if tiny else None,
    )


def _find_base(values: Mapping[str, Any], findings: Findings) -> Model | None:
    try:
        model = find_model(
            values.get("model", BUILTIN),
            allow_pickle=values.get("allow_pickle", False),
            offline=values.get("offline", False),
        )
        _ = model.facts  # read now, so that what is wrong with a configuration is found here
    except InvalidRequestError as error:
        findings.problems.extend(error.problems)
        return None
    return model


def _fill_in(values: Mapping[str, Any], model: Model | None, findings: Findings) -> Request:
    """The request, with what the preset, the target and the model's native size say for settings that are not given.

    What nothing says (since there is no prompt or no model) is empty or 0 in it.
    """
    values = {"model": BUILTIN, **values}
    preset_name = values.setdefault("preset", DEFAULT_PRESET)
    preset = dict(PRESETS[preset_name])
    stride_share = preset.pop("stride_share")
    if values["model"] == BUILTIN and values.get("loss_weights") is None:
        preset["loss"] = BUILTIN  # nothing to download for the first picture
    facts = model.facts if model else None
    if facts is not None and facts.few_step is not None and preset_name != "paper":
        preset |= few_step_settings(facts.few_step, preset_name)
    if values.get("foresee") == "noisy":
        preset.update(gradient="exact", reuse_noise=False)  # there is no model output in the gradient
    if facts is not None and preset["loss_decoder"] == "tiny" and tiny_decoder_problem(model.tiny_decoder, facts):
        preset["loss_decoder"] = "full"  # a preset takes what the model has
    shift = values.get("shift_windows", preset["shift_windows"])
    if shift != preset["shift_windows"]:
        stride_share = 1 if shift else LARGEST_STRIDE  # windows that stay must overlap
    if (method := values.get("method")) in STRIDE_SHARES:
        stride_share, preset["shift_windows"] = STRIDE_SHARES[method], False
    preset["sync_weight"] *= WEIGHT_RATIOS.get(values.get("loss", preset["loss"]), 1.0)
    if isinstance(weight := values.get("sync_weight"), Times):
        values["sync_weight"] = weight.factor * preset["sync_weight"]
    if "sync_count" in values:
        preset["sync_every"] = None
    if not values.keys().isdisjoint(("sync_every", "sync_count")):
        preset["sync_first"] = None  # who says which steps synchronize says it for the whole run
    for name, value in preset.items():
        values.setdefault(name, value)
    if facts is not None and values["loss_decoder"] == "tiny" and values["tiny_decoder"] is None:
        values["tiny_decoder"] = _tiny_decoder_elsewhere(model, facts)

    needed = TARGET_WRAPS.get(values["target"])
    if needed and values.get("wrap", needed) != needed:
        findings.add("wrap", f"{values['wrap']!r} contradicts --target {values['target']}, which wraps {needed}")
    values.setdefault("wrap", needed or "none")
    fill_in_world(values, findings)
    fill_in_start(values, findings)
    if facts is not None:
        factor = facts.latent_factor
        # Rounded, so that a window off the grid is not reported as a canvas off the grid as well.
        window = max(values.setdefault("window", facts.native_window) // factor, 1) * factor
        values.setdefault("stride", max(int(window * stride_share) // factor * factor, factor))
        canvas = refined_canvas(values, window, factor, findings)
        across, down = (WINDOWS_OF_A_TILE,) * 2 if values["target"] == "tile" else (WINDOWS_ACROSS, 1)
        width, height = canvas or (min(count * window, MAX_SIZE // factor * factor) for count in (across, down))
        values.setdefault("height", height)
        values.setdefault("width", width)
        if values["target"] == "world" and values["world_size"] is None:
            values["world_size"] = default_size(values)
    return Request(**{"prompt": "", **dict.fromkeys(SIZES, 0), **values})


def _tiny_decoder_elsewhere(model: Model, facts: ModelFacts) -> str | None:
    """The tiny decoder that a model was found to have outside of its own files: a picture is to name it, too."""
    folder = model.tiny_decoder
    if tiny_decoder_problem(folder, facts) or not set(tiny_decoder_files(folder)).isdisjoint(model.files):
        return None
    return str(folder)


def _notes(request: Request, facts: ModelFacts) -> Iterator[str]:
    few = facts.few_step
    if few is None:
        return
    if request.preset == "paper":
        own = few_step_settings(few, DEFAULT_PRESET)
        yield (
            f"the model is a few-step model ({few.kind}), made for {own['steps']} steps with guidance scale "
            f"{own['guidance_scale']:g}; --preset paper takes the paper's settings all the same"
        )
    else:
        yield (
            f"the model is a few-step model ({few.kind}): {request.steps} steps of {request.scheduler} with guidance "
            f"scale {request.guidance_scale:g}"
        )


def _check_steps(request: Request, facts: ModelFacts, findings: Findings) -> None:
    steps, count = request.steps, request.sync_count
    if steps > facts.train_steps:
        findings.add("steps", f"{steps} is more than the {facts.train_steps} steps the model was trained with")
    if count is not None and count > steps and request.method == "syncdiffusion":
        findings.add("sync_count", f"{count} is more than the {steps} steps there are", "steps", "method")


def _check_sizes(request: Request, facts: ModelFacts, findings: Findings) -> None:
    factor, window = facts.latent_factor, request.window
    sizes = {name: getattr(request, name) for name in SIZES}
    for name, size in sizes.items():
        if size % factor:
            low = size // factor * factor
            near = f"{low} or {low + factor}" if low else f"{factor}"
            findings.add(name, f"{size} is not a multiple of {factor}; {near} would be")
    if request.stride > window:
        sentence = f"{request.stride} is more than the window of {window}, so windows would leave gaps"
        findings.add("stride", sentence, "window")
    for name in ("width", "height"):
        if sizes[name] < window:
            sentence = f"{sizes[name]} is less than the window of {window}; enlarge it, or lower --window"
            findings.add(name, sentence, "window")


def _check_method(request: Request, windows: Windows, factor: int, findings: Findings) -> None:
    """What a method asks beside that windows leave no gaps: of their overlaps above all."""
    window = request.window
    if request.init_image is not None and request.method in STRIDE_SHARES:
        findings.add("init_image", f"is not for --method {request.method}, which starts from noise", "method")
    if request.shift_windows and request.method in STRIDE_SHARES:
        findings.add("shift_windows", f"is not for --method {request.method}, whose windows stay in place", "method")
    if request.method == "blended" and request.stride == window and len(windows) > 1:
        sentence = f"{window} is the whole window; blended grows from what windows share, so use {window // 2} or less"
        findings.add("stride", sentence, "method")
    if request.method != "diffcollage":
        return
    half = math.ceil(window // factor / 2) * factor
    axes = {
        "width": (windows.lefts, windows.width, request.wrap_x),
        "height": (windows.tops, windows.height, request.wrap_y),
    }
    for name, (starts, length, wrap) in axes.items():
        most = max((size for _, size in shared_spans(starts, windows.window, length, wrap)), default=0) * factor
        if most <= window - half or findings.about("stride"):
            continue
        sentence = f"windows would share {most} of {window} pixels, and diffcollage takes at most half"
        if request.stride < half:
            findings.add("stride", f"{request.stride} is too small: {sentence}; use {half} to {window}", "method")
        else:
            first = 0 if wrap else window
            fits = first + (length * factor - first) // request.stride * request.stride
            near = f"{fits} or {fits + request.stride}" if fits >= window else f"{fits + request.stride}"
            findings.add(name, f"{length * factor} leaves a rest: {sentence}; {near} would fit", "method")


def _check_regions(request: Request, findings: Findings) -> None:
    if not request.region:
        return
    low, high, unit = (-360, 360, "degrees round the loop") if request.wrap_x else (0, 100, "per cent of the width")
    places = [float(text.partition(":")[0]) for text in request.region]
    for place in places:
        if not low <= place <= high:
            findings.add("region", f"{place:g} is out of range; use {low} to {high}, {unit}", "wrap")
    if len({round(place, 6) for place, _ in request.regions}) < len(places):
        findings.add("region", "two prompts stand at the same place; move one", "wrap")
    if request.method not in ("syncdiffusion", "multidiffusion"):
        findings.add("region", "is for --method syncdiffusion and multidiffusion", "method")


def _check_anchor(request: Request, windows: Windows | None, findings: Findings) -> None:
    """``windows`` is None where the canvas is not known; then only pictures are checked."""
    index, picture = request.anchor_index, request.anchor_image
    if index is not None and windows is not None and index >= len(windows):
        findings.add("anchor", f"{index} is no window; there are {len(windows)}, counted from 0")
    if picture is None:
        return
    from ..files.images import ImageError, check_image

    try:
        check_image(Path(picture))
    except ImageError as error:
        findings.add("anchor", f"{error}; {SETTINGS['anchor'].remedy}")


def _check_latents(request: Request, model: Model | None, windows: Windows | None, findings: Findings) -> None:
    if request.initial_latents is None:
        return
    from ..files.latents import read_latents

    try:
        shape = tuple(read_latents(Path(request.initial_latents)).shape)
    except (OSError, ValueError) as error:
        findings.add("initial_latents", str(error))
        return
    if model is not None and windows is not None:
        wanted = (1, model.facts.latent_channels, windows.height, windows.width)
        if shape != wanted:
            findings.add("initial_latents", f"has shape {shape}, but this canvas wants {wanted}")


def _check_loss(request: Request, model: Model | None, findings: Findings) -> None:
    _check_shortcuts(request, model, findings)
    if findings.about("loss"):
        return
    loss, window, smallest = request.loss, request.window, smallest_image(request.loss)
    if not findings.about("loss_weights"):
        findings.problems += check_weights(loss, request.loss_weights, request.offline)
    if 0 < window < smallest:
        findings.add("window", f"{window} is too small for {loss}, which looks at {smallest} pixels or more")
    elif 0 < window * request.loss_scale < smallest:
        sentence = f"{window} at --loss-scale {request.loss_scale:g} is too small for {loss}, which looks at {smallest}"
        findings.add("window", f"{sentence} pixels or more", "loss_scale")


def _check_shortcuts(request: Request, model: Model | None, findings: Findings) -> None:
    if request.foresee == "noisy":
        sentence = "has no meaning with --foresee noisy, whose gradient does not flow through the UNet"
        if request.gradient != "exact":
            findings.add("gradient", f"{request.gradient!r} {sentence}", "foresee")
        if request.reuse_noise:
            findings.add("reuse_noise", sentence.replace("flow through", "need"), "foresee")
    if request.loss_decoder == "tiny" and model is not None:
        problem = tiny_decoder_problem(model.tiny_decoder, model.facts)
        if problem is not None:
            findings.add("loss_decoder", problem, "tiny_decoder")
