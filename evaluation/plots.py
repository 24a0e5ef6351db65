"""Figures 5 and 8 of the paper, drawn of our numbers."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .networks import Metric
from .paper import ROWS, mean_and_deviation
from .results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS = {"sd": "SD", "bld": "BLD", "md": "MD", "w10": "w=10", "w20": "w=20"}
LINE = {"md": 0, "w5": 5, "w10": 10, "w15": 15, "w20": 20}
COLOURS = ("#9aa0a6", "#c58b5a", "#7fa3c7", "#4f7fb5", "#1f4e8c")
PAPER_COLOUR = "#c0392b"


def figure_5(results: Results, metrics: Sequence[Metric], with_paper: bool) -> Figure:
    """Bars of every metric: mean, and the standard deviation as a line. The paper's means are dots, if asked for."""

    def draw(axes: Axes, metric: Metric) -> None:
        cells = {key: results.cell(key, metric.name) for key in BARS}
        for place, (key, cell) in enumerate(cells.items()):
            if cell is not None:
                height, deviation = cell.mean * metric.scale, cell.deviation * metric.scale
                axes.bar(place, height, yerr=deviation, color=COLOURS[place], ecolor="black", capsize=3)
            if with_paper:
                axes.plot(place, mean_and_deviation(ROWS[key][metric.name])[0], "o", color=PAPER_COLOUR, markersize=4)
        axes.set_xticks(range(len(BARS)), BARS.values(), fontsize=8)
        axes.set_xlim(-0.6, len(BARS) - 0.4)

    return _grid(metrics, draw, "Figure 5" + (" (red: the paper)" if with_paper else ""))


def figure_8(results: Results, metrics: Sequence[Metric], with_paper: bool) -> Figure:
    """Lines over w; vertical lines are standard deviations, the dashed one is that of single windows (SD)."""

    def draw(axes: Axes, metric: Metric) -> None:
        points = [(w, cell) for key, w in LINE.items() if (cell := results.cell(key, metric.name)) is not None]
        if points:
            means = [cell.mean * metric.scale for _, cell in points]
            deviations = [cell.deviation * metric.scale for _, cell in points]
            axes.errorbar([w for w, _ in points], means, deviations, color=COLOURS[-1], marker="o", capsize=3)
        if (single := results.cell("sd", metric.name)) is not None:
            axes.axhline(single.mean * metric.scale, color=COLOURS[0], linestyle="--", linewidth=1)
        if with_paper:
            means = [mean_and_deviation(ROWS[key][metric.name])[0] for key in LINE]
            axes.plot(LINE.values(), means, color=PAPER_COLOUR, marker=".", linewidth=1)
        axes.set_xticks(list(LINE.values()))
        axes.set_xlim(-1, 21)
        axes.set_xlabel("w", fontsize=8)

    return _grid(metrics, draw, "Figure 8" + (" (red: the paper)" if with_paper else ""))


def svg(figure: Figure) -> str:
    """A figure as the text of an SVG."""
    file = io.StringIO()
    figure.savefig(file, format="svg")
    text = file.getvalue()
    return text[text.index("<svg") :]


def _grid(metrics: Sequence[Metric], draw: Callable[[Axes, Metric], None], title: str) -> Figure:
    from matplotlib.figure import Figure  # without pyplot: no window system, no state

    metrics = [metric for metric in metrics if metric.name != "seconds"]
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    figure.suptitle(title, fontsize=11)
    for axes, metric in zip(figure.subplots(2, 3).flat, metrics, strict=True):
        draw(axes, metric)
        if not axes.has_data():
            axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=COLOURS[0])
            axes.set_yticks([])
        axes.set_title(metric.heading, fontsize=9)
        axes.tick_params(axis="y", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
