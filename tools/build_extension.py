"""Builds the extension's zip with Blender's own builder, which the package bpy carries, and validates it.

python dev.py build [--platform linux-x64|windows-x64|macos-arm64] [--without-wheels]
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = ("linux-x64", "windows-x64", "macos-arm64")
# All that the extension consists of; what is not there yet is skipped.
CONTENTS = (
    "blender_manifest.toml",
    "LICENSE",
    "__init__.py",
    "blender",
    "core",
    "cli",
    "operators",
    "panels",
    "models",
)


def this_platform() -> str:
    """The platform this runs on, in the words of Blender's manifests."""
    system, machine = platform.system().lower(), platform.machine().lower()
    names = {"darwin": "macos", "x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}
    return f"{names.get(system, system)}-{names.get(machine, machine)}"


def blender_scripts() -> Path:
    """The folder of Blender's scripts in the installed package bpy, which is not imported for it."""
    package = importlib.util.find_spec("bpy")
    scripts = next(Path(package.origin).parent.glob("*/scripts"), None) if package and package.origin else None
    if scripts is None:
        sys.exit("The package bpy, which carries Blender's builder, is not installed: use dev.py build.")
    return scripts


def stage(folder: Path, target: str) -> None:
    """Lays out the files of the extension for one platform."""
    for source in (ROOT / name for name in CONTENTS):
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        elif source.is_file():
            shutil.copy2(source, folder)
    manifest = folder / "blender_manifest.toml"
    text, count = re.subn(r"(?m)^platforms = .*$", f'platforms = ["{target}"]', manifest.read_text("utf-8"))
    if count != 1:
        sys.exit("blender_manifest.toml needs exactly one line that begins with: platforms =")
    manifest.write_text(text, "utf-8")


def blender(scripts: Path, *arguments: str | Path) -> None:
    """Runs Blender's builder; ends with its exit code where it fails. It says the reason itself."""
    builder = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    code = subprocess.run([sys.executable, builder, *arguments], check=False).returncode
    if code:
        sys.exit(code)


def build(target: str, output: Path) -> Path:
    """Builds and validates the zip for one platform; returns its path."""
    version = runpy.run_path(str(ROOT / "core" / "version.py"))["VERSION"]
    archive = output / f"syncdiffusion-{version}-{target}.zip"
    output.mkdir(parents=True, exist_ok=True)
    scripts = blender_scripts()
    tags = f"--valid-tags={scripts / 'modules' / '_bpy_internal' / 'extensions' / 'tags.py'}"
    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder), target)
        blender(scripts, "build", tags, "--source-dir", folder, "--output-filepath", archive)
    blender(scripts, "validate", tags, archive)
    return archive


def main() -> None:
    """Reads the command line and builds."""
    parser = argparse.ArgumentParser(prog="dev.py build", description="Builds the extension's zip, validated.")
    parser.add_argument("--platform", choices=PLATFORMS, help="default: this computer's")
    parser.add_argument("--without-wheels", action="store_true", help="the extension's own files only")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder of the zip (default: dist)")
    options = parser.parse_args()
    target = options.platform or this_platform()
    if target not in PLATFORMS:
        parser.error(f"there is no build for {target}; name a platform, for example --platform {PLATFORMS[0]}")
    if not options.without_wheels:
        print("Wheels are not bundled yet: this zip is the same as with --without-wheels.", flush=True)
    print(f"== Building the extension for {target}", flush=True)
    start = time.monotonic()
    archive = build(target, options.output.resolve())
    print(f"   took {time.monotonic() - start:.1f} s: {archive}")


if __name__ == "__main__":
    main()
