"""The list of known files."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from syncdiffusion.core.files import known
from syncdiffusion.core.files.known import KnownFiles, cache_folder


@pytest.fixture
def listed(tmp_path):
    return KnownFiles(tmp_path / "cache")


@pytest.fixture
def folder(tmp_path):
    """A folder with two files that count and one that does not."""
    folder = tmp_path / "model"
    (folder / "unet").mkdir(parents=True)
    (folder / "a.json").write_text("a")
    (folder / "unet" / "b.bin").write_text("b")
    (folder / "readme").write_text("-")
    return folder


def files_of(folder):
    return [folder / "unet" / "b.bin", folder / "a.json"]


def test_a_file(listed, tmp_path):
    file = tmp_path / "a.pt"
    file.write_bytes(b"weights")
    wanted = hashlib.sha256(b"weights").hexdigest()
    assert listed.sha256(file) == listed.sha256(file, [file]) == wanted
    assert listed.find(wanted) == file
    assert listed.find("0" * 64) is None


def test_a_file_by_a_relative_path(listed, tmp_path, monkeypatch):
    (tmp_path / "a.pt").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    sha256 = listed.sha256(Path("a.pt"))
    monkeypatch.chdir("/")
    assert listed.find(sha256) == (tmp_path / "a.pt").resolve()


def test_a_folder_is_its_files_and_their_names(listed, folder, tmp_path):
    sha256 = listed.sha256(folder, files_of(folder))
    lines = [f"{hashlib.sha256(text).hexdigest()}  {name}\n" for text, name in ((b"a", "a.json"), (b"b", "unet/b.bin"))]
    assert sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert listed.find(sha256) == folder.resolve()
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "readme").write_text("other")
    assert listed.sha256(copy, files_of(copy)) == sha256
    (copy / "a.json").rename(copy / "c.json")
    assert listed.sha256(copy, [copy / "c.json", copy / "unet" / "b.bin"]) != sha256


@pytest.mark.skipif(sys.platform == "win32", reason="links want a privilege on Windows")
def test_a_folder_of_links_is_as_a_folder_of_files(listed, folder, tmp_path):
    links = tmp_path / "snapshots" / "1"  # as in the cache of Hugging Face
    (links / "unet").mkdir(parents=True)
    for file in files_of(folder):
        (links / file.relative_to(folder)).symlink_to(file)
    assert listed.sha256(links, files_of(links)) == listed.sha256(folder, files_of(folder))
    shutil.rmtree(folder)
    assert listed.find("0") is None


@pytest.mark.parametrize("change", [lambda f: f.write_text("bb"), lambda f: f.unlink(), lambda f: os.utime(f, (1, 1))])
def test_what_has_changed_is_not_found(listed, folder, change):
    sha256 = listed.sha256(folder, files_of(folder))
    change(folder / "unet" / "b.bin")
    assert listed.find(sha256) is None


def test_what_has_changed_is_hashed_again_and_what_has_not_is_not(listed, tmp_path, monkeypatch):
    file = tmp_path / "a.pt"
    file.write_bytes(b"one")
    first = listed.sha256(file)
    with monkeypatch.context() as patch:
        patch.setattr(known, "_hash_file", lambda path: pytest.fail("hashed twice"))
        assert KnownFiles(tmp_path / "cache").sha256(file) == first
    file.write_bytes(b"three")
    assert listed.sha256(file) == hashlib.sha256(b"three").hexdigest()


def test_the_newest_of_equals_is_found_and_the_oldest_forgotten(listed, tmp_path, monkeypatch):
    monkeypatch.setattr(known, "MAX_ENTRIES", 2)
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"same")
        sha256 = listed.sha256(tmp_path / name)
    assert listed.find(sha256) == tmp_path / "c"
    (tmp_path / "c").unlink()
    assert listed.find(sha256) == tmp_path / "b"
    (tmp_path / "b").unlink()
    assert listed.find(sha256) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", '{"PATH": 5}', '{"PATH": {}}', '{"PATH": {"stamp": 5, "sha256": "x"}}', "\udcff"]
)
def test_a_damaged_list_is_done_without(listed, tmp_path, text):
    file = tmp_path / "a.pt"
    file.write_bytes(b"weights")
    listing = tmp_path / "cache" / "known_files.json"
    listing.parent.mkdir()
    listing.write_bytes(text.replace("PATH", json.dumps(str(file))[1:-1]).encode("utf-8", "surrogateescape"))
    assert listed.find("x") is None
    sha256 = listed.sha256(file)
    assert listed.find(sha256) == file
    assert os.listdir(listing.parent) == ["known_files.json"]


def test_a_list_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    listed = KnownFiles(tmp_path / "cache")
    (tmp_path / "a.pt").write_bytes(b"weights")
    sha256 = listed.sha256(tmp_path / "a.pt")
    assert sha256 == hashlib.sha256(b"weights").hexdigest()
    assert listed.find(sha256) is None


def test_a_file_that_is_missing(listed, tmp_path):
    with pytest.raises(FileNotFoundError):
        listed.sha256(tmp_path / "gone")


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {"SYNCDIFFUSION_CACHE": "here", "XDG_CACHE_HOME": "xdg"}, "here"),
        ("linux", {"XDG_CACHE_HOME": "xdg"}, "xdg/syncdiffusion"),
        ("linux", {"XDG_CACHE_HOME": ""}, "~/.cache/syncdiffusion"),
        ("darwin", {}, "~/Library/Caches/syncdiffusion"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/syncdiffusion"),
        ("win32", {}, "~/AppData/Local/syncdiffusion"),
    ],
)
def test_where_it_lies(monkeypatch, platform, variables, folder):
    for name in ("SYNCDIFFUSION_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == Path(folder).expanduser()
