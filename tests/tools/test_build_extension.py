"""The zip: which wheels are in it, that it is the same each time, and the repository of several."""

import ast
import hashlib
import json
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from support.wheels import make_wheel

from syncdiffusion.core.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))

import build_extension  # noqa: E402

import wheels as locked  # noqa: E402 - tools/ is no package

PINNED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
NOT_BUNDLED = {"numpy", "torch", "torchvision"}


@pytest.fixture(scope="module")
def lock() -> locked.Pylock:
    return locked.read_lock()


@pytest.mark.parametrize("platform", locked.PLATFORMS)
@pytest.mark.parametrize("python", locked.PYTHONS)
def test_the_lock_has_what_pyproject_pins(lock, platform, python):
    names = {}
    for wheel in locked.select(lock, platform, python):
        name, version = wheel.filename.split("-")[:2]
        names[name.lower().replace("_", "-")] = version
    pins = {pin.partition(";")[0].strip() for pin in PINNED}
    wanted = dict(pin.split("==") for pin in pins if pin.partition("==")[0] not in NOT_BUNDLED)
    assert {name: names.get(name) for name in wanted} == wanted, "run tools/lock_wheels.py"
    assert NOT_BUNDLED.isdisjoint(names)
    assert "scipy" not in names


def test_one_zip_serves_both_pythons(lock):
    names = [wheel.filename for wheel in locked.locked_wheels(lock, "windows-x64")]
    assert any("cp311-cp311-win_amd64" in name for name in names)
    assert any("cp313-cp313-win_amd64" in name for name in names)
    assert len(names) == len(set(names))
    assert not [name for name in names if "linux" in name or "macos" in name]


def write_lock(path: Path, wheels: list[Path], sha256: str = "") -> Path:
    """A lock of wheels on this disk."""
    text = 'lock-version = "1.0"\ncreated-by = "tests"\n'
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        digest = sha256 or hashlib.sha256(wheel.read_bytes()).hexdigest()
        text += f'[[packages]]\nname = "{name}"\nversion = "{version}"\n'
        text += f'wheels = [{{ url = "{wheel.as_uri()}", hashes = {{ sha256 = "{digest}" }} }}]\n'
    path.write_text(text, "utf-8")
    return path


def build(*options: object) -> subprocess.CompletedProcess[str]:
    """Run the builder."""
    command = [sys.executable, ROOT / "tools" / "build_extension.py", *options]
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """A folder with the zip for Windows, with one tiny wheel, as a repository."""
    folder = tmp_path_factory.mktemp("zips of the studio")
    tiny = make_wheel(folder / "wheels", "tiny", "1.0", {"tiny.py": ""})
    lock = write_lock(folder / "pylock.toml", [tiny])
    places = ("--lock", lock, "--cache", folder / "cache", "--output", folder / "dist")
    answer = build("--platform", "windows-x64", "--index", *places)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Success parsing TOML" in answer.stdout  # the validator's word
    return folder / "dist"


@pytest.fixture(scope="module")
def archive(dist) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(dist / f"syncdiffusion-{VERSION}-windows-x64.zip") as opened:
        yield opened


class TestZip:
    def test_has_its_own_files_and_nothing_else(self, archive):
        names = [PurePosixPath(name) for name in archive.namelist()]
        code = {"blender", "core", "cli", "operators", "panels"}
        assert {name.parts[0] for name in names} <= code | {
            "models", "wheels", "LICENSE", "__init__.py", "blender_manifest.toml",
        }  # fmt: skip
        assert {"core/version.py", "cli/__init__.py", "LICENSE", "models/landscapes/unet/config.json"} <= {
            str(name) for name in names
        }
        assert not [name for name in names if "__pycache__" in name.parts or name.suffix == ".pyc"]
        assert archive.namelist() == sorted(archive.namelist())

    def test_has_its_wheels_unmodified(self, archive, dist):
        tiny = dist.parent / "wheels" / "tiny-1.0-py3-none-any.whl"
        assert archive.read("wheels/tiny-1.0-py3-none-any.whl") == tiny.read_bytes()

    def test_imports_nothing_of_the_package_that_is_not_in_it(self, archive):
        names = set(archive.namelist())
        # What researchers' commands are made of stays out; the commands say so.
        left_out = {"cli/benchmark.py": "benchmarks", "cli/evaluate.py": "evaluation"}
        missing = []
        for name in (name for name in names if name.endswith(".py")):
            folder = PurePosixPath(name).parent
            for node in ast.walk(ast.parse(archive.read(name))):
                if isinstance(node, ast.ImportFrom) and node.level:
                    base = folder.joinpath(*[".."] * (node.level - 1), *(node.module or "").split("."))
                    target = PurePosixPath(*_resolved(base))
                    inside = names & {f"{target}.py", str(target / "__init__.py")}
                    if not inside and left_out.get(name) != target.parts[0]:
                        missing.append(f"{name}: {'.' * node.level}{node.module or ''}")
        assert missing == []

    def test_is_for_the_platform_it_was_built_for(self, archive):
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
        assert manifest["platforms"] == ["windows-x64"]
        assert manifest["wheels"] == ["./wheels/tiny-1.0-py3-none-any.whl"]
        assert manifest["blender_version_min"] == "4.2.0"
        assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]

    def test_is_in_the_repository(self, archive, dist):
        (entry,) = json.loads((dist / "index.json").read_text("utf-8"))["data"]
        path = Path(archive.filename)
        assert entry["archive_url"].endswith(path.name)
        assert entry["archive_hash"] == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _resolved(path: PurePosixPath) -> list[str]:
    """The parts of a path without ``..``."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return parts


def test_a_platform_that_blender_does_not_know_is_refused():
    answer = build("--platform", "beos-x64")
    assert answer.returncode == 2
    assert "linux-x64" in answer.stderr


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "linux-x64"),
        ("Windows", "AMD64", "windows-x64"),
        ("Darwin", "arm64", "macos-arm64"),
        ("Linux", "aarch64", "linux-arm64"),
    ],
)
def test_platforms_have_the_names_of_blenders_manifests(monkeypatch, system, machine, name):
    monkeypatch.setattr(build_extension.platform, "system", lambda: system)
    monkeypatch.setattr(build_extension.platform, "machine", lambda: machine)
    assert build_extension.this_platform() == name


def test_a_wheel_with_another_hash_is_refused(tmp_path):
    tiny = make_wheel(tmp_path / "wheels", "tiny", "1.0", {"tiny.py": ""})
    lock = write_lock(tmp_path / "pylock.toml", [tiny], sha256="0" * 64)
    answer = build("--platform", "linux-x64", "--lock", lock, "--cache", tmp_path / "cache", "--output", tmp_path)
    assert answer.returncode == 1
    assert "tiny-1.0-py3-none-any.whl has the SHA-256" in answer.stderr
    assert not list((tmp_path / "cache").glob("*.whl")), "what is wrong is not kept"


def test_a_wheel_is_downloaded_once(tmp_path):
    tiny = make_wheel(tmp_path / "wheels", "tiny", "1.0", {"tiny.py": ""})
    lock = locked.read_lock(write_lock(tmp_path / "pylock.toml", [tiny]))
    (wheel,) = locked.locked_wheels(lock, "linux-x64")
    first = locked.fetch(wheel, tmp_path / "cache")
    tiny.unlink()
    assert locked.fetch(wheel, tmp_path / "cache") == first


def test_the_same_files_give_the_same_zip_in_whatever_order_and_at_whatever_time(tmp_path):
    made = []
    for number, names in enumerate((("a.py", "b/c.txt"), ("b/c.txt", "a.py"))):
        path = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                entry = zipfile.ZipInfo(name, (2000 + number, 1, 1, 0, 0, 0))
                entry.external_attr = (0o600 + number) << 16
                archive.writestr(entry, name * 100)
        build_extension.normalize(path, 1.7e9)
        made.append(path.read_bytes())
    assert made[0] == made[1]
    with zipfile.ZipFile(tmp_path / "0.zip") as archive:
        assert archive.getinfo("a.py").date_time == (2023, 11, 14, 22, 13, 20)
        assert archive.read("b/c.txt") == b"b/c.txt" * 100
