"""CLIP's tokenizer against token ids that are known of the original."""

import pytest

from syncdiffusion.core.models.single_file import make_tokenizer


@pytest.fixture(scope="session")
def tokenizer():
    return make_tokenizer()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("a photo of a cat", [320, 1125, 539, 320, 2368]),
        ("A  Photo of\na CAT", [320, 1125, 539, 320, 2368]),
        ("", []),
        ("hello world!", [3306, 1002, 256]),
    ],
)
def test_clip_token_ids(tokenizer, text, ids):
    assert tokenizer(text).input_ids == [49406, *ids, 49407]


def test_tokenizer_covers_the_vocabulary(tokenizer):
    assert len(tokenizer) == 49408
    assert sorted(tokenizer.get_vocab().values()) == list(range(49408))
    assert tokenizer.model_max_length == 77
    assert 49407 not in tokenizer("Überraschung 日本 🙂 naïve").input_ids[1:-1]  # nothing is unknown
