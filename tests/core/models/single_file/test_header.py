"""Headers of good, damaged and foreign files."""

import json
import random
import struct

import pytest
import torch
from safetensors.torch import save_file

from syncdiffusion.core.models.single_file import CheckpointError, DamagedFileError, WrongKindError, read_header


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.safetensors"
    save_file({"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.float16)}, path, {"key": "value"})
    return path


def test_header_of_a_good_file(small):
    header = read_header(small)
    assert {name: (info.dtype, info.shape) for name, info in header.tensors.items()} == {
        "a": ("F32", (2, 3)),
        "b": ("F16", (4,)),
    }
    assert header.metadata == {"key": "value"}


def test_every_truncation_is_noticed(small):
    content = small.read_bytes()
    for length in range(len(content)):
        small.write_bytes(content[:length])
        with pytest.raises(CheckpointError) as caught:
            read_header(small)
        if length == 0 or length > 8:
            assert isinstance(caught.value, DamagedFileError), length
            assert "again" in caught.value.sentence
        assert str(caught.value) == f"small.safetensors {caught.value.sentence}"


def test_no_corruption_of_the_header_is_a_surprise(small):
    content = small.read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    generator = random.Random(0)
    for _ in range(2000):
        changed = bytearray(content)
        for _ in range(generator.randint(1, 3)):
            changed[generator.randrange(end)] = generator.randrange(256)
        small.write_bytes(changed)
        try:
            read_header(small)
        except CheckpointError:
            continue


def write_with_header(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"{not json}", b""),
        (b"{" * 100_000, b""),
        ({"a": [1, 2]}, b""),
        ({"a": GOOD | {"shape": [3]}}, b"8" * 8),
        ({"a": GOOD | {"shape": [-2]}}, b"8" * 8),
        ({"a": GOOD | {"shape": [True, 2]}}, b"8" * 8),
        ({"a": GOOD | {"data_offsets": [8, 0]}}, b"8" * 8),
        ({"a": GOOD | {"data_offsets": [0]}}, b"8" * 8),
        ({"a": {"dtype": "F32"}}, b"8" * 8),
        ({"a": GOOD, "b": GOOD}, b"8" * 8),
        ({"a": GOOD | {"data_offsets": [4, 12]}}, b"8" * 12),
        ({"a": GOOD}, b"8" * 7),
        ({"a": GOOD}, b"8" * 9),
        ({"a": GOOD, "__metadata__": {"key": 1}}, b"8" * 8),
    ],
)
def test_damaged_headers(tmp_path, header, data):
    with pytest.raises(DamagedFileError):
        read_header(write_with_header(tmp_path / "model.safetensors", header, data))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + bytes(100), "pickled PyTorch"),
        (b"\x80\x02}q\x00(X\x05\x00", "pickled PyTorch"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "Git LFS pointer"),
        (b"GGUF\x03\x00\x00\x00", "GGUF"),
        (b"abc", "not a safetensors file"),
        (bytes(1000), "not a safetensors file"),
        (random.Random(0).randbytes(1000), "not a safetensors file"),
        (struct.pack("<Q", 200_000_000) + b"{" + bytes(1000), "not a safetensors file"),
        (struct.pack("<Q", 20) + b"[" + bytes(19), "not a safetensors file"),
    ],
)
def test_other_formats(tmp_path, content, words):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(WrongKindError, match=words):
        read_header(path)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_header(tmp_path / "none.safetensors")
