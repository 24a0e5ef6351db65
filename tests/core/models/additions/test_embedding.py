"""Words learned by textual inversion."""

import pytest
import torch
from safetensors.torch import save_file

from syncdiffusion.core.diffusion.denoiser import encode_prompt
from syncdiffusion.core.models.additions.embedding import embedding_problem, learn_words
from syncdiffusion.core.models.folder import FolderModel


def encode(parts, prompt):
    return encode_prompt(parts, prompt, "", 77, print)


@pytest.mark.parametrize("family", ["sd", "sdxl"])
def test_a_word_of_two_vectors(model, tmp_path, family):
    folder = FolderModel(model(family=family), "m")
    parts = folder.load(torch.float32)
    path = tmp_path / "mist-land.safetensors"
    vectors = (
        {"emb_params": torch.randn(2, 32)}
        if family == "sd"
        else {"clip_l": torch.randn(2, 32), "clip_g": torch.randn(2, 48)}
    )
    save_file(vectors, path)
    assert embedding_problem(path, folder.facts) is None
    before = encode(parts, "a lake")
    learn_words(parts, (path,))
    assert parts.words == {"mist-land": 2}
    after, told = encode(parts, "a lake"), encode(parts, "a mist-land lake")
    assert torch.equal(after.embeddings, before.embeddings)
    assert (told.embeddings[1] - after.embeddings[1]).abs().max() > 0.1
    if family == "sdxl":  # the pooled embedding is still read at the text's end, not at the largest token
        assert torch.equal(after.pooled, before.pooled)
        ids = parts.tokenizer_2(parts.spelled_out("a mist-land lake")).input_ids
        assert max(ids) > ids[-1] == parts.tokenizer_2.eos_token_id


def test_how_prompts_name_it(model_folder):
    parts = FolderModel(model_folder, "m").load(torch.float32)
    parts.words = {"ink": 2, "bad hands": 1}
    assert parts.spelled_out("Ink, drink <ink> embedding:ink inks") == (
        "<ink> <ink>_1, drink <ink> <ink>_1 <ink> <ink>_1 inks"
    )
    assert parts.spelled_out("no bad hands") == "no <bad hands>"


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"emb_params": (1, 768)}, "is for Stable Diffusion 1.x, which the model is not"),
        ({"clip_l": (1, 768), "clip_g": (1, 1280)}, "is for SDXL, and the model is not"),
        ({"a": (2, 2), "b": (2, 2)}, "is not a textual inversion embedding"),
        ({"weight": (300, 2)}, "is not a textual inversion embedding"),
        ({"conv.weight": (3, 2)}, "is not a textual inversion embedding"),
    ],
)
def test_what_is_refused_by_its_header(model_folder, tmp_path, tensors, sentence):
    path = tmp_path / "x.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, path)
    problem = embedding_problem(path, FolderModel(model_folder, "m").facts)
    assert (problem.field, problem.corrupted) == ("embedding", False)
    assert sentence in problem.sentence
