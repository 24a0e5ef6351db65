"""The paper's Tables 2 and 3 side by side with ours, as Markdown and CSV, and every picture's values as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from .experiment import Row
from .networks import Metric
from .paper import ROWS, mean_and_deviation
from .results import Cell, Results

TITLES = {
    2: "Table 2: quantitative results on panorama generation",
    3: "Table 3: the cost of the gradient",
}
NOTHING = "–"


def rows_of(results: Results, number: int) -> list[Row]:
    """The rows of one of the paper's tables; those of which nothing has been measured are among them."""
    methods = results.experiment.methods
    return [row for row in results.cells if not row.reference and number in methods[row.method].tables]


def shown(cell: Cell | None, metric: Metric) -> str:
    """A cell as the paper prints it: mean ± standard deviation."""
    if cell is None:
        return NOTHING
    mean, deviation = cell.mean * metric.scale, cell.deviation * metric.scale
    return f"{mean:.2f} ± {deviation:.2f}"


def columns_of(metrics: Sequence[Metric], number: int) -> list[Metric]:
    """Table 3 has seconds, Table 2 has not."""
    return [metric for metric in metrics if number == 3 or metric.name != "seconds"]


def markdown(results: Results, metrics: Sequence[Metric], number: int) -> str:
    """A table: for every metric the paper's cell and ours; ``n`` is how many pictures ours is of."""
    metrics = columns_of(metrics, number)
    lines = [f"**{TITLES[number]}.** Ours was measured with {results.networks}.", ""]
    heads = [f"paper {papers_name(metric)} | ours: {metric.heading}" for metric in metrics]
    lines += [f"| | n | {' | '.join(heads)} |", "|---" * (2 + 2 * len(metrics)) + "|"]
    for row in rows_of(results, number):
        printed = ROWS.get(results.experiment.paper_key(row), {})
        cells = results.cells[row]
        pairs = [f"{printed.get(metric.name, NOTHING)} | {shown(cells.get(metric.name), metric)}" for metric in metrics]
        count = len(results.pictures[row])
        lines.append(f"| {results.experiment.label(row)} | {count} | {' | '.join(pairs)} |")
    return "\n".join(lines) + "\n"


def papers_name(metric: Metric) -> str:
    """What the paper calls a column, with its unit."""
    names = {
        "distance": "Intra-LPIPS",
        "style": "Intra-Style-L (x1e-3)",
        "giqa": "Mean-GIQA (x1e-3)",
        "fid": "FID",
        "kid": "KID (x1e-3)",
        "agreement": "Mean-CLIP-S",
        "seconds": "seconds (A100)",
    }
    return names[metric.name]


def table_csv(results: Results, metrics: Sequence[Metric], number: int) -> str:
    """The same numbers, four columns for each metric; empty where there is none."""
    metrics = columns_of(metrics, number)
    parts = ("paper mean", "paper deviation", "our mean", "our deviation")
    lines = [["method", "size", "n", *(f"{metric.title} {part}" for metric in metrics for part in parts)]]
    for row in rows_of(results, number):
        printed = ROWS.get(results.experiment.paper_key(row), {})
        line = [results.experiment.methods[row.method].label, row.size, str(len(results.pictures[row]))]
        for metric in metrics:
            cell = results.cells[row].get(metric.name)
            line += [str(n) for n in mean_and_deviation(printed[metric.name])] if metric.name in printed else ["", ""]
            line += [f"{n * metric.scale:.6g}" for n in (cell.mean, cell.deviation)] if cell else ["", ""]
        lines.append(line)
    return _csv(lines)


def pictures_csv(results: Results) -> str:
    """What was measured of every picture, in plain units."""
    names = ("distance", "style", "agreement", "seconds")
    lines = [["method", "size", "reference", "prompt", "seed", *names, "image"]]
    for row, pictures in results.pictures.items():
        for one in pictures:
            values = [f"{one.values[name]:.6g}" for name in names]
            lines.append([row.method, row.size, str(int(row.reference)), one.prompt, str(one.seed), *values])
            lines[-1].append(one.image.parent.name)
    return _csv(lines)


def _csv(lines: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
