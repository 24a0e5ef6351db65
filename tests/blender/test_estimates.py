"""What a picture will take. Pure: no Blender needed."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from syncdiffusion.blender import estimates
from syncdiffusion.core.request.validation import prepare


def plan(**more):
    given = {"prompt": "a lake", "target": "world", "world_size": 512, "method": "multidiffusion", "device": "cpu"}
    return prepare({**given, **more})


def report(**more):
    seconds = {"sampling": 120.0, "decoding": 2.0, "saving": 1.0}
    return {"seconds": seconds, "windows": 24, "stopped_after": None, "peak_memory_bytes": 3 * 2**30, **more}


def test_scaled_by_windows_and_steps(tmp_path, monkeypatch):
    file, first = tmp_path / "runs.json", plan()
    assert estimates.estimate(file, first) == estimates.UNKNOWN
    estimates.record(file, first, report(windows=len(first.windows)))
    monkeypatch.setattr(estimates, "_memory", lambda needed, device: f", {needed // 2**30} GB")
    assert estimates.estimate(file, first) == "About 2 min, 3 GB"
    assert estimates.estimate(file, plan(steps=first.request.steps * 4)) == "About 8 min, 3 GB"
    assert estimates.estimate(file, first, pictures=30) == "About 62 min, 3 GB"
    assert estimates.estimate(file, plan(preset="draft")) == estimates.UNKNOWN
    assert estimates.estimate(file, plan(method="syncdiffusion")) == estimates.UNKNOWN


def of_a_family(text_width, **more):
    """A plan whose model says to be of a published size."""
    made = plan(**more)
    facts = dataclasses.replace(made.model.facts, text_width=text_width)
    return dataclasses.replace(made, model=SimpleNamespace(facts=facts))


@pytest.mark.parametrize(
    ("gigabytes", "words"),
    [
        (24, "Time is known after the first picture. Takes about 14 GB of 24 GB RAM"),
        (12, "Takes about 14 GB of 12 GB RAM: too much. With Low VRAM it takes 10 GB"),
        (8, "Takes about 14 GB of 8 GB RAM: too much. With Low VRAM and a Tiny Decoder it takes 5 GB"),
        (4, "Takes about 14 GB of 4 GB RAM: too much, whatever is left out. Take a model with smaller windows"),
    ],
)
def test_whether_it_fits_is_known_before_the_first_picture(tmp_path, monkeypatch, gigabytes, words):
    monkeypatch.setattr("syncdiffusion.core.runtime.memory.total_bytes", lambda device: gigabytes * 2**30)
    told = of_a_family(1024, preset="paper", method="syncdiffusion", window=512, width=3072, loss="builtin")
    assert estimates.estimate(tmp_path / "runs.json", told) == words


@pytest.mark.parametrize(
    ("gigabytes", "words"),
    [
        (12, "Time is known after the first picture. Takes about 7 GB of 12 GB VRAM"),
        (6, "Time is known after the first picture. Takes about 4 GB of 6 GB VRAM, slower than with more"),
        (4, "Takes about 7 GB of 4 GB VRAM: too much. With Low VRAM and a Tiny Decoder it takes 3 GB"),
    ],
)
def test_a_card_that_is_short_of_memory_calculates_again_what_it_does_not_keep(tmp_path, monkeypatch, gigabytes, words):
    monkeypatch.setattr("syncdiffusion.core.runtime.memory.total_bytes", lambda device: gigabytes * 2**30)
    monkeypatch.setattr(estimates, "_device", lambda name: torch.device("cuda"))
    told = of_a_family(1024, preset="paper", method="syncdiffusion", window=512, width=3072, loss="builtin")
    assert estimates.estimate(tmp_path / "runs.json", told) == words


def test_without_the_engine_it_is_not_known_on_what_it_would_run(tmp_path, monkeypatch):
    monkeypatch.setattr(estimates, "_device", lambda name: None)
    line = estimates.estimate(tmp_path / "runs.json", of_a_family(1024, window=512, width=3072))
    assert line == "Time is known after the first picture. Takes about 2 GB VRAM"


def test_a_stopped_run_counts_the_steps_it_did(tmp_path, monkeypatch):
    file, first = tmp_path / "runs.json", plan()
    estimates.record(file, first, report(windows=len(first.windows), stopped_after=first.request.steps // 2))
    monkeypatch.setattr(estimates, "_memory", lambda *_: "")
    assert estimates.estimate(file, first) == "About 4 min"


def test_memory_on_a_cpu_is_the_whole_process():
    assert estimates._memory(2**30, "cpu").endswith(" GB free RAM")
    assert estimates._memory(2**30, "cuda:99") == ""


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": {}}'])
def test_a_damaged_file_is_no_reason_to_fail(tmp_path, text):
    file = tmp_path / "runs.json"
    file.write_text(text)
    assert estimates.estimate(file, plan()) == estimates.UNKNOWN
    estimates.record(file, plan(), report())
    assert estimates.estimate(file, plan()) != estimates.UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (7.4, "7 s"), (23.0, "25 s"), (89.0, "90 s"), (119.0, "2 min"), (9000.0, "2.5 h")],
)
def test_words(seconds, words):
    assert estimates.words(seconds) == words
