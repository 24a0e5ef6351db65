"""Makes wheels/pylock.toml anew from what pyproject.toml pins.

python tools/lock_wheels.py        with the Python of .venv, where uv is installed too (pip install uv)

What is in Blender already (numpy), what users install with the engine (torch, torchvision), and what is never imported
(scipy, which lpips names) is left out, with what only these need.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.pylock import Pylock

from wheels import LOCK, PLATFORMS, PYTHONS, ROOT, locked_wheels, select

LEFT_OUT = ("numpy", "scipy", "torch", "torchvision")
HEAD = """\
# The wheels that the extension's zip carries. Made by tools/lock_wheels.py; do not edit.
lock-version = "1.0"
created-by = "tools/lock_wheels.py"
requires-python = ">=3.11"
"""


def resolve() -> Pylock:
    """What uv makes of pyproject.toml, for all platforms."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        sys.exit("uv is not installed: pip install uv")
    with tempfile.TemporaryDirectory() as folder:
        overrides, output = Path(folder) / "overrides.txt", Path(folder) / "pylock.toml"
        overrides.write_text("".join(f"{name}; python_version < '0'\n" for name in LEFT_OUT), "utf-8")
        command = [
            uv, "pip", "compile", ROOT / "pyproject.toml", "--no-config", "--universal", "--python-version", "3.11",
            "--override", overrides, "--only-binary", ":all:", "--format", "pylock.toml", "--quiet",
            "--output-file", output,
        ]  # fmt: skip
        code = subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL, check=False).returncode
        if code:
            sys.exit(code)
        return Pylock.from_dict(tomllib.loads(output.read_text("utf-8")))


def text_of(lock: Pylock) -> str:
    """The lock with the wheels of our platforms alone: what a reviewer can read."""
    wanted = {wheel.filename for platform in PLATFORMS for wheel in locked_wheels(lock, platform)}
    parts = [HEAD]
    for package in lock.packages:
        wheels = sorted((w for w in package.wheels or () if w.filename in wanted), key=lambda wheel: wheel.filename)
        if not wheels:
            continue
        lines = ["[[packages]]", f'name = "{package.name}"', f'version = "{package.version}"']
        if package.marker:
            lines.append(f"marker = {json.dumps(str(package.marker))}")
        lines.append("wheels = [")
        lines += [
            f'    {{ url = "{w.url}", size = {w.size}, hashes = {{ sha256 = "{w.hashes["sha256"]}" }} }},'
            for w in wheels
        ]
        parts.append("\n".join([*lines, "]", ""]))
    return "\n".join(parts)


def main() -> None:
    """Resolve, write, and say what changed hands."""
    lock = resolve()
    text = text_of(lock)
    pruned = Pylock.from_dict(tomllib.loads(text))
    LOCK.write_text(text, "utf-8", newline="\n")
    for platform in PLATFORMS:
        for python in PYTHONS:
            before, after = ([wheel.filename for wheel in select(one, platform, python)] for one in (lock, pruned))
            assert before == after, (platform, python)
        wheels = locked_wheels(pruned, platform)
        print(f"{platform}: {len(wheels)} wheels, {sum(w.size for w in wheels) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
