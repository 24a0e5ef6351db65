"""A profile path as users have them, an index on this computer, and the Python of the tests without its torch."""

import hashlib
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from support.wheels import Index, make_engine_wheels, make_wheel

from syncdiffusion.core.activity import Activity
from syncdiffusion.core.engine_setup import sources
from syncdiffusion.core.engine_setup.builds import Build
from syncdiffusion.core.engine_setup.host import Host
from syncdiffusion.core.engine_setup.install import EngineFolder
from syncdiffusion.core.engine_setup.sources import FromIndex
from syncdiffusion.core.files.download import Remote


@pytest.fixture(scope="session")
def wheels(tmp_path_factory) -> Path:
    """A folder with the wheels of an engine, made once; nobody changes it."""
    folder = tmp_path_factory.mktemp("wheels of the studio")
    make_engine_wheels(folder)
    make_wheel(folder, "numpy", version("numpy"), {"numpy/__init__.py": "raise ImportError('the wrong numpy')"})
    return folder


@pytest.fixture
def index(wheels) -> Iterator[Index]:
    with Index(wheels) as index:
        yield index


@pytest.fixture
def build(index) -> Build:
    return Build("test", "Test", index.simple, "+test", {"linux": (0.1, 0.1)})


@pytest.fixture
def source(build, index, wheels, monkeypatch) -> FromIndex:
    """The index, without the seconds that pip takes to find out what is needed of it."""

    def listed(build: Build, fallback: str, folder: Path, *_: object) -> list[Remote]:
        known = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(wheels.glob("[!n]*.whl"))}
        wrong = {name: "0" * 64 for name in index.wrong_hashes}
        return [
            Remote(
                f"{index.url}/{path.name}", folder / path.name, wrong.get(path.name.partition("-")[0], sha256),
                path.stat().st_size,
            )
            for path, sha256 in known.items()
        ]  # fmt: skip

    monkeypatch.setattr(sources, "resolve", listed)
    return FromIndex(build, index.simple)


@pytest.fixture(scope="session")
def host(tmp_path_factory) -> Host:
    """The Python of the tests with nothing but a numpy."""
    packages = tmp_path_factory.mktemp("packages")
    (packages / "numpy").mkdir()
    (packages / "numpy" / "__init__.py").write_text(f"__version__ = {version('numpy')!r}", "utf-8")
    standard = [path for path in sys.path if "python3" in path and "packages" not in path]
    return Host(sys.executable, (*standard, str(packages)), version("numpy"))


@pytest.fixture
def folder(tmp_path) -> EngineFolder:
    return EngineFolder(tmp_path / "Jürgen Müßig" / "Blender Foundation" / "engine")


@pytest.fixture
def activity() -> Activity:
    return Activity("Install", lambda activity: "done")


@pytest.fixture
def files_in() -> Callable[[Path], set[str]]:
    """The names below a folder, without locks."""

    def names(root: Path) -> set[str]:
        found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        return {name for name in found if not name.endswith(".lock")}

    return names
