"""Names of pictures. Pure: no Blender needed."""

from pathlib import Path

import pytest

from syncdiffusion.blender.naming import MAX_NAME_BYTES, free_path, picture_name


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("misty pine forest, dawn", "SyncD misty-pine-forest-dawn 0417"),
        ("A photo of a Mountain Range at twilight", "SyncD photo-mountain-range-at-twilight 0417"),
        ("../../etc/passwd", "SyncD etc-passwd 0417"),
        ("日本の湖", "SyncD 日本の湖 0417"),
        ("!?", "SyncD picture 0417"),
        ("of the", "SyncD picture 0417"),
        ("x" * 100, "SyncD picture 0417"),
    ],
)
def test_names_say_what_it_is(prompt, name):
    assert picture_name(prompt, 417) == name


@pytest.mark.parametrize("prompt", ["a photo of " + "very " * 50, "山 " * 60, "ü" * 19 + " ü"])
def test_names_fit_into_a_data_block(prompt):
    assert len(picture_name(prompt, 2**31 - 1).encode()) <= MAX_NAME_BYTES


def test_a_free_path_is_found():
    taken = {Path("d/a.png"), Path("d/a 2.png")}
    assert free_path(Path("d"), "a", taken.__contains__) == Path("d/a 3.png")
    assert free_path(Path("d"), "b", taken.__contains__) == Path("d/b.png")
