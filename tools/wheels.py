"""The wheels that the extension's zip carries: which they are for a platform, and their files, downloaded once.

``wheels/pylock.toml`` names them with their hashes; ``tools/lock_wheels.py`` makes it from pyproject.toml.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tomllib
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.pylock import PackageWheel, Pylock
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "wheels" / "pylock.toml"
CACHE = ROOT / "build" / "wheels"
PYTHONS = ((3, 11), (3, 13))  # of Blender 4.2 to 5.0, and of 5.1 and 5.2
TIMEOUT = 60.0

# The oldest systems that torch runs on: glibc 2.28, macOS 14.
_LINUX = [f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)]
_LINUX += [f"manylinux{year}_x86_64" for year in (2014, 2010, 1)]


@dataclass(frozen=True)
class Platform:
    """A platform of Blender's: what markers see there, and the platform tags of wheels that run on it."""

    markers: Mapping[str, str]
    tags: tuple[str, ...]


def _platform(sys_platform: str, system: str, machine: str, os_name: str, *tags: str) -> Platform:
    markers = {"sys_platform": sys_platform, "platform_system": system, "platform_machine": machine, "os_name": os_name}
    return Platform(markers, tags)


PLATFORMS: Mapping[str, Platform] = {
    "linux-x64": _platform("linux", "Linux", "x86_64", "posix", *_LINUX, "linux_x86_64"),
    "windows-x64": _platform("win32", "Windows", "AMD64", "nt", "win_amd64"),
    "macos-arm64": _platform("darwin", "Darwin", "arm64", "posix", *mac_platforms((14, 0), "arm64")),
}


def read_lock(path: Path = LOCK) -> Pylock:
    """The lock file."""
    return Pylock.from_dict(tomllib.loads(path.read_text("utf-8")))


def locked_wheels(lock: Pylock, platform: str) -> list[PackageWheel]:
    """The wheels for both Pythons of a platform, by name and each once."""
    chosen = {wheel.filename: wheel for python in PYTHONS for wheel in select(lock, platform, python)}
    return [chosen[name] for name in sorted(chosen)]


def select(lock: Pylock, platform: str, python: tuple[int, int]) -> Iterator[PackageWheel]:
    """The wheels for one Python of a platform."""
    version = ".".join(map(str, python))
    environment = {
        **PLATFORMS[platform].markers,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "python_version": version,
        "python_full_version": f"{version}.0",
    }
    for _, wheel in lock.select(environment=environment, tags=list(_tags(platform, python))):
        assert isinstance(wheel, PackageWheel), f"{wheel} is no wheel"
        yield wheel


def _tags(platform: str, python: tuple[int, int]) -> Iterator[Tag]:
    tags = PLATFORMS[platform].tags
    yield from cpython_tags(python, platforms=tags)
    yield from compatible_tags(python, f"cp{python[0]}{python[1]}", tags)


def fetch(wheel: PackageWheel, cache: Path = CACHE) -> Path:
    """A wheel's file, unmodified: from the cache, or downloaded into it. Ends the program where its hash is wrong."""
    path = cache / wheel.filename
    if not path.is_file():
        print(f"   downloading {wheel.filename}", flush=True)
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with urllib.request.urlopen(wheel.url, timeout=TIMEOUT) as answer:
            partial.write_bytes(answer.read())
        os.replace(partial, path)
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != wheel.hashes["sha256"]:
        path.unlink()
        sys.exit(f"{wheel.filename} has the SHA-256 {found}, not that of the lock file; it was deleted, try again.")
    return path
