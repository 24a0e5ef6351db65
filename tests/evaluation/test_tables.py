"""Tables, findings and the page, from numbers that are given."""

import csv
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from syncdiffusion.evaluation.experiment import read_experiment
from syncdiffusion.evaluation.findings import findings, findings_markdown
from syncdiffusion.evaluation.networks import columns
from syncdiffusion.evaluation.page import questions
from syncdiffusion.evaluation.paper import ROWS, mean_and_deviation
from syncdiffusion.evaluation.results import Cell, Picture, Results, random_pairs
from syncdiffusion.evaluation.sheets import figure_4, figure_7
from syncdiffusion.evaluation.tables import markdown, pictures_csv, shown, table_csv

METRICS = columns("Intra-distance", "Intra-style", "Mean-GIQA", "FID", "KID", "Agreement")


@pytest.fixture
def results(write, tmp_path):
    """Made-up results in which all of the paper's findings hold."""
    more = "".join(
        f'[methods.{key}]\npaper = "{key}"\ntables = [2, 3]\nw = 1\n'
        for key in ("bld", "w5", "w10", "w15", "eq13", "style", "f5", "f10")
    )
    experiment = read_experiment(write(more=more))
    values = {
        "distance": {"md": 9, "w5": 8, "w10": 7, "w15": 6, "w20": 5, "eq13": 8.9, "f5": 8.5, "f10": 7.5},
        "style": {"w20": 0.002, "style": 0.001},
        "fid": {"md": 1, "w5": 2, "w10": 3, "w15": 4, "w20": 5, "style": 9, "bld": 8},
        "seconds": {"md": 10, "f5": 20, "f10": 30, "w20": 40},
    }
    pictures, cells = {}, {}
    for row in experiment.rows():
        key = "" if row.reference else experiment.paper_key(row)
        cells[row] = {metric: Cell(of[key], 0.5, 4) for metric, of in values.items() if key in of}
        pictures[row] = [picture(tmp_path, row, prompt, seed) for prompt in experiment.prompts for seed in (0, 1)]
    return Results(experiment, "made-up networks", pictures, cells)


def picture(folder, row, prompt, seed):
    path = folder / "jobs" / f"{row}-{prompt}-{seed}" / "image.png"
    path.parent.mkdir(parents=True)
    size = (64, 64) if row.size == "window" else (128, 64)
    Image.new("RGB", size, (seed * 40, len(path.parent.name) * 3, 90)).save(path)
    values = {"distance": 1.0, "style": 0.5, "agreement": float("nan"), "seconds": 2.0}
    return Picture(prompt, seed, path, values, torch.zeros(3))


def test_a_cell_is_mean_and_deviation():
    assert Cell.of([1.0, 2.0, 3.0, float("nan")]) == Cell(2.0, pytest.approx(np.std([1, 2, 3])), 3)
    assert Cell.of([float("nan")]) is Cell.of([]) is None
    assert shown(Cell(0.00839, 0.00627, 2), METRICS[1]) == "8.39 ± 6.27"
    assert shown(None, METRICS[0]) == "–"


def test_the_papers_numbers():
    assert ROWS["w20"]["distance"] == "0.56 ± 0.06"
    assert ROWS["w20"]["seconds"] == "339.53 ± 2.85"
    assert mean_and_deviation(ROWS["sd"]["kid"]) == (0.01, 0.13)
    assert all(len(mean_and_deviation(cell)) == 2 for row in ROWS.values() for cell in row.values())


def test_tables_stand_side_by_side(results):
    table = markdown(results, METRICS, 2)
    assert "Ours was measured with made-up networks." in table
    (line,) = [line for line in table.splitlines() if line.startswith("| w = 20 |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:6] == ["w = 20", "4", "0.56 ± 0.06", "5.00 ± 0.50", "1.39 ± 1.15", "2.00 ± 500.00"]
    assert len(cells) == 2 + 2 * 6
    rows = list(csv.DictReader(io.StringIO(table_csv(results, METRICS, 3))))
    (row,) = [row for row in rows if row["method"] == "w = 20"]
    assert (row["Seconds paper mean"], row["Seconds our mean"], row["n"]) == ("339.53", "40", "4")
    assert row["Mean-GIQA our mean"] == ""
    lines = list(csv.DictReader(io.StringIO(pictures_csv(results))))
    assert len(lines) == sum(map(len, results.pictures.values()))
    assert lines[0]["seconds"] == "2"


def test_findings_hold_or_not_or_are_not_measured(results):
    assert {one.verdict for one in findings(results)} == {"reproduced"}
    assert "| reproduced |" in findings_markdown(findings(results))
    row = results.row("w10")
    results.cells[row]["distance"] = Cell(8.2, 0.1, 4)
    results.cells[results.row("eq13")]["distance"] = Cell(8, 0.1, 4)
    del results.cells[results.row("style")]["fid"]
    verdicts = [one.verdict for one in findings(results)]
    assert verdicts == [
        "not reproduced", "not reproduced", "not measured", "reproduced", "reproduced", "reproduced", "reproduced",
    ]  # fmt: skip


def test_sheets_compare_the_same_seed(results):
    assert figure_4(results).width == figure_7(results).width
    assert figure_7(results).height > figure_4(results).height  # five rows a prompt in place of three
    for row in list(results.pictures):
        results.pictures[row] = []
    assert figure_4(results) is None


def test_pairs_of_single_windows(results):
    pictures = results.pictures[results.row("sd")]
    pairs = random_pairs(pictures, 1000)
    assert [(a.prompt, a.seed, b.seed) for a, b in pairs] == [("lake", 0, 1), ("night", 0, 1)]
    assert random_pairs(pictures * 5, 7) == random_pairs(pictures * 5, 7)
    assert len(random_pairs(pictures * 5, 7)) == 14


def test_the_questions_are_blind(results):
    asked = questions(results)
    assert [one["kind"] for one in asked] == ["study"] * 8 + ["vigilance"] * 4
    assert all(set(one) == {"kind", "prompt", "a", "b"} for one in asked)
    assert all(one[side].startswith("data:image/jpeg;base64,") for one in asked for side in "ab")
    assert questions(results) == asked
    assert {one["prompt"] for one in asked} == {"a lake at dawn", "a city at night"}


def test_the_page_needs_nothing_from_elsewhere(results):
    plots = pytest.importorskip("syncdiffusion.evaluation.plots")
    pytest.importorskip("matplotlib")
    from syncdiffusion.evaluation.page import page

    figures = {"figure-5": plots.figure_5(results, METRICS, True), "figure-8": plots.figure_8(results, METRICS, False)}
    sheets = {"figure-4": figure_4(results), "figure-7": None}
    text = page(results, METRICS, findings(results), figures, sheets, "12 jobs are done.")
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "$" not in text.partition("<script id")[0]
    data = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.S)[1]
    assert len(json.loads(data)["pairs"]) == 12
    assert text.count("<svg") == 2
    assert "<td class=paper>0.56 ± 0.06</td><td>5.00 ± 0.50</td>" in text
    readable = re.sub(r"base64,[^\"]*", "", data)
    assert "w20" not in readable
    assert "jobs" not in readable
