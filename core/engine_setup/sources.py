"""Where the engine's wheels come from: a package index on the network, or a folder of wheels."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..activity import Activity
from ..errors import SetupError
from ..files.download import TIMEOUT, Remote, fetch_all
from .builds import PYPI, Build
from .found import version_numbers
from .host import Host, run_child

SUMS = "SHA256SUMS"  # of a bundle, as sha256sum writes it
LEFT_OUT = frozenset(("numpy",))  # Blender's own stays
NEEDED = ("torch", "torchvision")


@dataclass(frozen=True)
class FromIndex:
    """The wheels of a build, from its index; what the index does not have, from PyPI."""

    build: Build
    fallback: str = PYPI

    def collect(self, folder: Path, host: Host, activity: Activity) -> list[Path]:
        """Download what is missing into a folder; returns the wheels."""
        activity.begin("Asking what is needed")
        files = resolve(self.build, self.fallback, folder, host, activity)
        fetch_all(files, activity)
        return [file.path for file in files]


@dataclass(frozen=True)
class FromFolder:
    """The wheels in a folder, made elsewhere. Of several for one package the first that suits this Python is taken."""

    wheels: Path

    def collect(self, folder: Path, host: Host, activity: Activity) -> list[Path]:
        """Choose the wheels, and check them if the folder has their hashes. Raises SetupError with what is wrong."""
        activity.begin(f"Checking the wheels in {self.wheels}")
        chosen = choose_wheels(self.wheels)
        check_sums(self.wheels, chosen, activity)
        return chosen


def resolve(
    build: Build, fallback: str, folder: Path, host: Host, activity: Activity, python: str | None = None
) -> list[Remote]:
    """What pip would install of a build beside the host's numpy: the wheels to be fetched into a folder.

    ``python``: for another version than the running one. Raises SetupError with pip's reason.
    """
    pip = _newest_pip()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        constraints, report = Path(scratch) / "constraints.txt", Path(scratch) / "report.json"
        constraints.write_text(f"numpy=={host.numpy}\n" if python is None else "", "utf-8")
        other = ["--python-version", python, "--target", scratch] if python else []
        child = run_child(
            [
                host.python, "-I", "-X", "utf8", str(pip), "--isolated", "--no-input",
                "--disable-pip-version-check", "install", "--dry-run", "--ignore-installed", "--only-binary", ":all:",
                "--no-cache-dir", "--progress-bar", "off", "--index-url", build.index, "--extra-index-url", fallback,
                "--constraint", str(constraints), "--report", str(report), *other, *build.requirements,
            ],
            activity,
            PIP_CONFIG_FILE=os.devnull,  # what is shown to the user is what is asked, whatever is configured
        )  # fmt: skip
        if child.status or not report.is_file():
            errors = (line.removeprefix("ERROR: ") for line in child.lines if line.startswith("ERROR: "))
            reason = next(errors, child.last_line)  # the first says what; the last where to read about it
            raise SetupError(
                f"{urlsplit(build.index).netloc} does not give what is needed ({reason}); check the connection, and "
                "see the log"
            )
        items = json.loads(report.read_text("utf-8"))["install"]
    files = [_remote(item, folder) for item in items if _normal(item["metadata"]["name"]) not in LEFT_OUT]
    with ThreadPoolExecutor(8) as pool:
        sizes = list(pool.map(_size, files))
    activity.check_cancelled()
    return [Remote(file.url, file.path, file.sha256, size) for file, size in zip(files, sizes, strict=True)]


def _newest_pip() -> Path:
    """The folder of the newest pip that Python finds: an old one would download a wheel to read what it needs."""
    found = [dist for dist in distributions(name="pip") if Path(str(dist.locate_file("pip"))).is_dir()]
    if not found:
        raise SetupError("the package pip is missing; install the extension's zip that has wheels")
    return Path(str(max(found, key=lambda dist: version_numbers(dist.version)).locate_file("pip")))


def _remote(item: dict, folder: Path) -> Remote:
    url = item["download_info"]["url"]
    sha256 = item["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    if not sha256:
        raise SetupError(f"{urlsplit(url).netloc} gives no SHA-256 of {name}, so that it cannot be verified")
    return Remote(url, folder / name, sha256)


def _size(file: Remote) -> int:
    """The bytes of a file; 0 where the server does not tell."""
    request = urllib.request.Request(file.url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return int(answer.headers.get("Content-Length") or 0)
    except (OSError, ValueError):
        return 0


def choose_wheels(folder: Path) -> list[Path]:
    """One wheel for each package in a folder, the newest that suits the running Python.

    Raises SetupError when there is no folder, or nothing in it for this Python.
    """
    from packaging.tags import sys_tags
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    if not folder.is_dir():
        raise SetupError(f"there is no folder {folder}; choose the one with the wheels")
    suiting = frozenset(sys_tags())
    best: dict[str, tuple] = {}
    unsuited: set[str] = set()
    for path in sorted(folder.glob("*.whl")):
        try:
            name, version, _, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        if tags.isdisjoint(suiting):
            unsuited.add(name)
        elif name not in LEFT_OUT and (name not in best or best[name][0] < version):
            best[name] = (version, path)
    for name in (*NEEDED, *sorted(unsuited - LEFT_OUT)):
        if name not in best:
            python = f"Python {sys.version_info.major}.{sys.version_info.minor} on {sys.platform}"
            what = f"none of its wheels of {name} is for {python}" if name in unsuited else f"it has no wheel of {name}"
            raise SetupError(f"{folder} will not do: {what}; make a bundle for this Blender")
    return [path for _, path in best.values()]


def check_sums(folder: Path, wheels: Sequence[Path], activity: Activity) -> None:
    """Compare wheels with the hashes that a bundle carries, if it does. Raises SetupError for one that differs."""
    sums = folder / SUMS
    if not sums.is_file():
        activity.say(f"{folder} has no {SUMS}: its wheels are taken as they are")
        return
    known = dict(reversed(line.split(maxsplit=1)) for line in sums.read_text("utf-8").splitlines() if line.strip())
    for path in wheels:
        activity.check_cancelled()
        if known.get(path.name) != _sha256(path):
            raise SetupError(f"{path.name} is not what {SUMS} says; copy the folder again")


def write_sums(folder: Path, wheels: Iterable[Path]) -> None:
    """Write the hashes of wheels beside them."""
    lines = [f"{_sha256(path)}  {path.name}\n" for path in sorted(wheels)]
    (folder / SUMS).write_text("".join(lines), "utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def make_bundle(build: Build, folder: Path, activity: Activity, python: str | None = None) -> str:
    """Download a build's wheels with their hashes into a folder that is to be carried to another machine.

    It must be one of the same operating system. ``python``: 3.11 or 3.13; None is the running one.
    """
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    files = resolve(build, PYPI, folder, Host.this(), activity, None if python in (None, running) else python)
    fetch_all(files, activity)
    write_sums(folder, [file.path for file in files])
    total = sum(file.path.stat().st_size for file in files)
    return f"{len(files)} wheels, {total / 1e9:.2f} GB, are in {folder}"
