"""``syncdiffusion benchmark``."""

import json
import sys

import pytest


def test_its_options_are_the_benchmarks(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("benchmark", "--help")
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"--{name} " in text for name in ("counted", "timed", "modes", "minutes"))


def test_counting(run, tmp_path):
    path = tmp_path / "r.json"
    words = ["--counted", "small", "--timed", "--modes", "multidiffusion", "draft", "--across", "2"]
    outcome = run("benchmark", *words, "--output", str(path))
    assert outcome.status == 0
    assert [line.split()[:2] for line in outcome.out.splitlines()[:2]] == [
        ["small", "multidiffusion"],
        ["small", "draft"],
    ]
    assert len(json.loads(path.read_text())["rows"]) == 2


def test_an_installation_without_them_says_so(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "syncdiffusion.benchmarks.run", None)
    outcome = run("benchmark")
    assert outcome.status == 1
    assert "the benchmarks are not installed here" in outcome.errors[0]
