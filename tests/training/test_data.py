"""Shards of painted pictures."""

import json

import numpy as np
import pytest

from training.data import HELD_OUT_SEED, main, missing, open_pictures, paint
from training.landscapes import sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for shard in missing(folder, count=5, held_out=3, size=32, each=3):
        paint(shard)
    return folder


def test_a_picture_is_that_of_its_seed(folder):
    trained, held_out = open_pictures(folder), open_pictures(folder, held_out=True)
    assert (len(trained), len(held_out)) == (6, 3)  # whole shards
    for pictures, first_seed in ((trained, 0), (held_out, HELD_OUT_SEED)):
        for number in (0, 2):
            expected = sample(first_seed + number, 32)
            assert np.array_equal(pictures.images([number])[0], expected.image)
            assert pictures.words[number]["mood"] == expected.mood
    assert np.array_equal(trained.images([4])[0], sample(4, 32).image)


def test_captions_are_drawn_anew(folder):
    pictures = open_pictures(folder)
    captions = {pictures.caption(0, np.random.default_rng(seed)) for seed in range(30)}
    assert len(captions) > 5
    assert pictures.caption(0, np.random.default_rng(3)) == pictures.caption(0, np.random.default_rng(3))


def test_only_what_is_missing_is_painted(folder):
    assert missing(folder, count=6, held_out=3, size=32, each=3) == []
    assert [shard.path.name for shard in missing(folder, 9, 3, 32, 3)] == ["train-0002.json"]


def test_an_unfinished_shard_counts_for_nothing(tmp_path):
    shard = missing(tmp_path, count=2, held_out=0, size=16, each=2)[0]
    np.save(shard.path.with_suffix(".npy"), np.zeros(1))  # stopped before the JSON was there
    with pytest.raises(FileNotFoundError, match=r"paint them with python -m training\.data"):
        open_pictures(tmp_path)
    assert missing(tmp_path, count=2, held_out=0, size=16, each=2) == [shard]
    paint(shard)
    assert len(json.loads(shard.path.read_text())) == 2
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".npy"]


def test_the_command_paints_with_workers(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.data.missing", lambda *given: missing(*given, each=2))
    main([str(tmp_path), "--count", "2", "--held-out", "2", "--size", "16", "--workers", "2"])
    assert len(open_pictures(tmp_path)) == len(open_pictures(tmp_path, held_out=True)) == 2
    assert "2 of 2 shards" in capsys.readouterr().out
