"""``world``, ``seam`` and ``faces``: commands on a panorama that is there."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.spheres import colours, strip_directions

from syncdiffusion.core.files.exr import read_exr, read_header


@pytest.fixture
def strip(tmp_path, monkeypatch):
    """A strip that closes, with a white disc in its sky."""
    monkeypatch.chdir(tmp_path)
    directions = strip_directions(384, 64)
    picture = 0.6 * colours(directions)
    apart = np.arccos((directions @ np.array((-0.97, 0.0, 0.243))).clip(-1, 1))
    picture[apart < 0.05] = 1.0
    Image.fromarray((picture * 255).astype(np.uint8)).save("strip.png")
    return "strip.png"


def test_a_strip_becomes_light_with_a_sun(run, strip):
    outcome = run("world", strip, "-o", "w.exr", "--world-size", "256", "--peak", "5")
    assert (outcome.status, outcome.out, outcome.errors) == (0, "w.exr\n", [])
    light = read_exr(Path("w.exr"))
    assert light.shape == (128, 256, 3)
    assert light.max() > 100
    request = json.loads(read_header(Path("w.exr"))["syncdiffusion"])
    assert (request["peak"], request["range"], request["world_size"]) == (5.0, "expanded", 256)
    assert request["sun"]["azimuth"] == pytest.approx(np.pi, abs=0.05)
    # Light goes back to a picture, and a sphere stays a sphere.
    assert run("world", "w.exr", "-o", "w.png", "--world-size", "256").status == 0
    with Image.open("w.png") as picture:
        assert picture.size == (256, 128)


def test_a_strip_without_a_highlight_has_no_sun_and_is_told_so(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray((120 * colours(strip_directions(384, 64))).astype(np.uint8)).save("plain.png")
    outcome = run("world", "plain.png", "-o", "w.exr", "--world-size", "128")
    assert outcome.errors == ["note: the picture shows no compact highlight, so there is no sun in its light"]
    outcome = run("world", "plain.png", "-o", "w.png", "--world-size", "128", "--horizon", "10")
    assert (outcome.status, outcome.errors) == (0, [])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["-o", "w.png", "--peak", "3"], "peak: is for --range expanded only"),
        (["-o", "w.png", "--range", "expanded"], "output: 'w.png' holds 8 bits"),
        (["-o", "w.exr", "--world-size", "101"], "world-size: 101 is odd; 102 would be even"),
        (["-o", "w.exr", "--poles", "generate"], "poles: 'generate' paints with the model"),
        (["-o", "w.exr", "--horizon", "80"], "horizon: 80 is out of range"),
        (["-o", "w.jpg"], "output: 'w.jpg' does not end in .png"),
        ([], "output: is missing"),
    ],
)
def test_what_world_refuses(run, strip, words, line):
    outcome = run("world", strip, *words)
    assert outcome.status == 2
    assert outcome.errors[0].startswith(line)


def test_a_picture_that_cannot_be_one(run, strip):
    Image.new("RGB", (64, 96)).save("high.png")
    assert "too narrow to close" in run("world", "high.png", "-o", "w.exr").errors[0]
    assert "a whole sphere is twice as wide as high" in run("faces", strip, "-o", "f.png").errors[0]
    Image.new("RGB", (64, 32)).save("sphere.png")
    assert "is for strips" in run("world", "sphere.png", "-o", "w.exr", "--horizon", "5").errors[0]
    assert run("seam", "none.png").errors == ["picture: there is no file 'none.png'"]


def test_the_seam_of_a_loop_and_of_a_cut(run, strip):
    ranks = []
    with Image.open(strip) as picture:
        picture.crop((0, 0, 288, 64)).save("cut.png")
    for name in (strip, "cut.png"):
        outcome = run("seam", name, "--roll", "rolled.png")
        assert outcome.status == 0
        ranks.append(float(outcome.out.split()[1].rstrip(":")))
    assert ranks[0] < 0.98
    assert ranks[1] == 1.0
    with Image.open("rolled.png") as rolled, Image.open("cut.png") as cut:
        assert np.array_equal(np.asarray(rolled), np.roll(np.asarray(cut), 144, 1))


def test_faces(run, strip):
    run("world", strip, "-o", "w.png", "--world-size", "256")
    assert run("faces", "w.png", "-o", "f.png", "--size", "32").out == "f.png\n"
    with Image.open("f.png") as sheet:
        assert sheet.size == (128, 96)
    assert run("faces", "w.png", "-o", "f.png", "--size", "3").errors == ["size: 3 is out of range; use 16 to 8192"]
