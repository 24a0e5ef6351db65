"""Everything that shows the results: tables, plots, contact sheets, and the page that holds them all."""

from __future__ import annotations

from pathlib import Path

from ..core.runtime.devices import resolve_device
from . import plots, sheets, tables
from .experiment import Todo
from .findings import findings, findings_markdown
from .networks import load_networks
from .page import page
from .results import gather, summarise


def write_report(todo: Todo, folder: Path, device: str) -> Path:
    """Write the tables, figures and the page of what has been measured so far; gives the page's path."""
    experiment = todo.experiment
    networks = load_networks(experiment.networks, resolve_device(device), print)
    pictures = gather(experiment, folder, todo.jobs, todo.identity)
    results = summarise(experiment, folder, pictures, todo.identity, networks)
    with_paper = experiment.networks["kind"] == "paper"
    found = findings(results)
    texts = {number: tables.markdown(results, networks.metrics, number) for number in tables.TITLES}
    done = sum(map(len, pictures.values()))
    lines = [f"# {experiment.title}", "", experiment.note, "", f"{done} of {len(todo.jobs)} jobs are done.", ""]
    lines += [f"Left out: {problem}\n" for problem in todo.left_out]
    lines += [*texts.values(), findings_markdown(found)]
    (folder / "results.md").write_text("\n".join(lines), encoding="utf-8")
    for number in tables.TITLES:
        text = tables.table_csv(results, networks.metrics, number)
        (folder / f"table-{number}.csv").write_text(text, encoding="utf-8")
    (folder / "pictures.csv").write_text(tables.pictures_csv(results), encoding="utf-8")
    figures = {
        "figure-5": plots.figure_5(results, networks.metrics, with_paper),
        "figure-8": plots.figure_8(results, networks.metrics, with_paper),
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=110)
    shown = {"figure-4": sheets.figure_4(results), "figure-7": sheets.figure_7(results)}
    for name, sheet in shown.items():
        if sheet is not None:
            sheet.save(folder / f"{name}.jpg", quality=85)
    path = folder / "index.html"
    progress = " ".join([f"{done} of {len(todo.jobs)} jobs are done.", *(f"Left out: {one}" for one in todo.left_out)])
    path.write_text(page(results, networks.metrics, found, figures, shown, progress), encoding="utf-8")
    return path
