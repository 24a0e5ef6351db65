"""Runs the tests of the Blender side (tests/blender) on several versions of Blender, each as the package ``bpy``.

    python tools/test_blenders.py [--versions 4.2.23 5.2.3] [pytest arguments]

Every version gets a virtual environment of its own under build/blenders, with the Python that it wants; versions whose
Python is not on this machine are skipped and named. The engine is shared with this environment where the Python is
the same; elsewhere the tests that need torch skip themselves.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))
dev = importlib.import_module("dev")

# Version of bpy -> the Python that it is made for.
VERSIONS = {"4.2.23": "3.11", "4.5.15": "3.11", "5.0.1": "3.11", "5.1.2": "3.13", "5.2.3": "3.13"}
# What the extension needs beside an engine; bpy brings numpy.
PACKAGES = ("pillow==13.0.0", "psutil==7.2.2", "safetensors==0.8.0", "huggingface-hub==2.4.0")


def this_python() -> str:
    """The version of this Python as in VERSIONS."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def find_python(version: str) -> str | None:
    """A Python of this version on this machine, found as ``dev.py`` finds one."""
    if version == this_python():
        return sys.executable
    found = (dev.probe(*command) for command in dev.candidates(version))
    return next((python.path for python in found if python and python.version == version), None)


def environment(version: str, python: str) -> Path:
    """The Python of a virtual environment with this ``bpy``; made where there is none."""
    folder = ROOT / "build" / "blenders" / version
    executable = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / "ready").exists():
        return executable
    print(f"== Making an environment for bpy {version}", flush=True)
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    install = [executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, f"bpy=={version}", *PACKAGES], check=True)
    if VERSIONS[version] == this_python():
        # After its own packages, so that numpy stays the one that this Blender wants.
        site = next(folder.glob("lib/python*/site-packages"), folder / "Lib" / "site-packages")
        (site / "engine.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    (folder / "ready").touch()
    return executable


def main() -> None:
    """Run the tests on every version; the exit status is 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", nargs="+", choices=VERSIONS, default=list(VERSIONS), metavar="VERSION")
    options, arguments = parser.parse_known_args()
    results = {}
    for version in options.versions:
        python = find_python(VERSIONS[version])
        if python is None:
            results[version] = f"skipped: there is no Python {VERSIONS[version]} on this machine"
            continue
        variables = {**os.environ, "BLENDER_PYTHON": str(environment(version, python))}
        print(f"== Tests on bpy {version}", flush=True)
        command = [sys.executable, "-m", "pytest", "tests/blender", "-q", *arguments]
        status = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
        results[version] = "passed" if status == 0 else f"failed (pytest's exit status {status})"
    for version, result in results.items():
        print(f"bpy {version}: {result}")
    sys.exit(any(result.startswith("failed") for result in results.values()))


if __name__ == "__main__":
    main()
