"""Whether torch is there, is seen without importing it."""

import importlib
import importlib.machinery
import sys

import pytest

from syncdiffusion.core.engine_setup import found
from syncdiffusion.core.engine_setup.found import find_torch, made_for_this_python, own_name, site_in, why_no_engine


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder that is all that Python has, and a way to put a torch of a version into it."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "torch")
    importlib.invalidate_caches()
    monkeypatch.setattr(found, "LIBRARIES", ())
    monkeypatch.setattr(found, "INSTALLER", ())

    def put(version: str | None) -> None:
        (tmp_path / "torch").mkdir()
        (tmp_path / "torch" / "__init__.py").write_text("raise AssertionError('it was imported')", "utf-8")
        if version is not None:
            info = tmp_path / f"torch-{version}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n", "utf-8")
        importlib.invalidate_caches()

    return tmp_path, put


def test_none(site):
    assert find_torch() is None
    assert why_no_engine() == "The engine is not installed: Blender's Python does not find torch"


@pytest.mark.parametrize("version", ["2.6.0", "2.13.0+cu130", "3.0"])
def test_one_that_will_do(site, version):
    folder, put = site
    put(version)
    assert (find_torch().version, find_torch().folder) == (version, folder)
    assert why_no_engine() == ""


@pytest.mark.parametrize(
    ("version", "said"), [("2.5.1+cpu", "finds torch 2.5.1+cpu in "), (None, "of an unknown version")]
)
def test_one_that_will_not_do(site, version, said):
    folder, put = site
    put(version)
    reason = why_no_engine()
    assert said in reason
    assert reason.endswith("2.6 is needed: update it there, or remove it")
    assert str(folder) in reason


def test_what_is_missing_beside_it(site, monkeypatch):
    _, put = site
    monkeypatch.setattr(found, "LIBRARIES", ("library_of_nobody",))
    monkeypatch.setattr(found, "INSTALLER", ("installer_of_nobody",))
    assert "torch, nor library_of_nobody, installer_of_nobody, which come with the zip" in why_no_engine()
    put("2.13.0")
    assert why_no_engine() == "Blender's Python does not find library_of_nobody: install the zip that has wheels"


@pytest.mark.parametrize(
    "inside",
    ["", own_name(), "Lib/site-packages", f"lib/python3.{sys.version_info.minor}/site-packages"],
)
def test_torch_in_a_folder_of_the_users(tmp_path, inside):
    assert site_in(tmp_path) is None
    (tmp_path / inside / "torch").mkdir(parents=True)
    (tmp_path / inside / "torch" / "__init__.py").touch()
    assert site_in(tmp_path) == tmp_path / inside


def test_torch_for_another_python(tmp_path):
    (tmp_path / "torch").mkdir()
    assert made_for_this_python(tmp_path)
    (tmp_path / "torch" / "_C.cpython-27-x86_64-linux-gnu.so").touch()
    assert not made_for_this_python(tmp_path)
    (tmp_path / "torch" / f"_C{importlib.machinery.EXTENSION_SUFFIXES[0]}").touch()
    assert made_for_this_python(tmp_path)
