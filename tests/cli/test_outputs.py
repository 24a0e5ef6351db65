"""Where results go: what stands against it before a run, and what may go wrong at its end."""

import errno
import io
import os
import shutil
import sys
import tempfile
from collections import namedtuple

import numpy as np
import pytest

from syncdiffusion.core.files import outputs

PLAIN = {"width": 64, "steps": 1, "method": "multidiffusion"}
Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"output": None}, "output: is missing; name a PNG with -o"),
        ({"output": ""}, "output: is empty; name a file"),
        ({"output": "out.jpg"}, "output: 'out.jpg' does not end in .png (or .exr, for a world's light)"),
        ({"output": "png"}, "output: 'png' does not end in .png (or .exr, for a world's light)"),
        ({"output": "gone/out.png"}, "output: there is no folder 'gone'; make it, or name another"),
        ({"output": ".."}, "output: '..' is a folder; name a file in it"),
        ({"report": "."}, "report: '.' is a folder; name a file in it"),
        ({"trace": ""}, "trace: is empty; name a file"),
        ({"save_latents": "gone/z.npz"}, "save-latents: there is no folder 'gone'; make it, or name another"),
    ],
)
def test_names_that_will_not_do(refused, changed, line):
    assert refused(**changed) == [line]


def test_a_name_that_is_too_long(refused):
    name = "a" * 300 + ".png"
    (line,) = refused(output=name)
    assert line.startswith(f"output: {name!r} cannot be written (")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on Windows")
def test_a_device_is_not_replaced_by_a_file(refused, here):
    os.mkfifo(here / "pipe")
    assert refused(report="pipe") == ["report: 'pipe' is no ordinary file; name another"]


def test_a_folder_that_cannot_be_written_to(refused, monkeypatch):
    def refuse(dir):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert refused() == ["output: '.' cannot be written to (Permission denied); name another folder"]


@pytest.mark.parametrize("other", ["out.png", "../here/out.png"])
def test_one_file_for_two_results(refused, other):
    assert refused(report=other) == [
        "output: 'out.png' is named for two different results",
        f"report: {other!r} is named for two different results",
    ]


def test_no_space(before_loading, refused, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**9, 10**9, 2**20))
    outcome = before_loading()
    assert (outcome.status, outcome.errors) == (
        1, ["output: '.' has 1 MB free, and up to 1 MB are needed; make room, or name a file on another disk"]
    )  # fmt: skip
    (line,) = before_loading(width=32768, height=1024).errors
    assert "has 1 MB free, and up to 97 MB are needed" in line
    assert refused(width="wide")[0].startswith("width: ")


@pytest.mark.parametrize("failing", ["_write_npz", "report", "replace"])
def test_a_write_that_fails_leaves_nothing(generate, here, monkeypatch, failing):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if failing == "replace":
        monkeypatch.setattr(os, "replace", fail)
    elif failing == "report":
        monkeypatch.setattr(outputs.json, "dumps", fail)
    else:
        monkeypatch.setattr(outputs, failing, fail)
    outcome = generate(**PLAIN, trace="t.npz", report="r.json")
    file = {"_write_npz": "t.npz", "report": "r.json", "replace": "out.png"}[failing]
    assert outcome.status == 1
    if failing != "report":  # which knows its name only
        assert outcome.errors == [f"{file!r} could not be written (No space left on device); make room or name another"]
    assert outcome.out == ""
    assert list(here.iterdir()) == []


def test_an_older_picture_survives_a_failure(generate, here, monkeypatch):
    (here / "out.png").write_bytes(b"older")
    with monkeypatch.context() as patch:
        patch.setattr(outputs, "_write_npz", lambda *_, **__: 1 / 0)
        outcome = generate(**PLAIN, trace="t.npz")
    assert outcome.status == 1
    assert outcome.errors == ["an unexpected error: ZeroDivisionError: division by zero; --debug shows where"]
    assert [path.read_bytes() for path in here.iterdir()] == [b"older"]
    assert generate(**PLAIN).status == 0
    assert (here / "out.png").stat().st_size > 100


def test_odd_names(generate, here):
    for name in ("~nobody.png", "a b'c.png", "日本.PNG"):
        outcome = generate(**PLAIN, output=name)
        assert (outcome.status, outcome.out) == (0, f"{name}\n")
        assert (here / name).is_file()


@pytest.mark.parametrize("name", [b"\xff.png", "日本.png".encode()])
@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_a_name_that_standard_output_cannot_show(generate, here, monkeypatch, name):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, "ascii", write_through=True))
    assert generate(**PLAIN, output=os.fsdecode(name)).status == 0
    assert (here / os.fsdecode(name)).is_file()
    assert shown.getvalue() == name + b"\n"


def test_results_lie_where_they_are_wanted(generate, here, tmp_path):
    outcome = generate(**PLAIN, output=tmp_path / "p.png", trace="../t.npz", save_latents="z.npz", report="r.json")
    assert outcome.status == 0
    assert sorted(path.name for path in here.iterdir()) == ["r.json", "z.npz"]
    assert np.load(tmp_path / "t.npz")["latents"].shape == (1, 4, 8, 8)
