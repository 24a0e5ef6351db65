"""Builds the extension's zip with Blender's own builder, which the package bpy carries, and validates it.

python dev.py build [--platform linux-x64|windows-x64|macos-arm64|all] [--without-wheels] [--index]

A zip holds the extension, the built-in model and the wheels of wheels/pylock.toml for both Pythons of its platform. Two
builds of one commit with the same tools are the same, byte for byte.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from wheels import CACHE, LOCK, PLATFORMS, fetch, locked_wheels, read_lock

ROOT = Path(__file__).resolve().parents[1]
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
ALL = "all"
FILE_MODE = 0o100644
WORTH_COMPRESSING = 0.9  # what weights and wheels do not come below
UNIX = 3  # of a zip's entries: the system whose modes they carry
EARLIEST = 315532800.0  # what a zip can hold: the first of January 1980


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


def commit_time() -> float:
    """The seconds at which the commit was made that is built: what the zip's entries are dated with."""
    if said := os.environ.get("SOURCE_DATE_EPOCH"):
        return float(said)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return EARLIEST  # an unpacked archive of the sources
    return float(answer.stdout)


def stage(folder: Path, target: str, wheels: Sequence[Path]) -> None:
    """Lays out the files of the extension for one platform, with these wheels."""
    for source in (ROOT / name for name in CONTENTS):
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        elif source.is_file():
            shutil.copy2(source, folder)
    lines = [f'platforms = ["{target}"]']
    if wheels:
        (folder / "wheels").mkdir()
        for wheel in wheels:
            shutil.copy2(wheel, folder / "wheels")
        lines += ["wheels = [", *(f'    "./wheels/{wheel.name}",' for wheel in wheels), "]"]
    manifest = folder / "blender_manifest.toml"
    text, count = re.subn(r"(?m)^platforms = .*$", "\n".join(lines), manifest.read_text("utf-8"))
    if count != 1:
        sys.exit("blender_manifest.toml needs exactly one line that begins with: platforms =")
    manifest.write_text(text, "utf-8", newline="\n")


def blender(scripts: Path, *arguments: str | Path) -> None:
    """Runs Blender's builder; ends with its exit code where it fails. It says the reason itself."""
    builder = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    code = subprocess.run([sys.executable, builder, *arguments], check=False).returncode
    if code:
        sys.exit(code)


def normalize(archive: Path, seconds: float) -> None:
    """Writes a zip anew: entries by name, all of one date and mode, where Blender's builder takes the disk's."""
    date = time.gmtime(max(seconds, EARLIEST))[:6]
    temporary = archive.with_suffix(".tmp")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(temporary, "w") as out:
        for old in sorted(source.infolist(), key=lambda entry: entry.filename):
            entry = zipfile.ZipInfo(old.filename, date)
            entry.create_system, entry.external_attr = UNIX, FILE_MODE << 16
            if old.compress_size < WORTH_COMPRESSING * old.file_size:
                entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, source.read(old), compresslevel=9)
    os.replace(temporary, archive)


def build(target: str, output: Path, wheels: Sequence[Path] = ()) -> Path:
    """Builds and validates the zip for one platform; returns its path."""
    version = runpy.run_path(str(ROOT / "core" / "version.py"))["VERSION"]
    archive = output / f"syncdiffusion-{version}-{target}.zip"
    output.mkdir(parents=True, exist_ok=True)
    scripts = blender_scripts()
    tags = valid_tags(scripts)
    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder), target, wheels)
        blender(scripts, "build", tags, "--source-dir", folder, "--output-filepath", archive)
    normalize(archive, commit_time())
    blender(scripts, "validate", tags, archive)
    return archive


def valid_tags(scripts: Path) -> str:
    """The builder's option for the tags that Blender knows."""
    return f"--valid-tags={scripts / 'modules' / '_bpy_internal' / 'extensions' / 'tags.py'}"


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="dev.py build", description="Builds the extension's zip, validated.")
    parser.add_argument("--platform", choices=(*PLATFORMS, ALL), help="default: this computer's")
    parser.add_argument("--without-wheels", action="store_true", help="the extension's own files only")
    parser.add_argument("--index", action="store_true", help="make the zips' folder a repository that Blender can add")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder of the zips (default: dist)")
    parser.add_argument("--lock", type=Path, default=LOCK, help="the wheels (default: wheels/pylock.toml)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where wheels are kept (default: build/wheels)")
    options = parser.parse_args()
    target = options.platform or this_platform()
    if target not in (*PLATFORMS, ALL):
        parser.error(f"there is no build for {target}; name a platform, for example --platform {next(iter(PLATFORMS))}")
    options.targets = tuple(PLATFORMS) if target == ALL else (target,)
    return options


def main() -> None:
    """Reads the command line and builds."""
    options = parse()
    output = options.output.resolve()
    for target in options.targets:
        print(f"== Building the extension for {target}", flush=True)
        start = time.monotonic()
        locked = [] if options.without_wheels else locked_wheels(read_lock(options.lock), target)
        archive = build(target, output, [fetch(wheel, options.cache) for wheel in locked])
        size = archive.stat().st_size / 1e6
        print(f"   took {time.monotonic() - start:.1f} s: {archive} ({size:.0f} MB, {len(locked)} wheels)", flush=True)
    if options.index:
        blender(blender_scripts(), "server-generate", f"--repo-dir={output}")
        print(f"   {output} can be served by any web server: Blender adds the address of its index.json")


if __name__ == "__main__":
    main()
