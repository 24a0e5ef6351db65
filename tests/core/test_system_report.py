"""What a report of an error tells."""

import platform

from syncdiffusion.core.engine_setup.machine import Gpu, Machine
from syncdiffusion.core.system_report import system_report


def test_it_names_versions_devices_and_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", "/models")
    machine = Machine("linux", "x86_64", nvidia=(Gpu("RTX 4090", 580.95, 8.9, 24 << 30),))
    text = system_report(machine, "Blender 5.2.0", [("pictures", tmp_path / "none")], ["It broke"])
    lines = text.splitlines()
    assert lines[0].endswith(", Blender 5.2.0")
    assert "Graphics RTX 4090 (driver 580.95), 24 GB" in lines
    assert any(line.startswith("Packages numpy ") and ", torch 2." in line for line in lines)
    assert any(
        line.startswith(f"Folder for pictures: {tmp_path / 'none'} (") and "not there yet" in line for line in lines
    )
    assert "HF_HOME=/models" in lines
    assert lines[-1] == "It broke"


def test_nothing_personal_is_in_it_but_paths(tmp_path, monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "jürgens-rechner")
    monkeypatch.setenv("USER", "jürgen")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "https://jürgen:secret@proxy")
    text = system_report(Machine("linux", "x86_64"), "Blender", [("pictures", tmp_path)])
    assert "jürgen" not in text
    assert "secret" not in text


def test_without_errors_there_is_no_heading_for_them():
    assert "Last errors" not in system_report(Machine("linux", "x86_64"), "Blender", [])
