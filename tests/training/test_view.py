"""The contact sheets."""

import pytest
from PIL import Image

from training.view import main


@pytest.mark.parametrize(
    ("options", "wide"),
    [(["--count", "3", "--columns", "2"], 2), (["--panoramas", "2"], 6), (["--moods", "1"], 8)],
)
def test_a_sheet_is_printed(tmp_path, options, wide):
    path = tmp_path / "sheet.png"
    main(
        [str(path), "--size", "32", "--mood", "day", *options]
        if "--moods" not in options
        else [str(path), "--size", "32", *options]
    )
    with Image.open(path) as page:
        assert page.width >= 32 * wide
        assert page.height > 32


def test_a_sheet_can_be_small(tmp_path):
    whole, small = tmp_path / "whole.png", tmp_path / "small.png"
    for path, options in ((whole, []), (small, ["--scale", "0.5", "--colours", "32"])):
        main([str(path), "--size", "32", "--count", "2", *options])
    with Image.open(whole) as first, Image.open(small) as second:
        assert second.width == round(first.width / 2)
        assert second.mode == "P"


def test_a_sheet_can_be_a_jpeg(tmp_path):
    main([str(tmp_path / "sheet.jpg"), "--size", "32", "--count", "2"])
    with Image.open(tmp_path / "sheet.jpg") as page:
        assert page.format == "JPEG"
