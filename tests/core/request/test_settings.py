"""How a single value is read, whoever gives it. What the command line says of bad values is tested there."""

import os

import pytest

from syncdiffusion.core.errors import option
from syncdiffusion.core.request.settings import SETTINGS, Choice, File, Flag, Real, Setting, Text, Times, Weight, Whole


@pytest.mark.parametrize(
    ("setting", "value", "read"),
    [
        (Whole("", 1, 9), "9", 9),
        (Whole("", 1, 9), 1.0, 1),
        (Whole("", 1), "10000000000000000000", 10**19),
        (Real("", 0, 1), "1e-3", 0.001),
        (Real("", 0, 1), 1, 1.0),
        (Real("", 0), 1e300, 1e300),
        (Weight(""), "3", 3.0),
        (Weight(""), "1.5x", Times(1.5)),
        (Choice("", ("a", "b")), "b", "b"),
        (Flag(""), False, False),
        (Text(""), "", ""),
        (Text(""), " a\nb ", " a\nb "),
        (File(""), "a b", "a b"),
    ],
)
def test_values(setting, value, read):
    assert setting.read(value) == read
    assert type(setting.read(value)) is type(read)


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        (Whole("", 1, 9), 10, "10 is out of range; use 1 to 9"),
        (Whole("", 2), 1, "1 is out of range; use 2 or more"),
        (Whole("", 1, 9), 1.5, "1.5 is not a whole number; use 1 to 9"),
        (Whole("", 1, 9), float("inf"), "inf is not a whole number; use 1 to 9"),
        (Whole("", 1, 9), True, "True is not a whole number; use 1 to 9"),
        (Real("", 0, 1), 1.001, "1.001 is out of range; use 0 to 1"),
        (Weight(""), "-1x", "-1 is out of range; use a finite number, 0 or more"),
        (Weight(""), "x", "'' is not a number; use a finite number, 0 or more"),
        (Real("", 0, 1, above=True), 0, "0 is out of range; use more than 0, up to 1"),
        (Real("", 0), float("inf"), "inf is out of range; use a finite number, 0 or more"),
        (Real("", 0, above=True), -0.0, "-0 is out of range; use a finite number, more than 0"),
        (Real("", 0), 10**400, f"{10**400} is not a number; use a finite number, 0 or more"),
        (Real("", 0, 1), None, "None is not a number; use 0 to 1"),
        (Choice("", ("a", "b")), "c", "'c' is not one of a, b"),
        (Flag(""), 1, "1 is not true or false"),
        (Text(""), 1, "1 is not text"),
        (Text("", "say it"), "\n", "is empty; say it"),
        (File(""), "", "is empty; name a file"),
    ],
)
def test_sentences(setting, value, sentence):
    with pytest.raises(ValueError) as caught:
        setting.read(value)
    assert str(caught.value) == sentence


def test_home_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    read = File("").read
    assert read("~/m") == os.path.join(str(tmp_path), "m").replace("\\", os.sep)
    assert read("m~") == "m~"
    monkeypatch.chdir(tmp_path)
    assert read("~nobody-at-all") == str(tmp_path / "~nobody-at-all")


def test_every_setting_says_what_it_is():
    for name, setting in SETTINGS.items():
        assert isinstance(setting, Setting)
        assert setting.help
        assert "%" not in setting.help  # argparse would fill it in
        assert option(name) == name.replace("_", "-")
