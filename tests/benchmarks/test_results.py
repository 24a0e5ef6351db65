"""Results are kept, gone on with, and shown; the front is drawn."""

import json
from xml.etree import ElementTree

from benchmarks.plot import draw_front
from benchmarks.results import Results, table

ROW = {"what": "counted", "model": "sd2", "across": 6, "windows": 21}


def test_kept_after_every_row_and_gone_on_with(tmp_path):
    path = tmp_path / "made" / "r.json"
    results = Results(path, {"device": "x"})
    assert not results.has(mode="paper")
    results.add({**ROW, "mode": "paper", "total_tflop": 5.0})
    assert json.loads(path.read_text())["machine"] == {"device": "x"}
    again = Results(path, {"device": "x"})
    assert again.has(mode="paper", across=6)
    assert not again.has(mode="paper", across=2)
    assert Results(path, {"device": "another"}).rows == []


def test_the_table_compares_with_the_authors_loop():
    rows = [
        {**ROW, "mode": "authors", "total_tflop": 100.0},
        {**ROW, "mode": "paper", "total_tflop": 50.0, "gradient_bytes": 2**30},
        {**ROW, "mode": "paper", "total_tflop": 50.0, "across": 2},
        {**ROW, "mode": "draft", "failed": "out of memory"},
        {**ROW, "what": "timed", "mode": "paper", "total_seconds": 20.0},
    ]
    lines = table(rows).splitlines()
    assert lines[1].split() == ["sd2", "authors", "6", "21", "100.0", "1.0"]
    assert lines[2].split() == ["sd2", "paper", "6", "21", "50.0", "1.00", "2.0"]
    assert lines[3].split()[-1] == "50.0"
    assert lines[4].endswith("out of memory")
    assert lines[5].split() == ["sd2", "paper", "6", "21", "20.0", "50.0", "2.5"]  # counted, by its seconds


def test_the_front_is_a_drawing_with_every_name():
    rows = [
        {"name": "multidiffusion", "tflop": 20.0},
        {"name": "exact", "tflop": 200.0, "gain": 1.0, "holds": True},
        {"name": "a < b", "tflop": 33.0, "gain": -0.2, "holds": False},
    ]
    drawing = ElementTree.fromstring(draw_front(rows))
    space = "{http://www.w3.org/2000/svg}"
    words = {text.text for text in drawing.iter(f"{space}text")}
    assert {"multidiffusion", "exact", "a < b", "10", "1000"} <= words
    heights = [float(circle.get("cy")) for circle in drawing.iter(f"{space}circle")]
    assert heights[1] < heights[0] < heights[2]
