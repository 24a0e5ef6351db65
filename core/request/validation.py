"""From settings as given to a plan that can be carried out: all problems of a request, found at once.

No weights are loaded here. What a preset fills in depends on the model (its native window), so the model is looked up
first, and what can be checked without it is checked even when it cannot be found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..diffusion.windows import Windows
from ..errors import InvalidRequestError, Problem
from ..models.catalog import Model, find_model
from ..models.facts import ModelFacts
from .presets import DEFAULT_PRESET, PRESETS, STYLE_WEIGHT_RATIO
from .request import Request, is_window_index
from .settings import MAX_SIZE, SETTINGS, option

WINDOWS_ACROSS = 6
TARGET_WRAPS = {"tile": "xy"}


@dataclass(frozen=True)
class Plan:
    """A request that has been checked, with the model it is for and the windows over its canvas."""

    request: Request
    model: Model
    windows: Windows


def prepare(given: Mapping[str, Any], more: Sequence[Problem] = ()) -> Plan:
    """Check the settings ``given`` (text or values; None means not given), fill in the rest, and plan the run.

    ``more`` are problems found elsewhere that are to be reported along. Raises InvalidRequestError with every problem,
    ModelError when a model hub cannot be reached.
    """
    problems = list(more)
    values = _read_all(given, problems)
    model = _find_model(values, problems)
    _fill_in(values, model.facts if model else None, problems)
    windows = None
    if model is not None:
        problems += _step_problems(values, model.facts)
        size_problems = _size_problems(values, model.facts)
        known = {problem.field for problem in problems}
        problems += [problem for problem in size_problems if problem.field not in known]
        if not size_problems:
            windows = Request(**values).windows(model.facts.latent_factor)
    problems += _latents_problems(values["initial_latents"], model, windows)
    if values["method"] == "syncdiffusion":
        problems += _anchor_problems(values["anchor"], windows)
        problems += _loss_problems(values)
    if problems or model is None or windows is None:
        raise InvalidRequestError(problems)
    return Plan(Request(**values), model, windows)


def _read_all(given: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Every given setting, read by its own rules. A setting that cannot be read is left out and reported."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name not in SETTINGS:
            problems.append(Problem(option(name), "is no setting of this version"))
            continue
        try:
            values[name] = SETTINGS[name].read(value)
        except ValueError as error:
            problems.append(Problem(option(name), str(error)))
    if given.get("prompt") is None:
        problems.append(Problem("prompt", "is missing; say what the picture should show"))
    if given.get("sync_every") is not None and given.get("sync_count") is not None:
        problems.append(Problem("sync-count", "excludes sync-every; give one of the two"))
    return values


def _find_model(values: Mapping[str, Any], problems: list[Problem]) -> Model | None:
    try:
        model = find_model(
            values.get("model", "builtin"),
            allow_pickle=values.get("allow_pickle", False),
            offline=values.get("offline", False),
        )
        _ = model.facts  # read now, so that what is wrong with a configuration is found here
    except InvalidRequestError as error:
        problems.extend(error.problems)
        return None
    return model


def _fill_in(values: dict[str, Any], facts: ModelFacts | None, problems: list[Problem]) -> None:
    """Add what the preset, the target and the model's native size say for settings that are not given."""
    preset = dict(PRESETS[values.setdefault("preset", DEFAULT_PRESET)])
    strides_per_window = preset.pop("strides_per_window")
    if values.get("loss") == "style":
        preset["sync_weight"] *= STYLE_WEIGHT_RATIO
    if "sync_count" in values:
        preset["sync_every"] = None
    for name, value in preset.items():
        values.setdefault(name, value)

    needed = TARGET_WRAPS.get(values["target"])
    if needed and values.get("wrap", needed) != needed:
        problems.append(
            Problem("wrap", f"{values['wrap']!r} contradicts --target {values['target']}, which wraps {needed}")
        )
    values.setdefault("wrap", needed or "none")

    if facts is not None:
        factor = facts.latent_factor
        values.setdefault("window", facts.native_window)
        values.setdefault("stride", max(values["window"] // strides_per_window // factor * factor, factor))
        values.setdefault("height", values["window"])
        values.setdefault("width", min(WINDOWS_ACROSS * values["window"], MAX_SIZE // factor * factor))


def _size_problems(values: Mapping[str, Any], facts: ModelFacts) -> list[Problem]:
    """At most one problem a field: a size that is off the grid is not compared with others as well."""
    factor, window = facts.latent_factor, values["window"]
    problems = {}
    if values["stride"] > window:
        problems["stride"] = f"{values['stride']} is more than the window of {window}, so windows would leave gaps"
    for name in ("width", "height"):
        if values[name] < window:
            problems[name] = f"{values[name]} is less than the window of {window}; enlarge it, or lower --window"
    for name in ("width", "height", "window", "stride"):
        if values[name] % factor:
            low = values[name] // factor * factor
            near = f"{low} or {low + factor}" if low else f"{factor}"
            problems[name] = f"{values[name]} is not a multiple of {factor}; {near} would be"
    return [Problem(name, sentence) for name, sentence in problems.items()]


def _step_problems(values: Mapping[str, Any], facts: ModelFacts) -> list[Problem]:
    steps, count = values["steps"], values["sync_count"]
    problems = []
    if steps > facts.train_steps:
        problems.append(Problem("steps", f"{steps} is more than the {facts.train_steps} the model was trained with"))
    if count is not None and count > steps and values["method"] == "syncdiffusion":
        problems.append(Problem("sync-count", f"{count} is more than the {steps} steps there are"))
    return problems


def _anchor_problems(anchor: str, windows: Windows | None) -> list[Problem]:
    """``windows`` is None where the canvas is not known; then only pictures are checked."""
    if anchor == "center":
        return []
    if is_window_index(anchor):
        if windows is None or int(anchor) < len(windows):
            return []
        return [Problem("anchor", f"{anchor} is no window; there are {len(windows)}, counted from 0")]
    from ..files.images import ImageError, check_image

    try:
        check_image(Path(anchor).expanduser())
    except ImageError as error:
        return [Problem("anchor", f"{error}; give center, the index of a window, or a picture")]
    return []


def _latents_problems(path: str | None, model: Model | None, windows: Windows | None) -> list[Problem]:
    if path is None:
        return []
    from ..diffusion.noise import read_latents

    try:
        shape = tuple(read_latents(Path(path).expanduser()).shape)
    except (OSError, ValueError) as error:
        return [Problem("initial-latents", str(error))]
    if model is not None and windows is not None:
        wanted = (1, model.facts.latent_channels, windows.height, windows.width)
        if shape != wanted:
            return [Problem("initial-latents", f"has shape {shape}, but this canvas wants {wanted}")]
    return []


def _loss_problems(values: Mapping[str, Any]) -> list[Problem]:
    if values["sync_weight"] == 0 or values["sync_first"] == 0:
        return []
    from ..perceptual.weights import check_weights, smallest_image

    loss, window = values["loss"], values.get("window")
    problems = check_weights(loss, values["loss_weights"], values["offline"])
    if window is not None and window < smallest_image(loss):
        problems.append(Problem("window", f"{window} is too small for {loss}: {smallest_image(loss)} or more"))
    return problems
