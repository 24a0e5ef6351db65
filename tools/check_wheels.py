"""Imports everything that the extension's zip carries in wheels, beside the numpy of a Blender.

python tools/check_wheels.py --numpy 1.24.3      Blender 4.2, with a Python 3.11
python tools/check_wheels.py --numpy 2.2.6       Blender 5.1 and 5.2, with a Python 3.13
    [--engine FOLDER]                            with the wheels of an engine: what asks for torch is imported, too

Only for this computer's platform and the Python that runs it, which needs the package packaging and pip.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from build_extension import this_platform

from wheels import ROOT, fetch, read_lock, select

# lpips would bring scipy, and only its files are read; the others ask for torch when they are imported.
NOT_IMPORTED = ("lpips",)
ASK_FOR_TORCH = ("accelerate", "peft")
DOOR = ROOT / "core" / "models" / "libraries.py"  # what the engine imports diffusers through
CHECK = """
import importlib, runpy, sys
sys.path[:] = [path for path in sys.path if "-packages" not in path] + [sys.argv[1]]
failed = 0
if "peft" in sys.argv:
    runpy.run_path(sys.argv[2])["import_diffusers"]()
    importlib.import_module("diffusers").StableDiffusionPipeline
for name in sys.argv[3:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed += 1
        print(f"   {name}: {type(error).__name__}: {error}")
import numpy
print(f"   {len(sys.argv) - 3 - failed} of {len(sys.argv) - 3} packages import beside numpy {numpy.__version__}")
sys.exit(bool(failed))
"""


def packages(site: Path, without: tuple[str, ...]) -> list[str]:
    """The names that can be imported from a folder, ``without`` some."""
    modules = {path.parent.name for path in site.glob("*/__init__.py")} | {path.stem for path in site.glob("*.py")}
    return sorted(name for name in modules if name not in without and name.isidentifier() and name != "numpy")


def unpack(wheel: Path, site: Path) -> None:
    """A wheel is a zip."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


def main() -> int:
    """Unpack, add numpy, import; the exit code is the answer."""
    parser = argparse.ArgumentParser(description="Imports the bundled wheels beside a Blender's numpy.")
    parser.add_argument("--numpy", required=True, help="its version")
    parser.add_argument("--engine", type=Path, help="a folder with the wheels of torch and what it needs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        for wheel in select(read_lock(), this_platform(), sys.version_info[:2]):
            unpack(fetch(wheel), site)
        names = packages(site, NOT_IMPORTED if options.engine else (*NOT_IMPORTED, *ASK_FOR_TORCH))
        for path in options.engine.glob("*.whl") if options.engine else ():
            unpack(path, site)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--target",
            folder,
        ]
        subprocess.run([*pip, f"numpy=={options.numpy}"], check=True)
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        return subprocess.run(
            [sys.executable, "-c", CHECK, folder, DOOR, *names], env=environment, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
