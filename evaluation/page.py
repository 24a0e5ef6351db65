"""One HTML page that holds all results and needs nothing but a browser; with the user study's question, blind."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .findings import Finding
from .networks import Metric
from .paper import QUESTION, ROWS, STUDY
from .plots import svg
from .results import Picture, Results
from .tables import NOTHING, TITLES, columns_of, papers_name, rows_of, shown
from .worker import read_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATE = Path(__file__).with_name("page.html")
QUESTIONS = 20  # that each participant of the paper's study answered
VIGILANCE = 5  # questions on single windows set side by side, which a careful eye refuses
WIDEST = 1536


def page(
    results: Results,
    metrics: Sequence[Metric],
    found: Sequence[Finding],
    figures: Mapping[str, Figure],
    sheets: Mapping[str, Image.Image | None],
    progress: str,
) -> str:
    """The page's text. Pictures are inside it."""
    experiment = results.experiment
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=html.escape(experiment.title),
        note=html.escape(experiment.note),
        networks=html.escape(results.networks),
        progress=html.escape(progress),
        tables="\n".join(_table(results, metrics, number) for number in TITLES),
        findings=_findings(found),
        plots="\n".join(f"<figure>{svg(figure)}</figure>" for figure in figures.values()),
        sheets="\n".join(
            f'<figure><img src="{data_uri(sheet)}" alt="{name}"><figcaption>{name.replace("-", " ").capitalize()} of '
            "the paper, with our pictures</figcaption></figure>"
            for name, sheet in sheets.items()
            if sheet is not None
        ),
        question=html.escape(QUESTION),
        study=f"{STUDY:.2f}",
        pairs=_script_safe({"experiment": experiment.title, "pairs": questions(results)}),
    )


def _table(results: Results, metrics: Sequence[Metric], number: int) -> str:
    metrics = columns_of(metrics, number)
    heads = "".join(f"<th colspan=2>{html.escape(metric.heading)}</th>" for metric in metrics)
    under = "".join(f"<th>paper<br>{papers_name(metric)}</th><th>ours</th>" for metric in metrics)
    body = []
    for row in rows_of(results, number):
        printed = ROWS.get(results.experiment.paper_key(row), {})
        cells = "".join(
            f"<td class=paper>{printed.get(metric.name, NOTHING)}</td>"
            f"<td>{shown(results.cells[row].get(metric.name), metric)}</td>"
            for metric in metrics
        )
        label = html.escape(results.experiment.label(row))
        body.append(f"<tr><th>{label}</th><td>{len(results.pictures[row])}</td>{cells}</tr>")
    caption = f"<caption>{TITLES[number]}. Ours: {html.escape(results.networks)}.</caption>"
    head = f"<thead><tr><th rowspan=2></th><th rowspan=2>n</th>{heads}</tr><tr>{under}</tr></thead>"
    return f"<div class=scroll><table>{caption}{head}<tbody>{''.join(body)}</tbody></table></div>"


def _findings(found: Sequence[Finding]) -> str:
    lines = [
        f"<tr><td>{html.escape(one.claim)}</td><td>{html.escape(one.rule)}</td><td>{html.escape(one.numbers)}</td>"
        f'<td class="{one.verdict.replace(" ", "-")}">{one.verdict}</td></tr>'
        for one in found
    ]
    head = "<tr><th>finding of the paper</th><th>rule</th><th>numbers</th><th>verdict</th></tr>"
    return f"<div class=scroll><table class=words><thead>{head}</thead><tbody>{''.join(lines)}</tbody></table></div>"


def questions(results: Results) -> list[dict[str, Any]]:
    """Pairs of panoramas of one prompt: MultiDiffusion and SyncDiffusion (w = 20), drawn at random, always the same.

    Among them are vigilance questions, where single windows are set side by side in place of a panorama.
    """
    rng = np.random.default_rng(0)
    plain, synchronized = results.pictures_of("md"), results.pictures_of("w20")
    pairs = [(a, b) for a in plain for b in synchronized if a.prompt == b.prompt]
    chosen = [pairs[index] for index in rng.permutation(len(pairs))[:QUESTIONS]]
    asked = [_question(results, "study", a.prompt, read_picture(a.image), read_picture(b.image)) for a, b in chosen]
    for one in [synchronized[index] for index in rng.permutation(len(synchronized))[:VIGILANCE]]:
        strip = _side_by_side([single for single in results.pictures_of("sd") if single.prompt == one.prompt], one)
        if strip is not None:
            asked.append(_question(results, "vigilance", one.prompt, strip, read_picture(one.image)))
    return asked


def _question(results: Results, kind: str, prompt: str, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """``a`` is what the study's answer is not."""
    text = results.experiment.prompts[prompt].text
    return {"kind": kind, "prompt": text, "a": data_uri(_fitted(a)), "b": data_uri(_fitted(b))}


def _side_by_side(singles: Sequence[Picture], like: Picture) -> np.ndarray | None:
    """Single windows as one strip of a panorama's size; None where there are too few."""
    windows = [read_picture(one.image) for one in singles]
    height, width = read_picture(like.image).shape[:2]
    if not windows or windows[0].shape[0] != height or len(windows) < width // windows[0].shape[1]:
        return None
    return np.concatenate(windows, axis=1)[:, :width]


def _fitted(picture: np.ndarray) -> Image.Image:
    image = Image.fromarray(picture)
    image.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
    return image


def data_uri(image: Image.Image) -> str:
    """A picture as the address of itself, a JPEG. No name tells where it is from."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _script_safe(content: Any) -> str:
    """JSON that can stand inside a script element."""
    return json.dumps(content).replace("</", "<\\/")
