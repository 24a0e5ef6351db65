"""What a developer does with this repository, on a machine that has nothing but a Python.

    python dev.py demo ["a prompt"]      a panorama as the world of build/demo.blend, rendered into build/demo.png
    python dev.py test [pytest options]  every test
    python dev.py build [--platform P]   the extension's zip in dist/, validated
    python dev.py lint                   ruff, formatting

Finds a Python that Blender's module ``bpy`` exists for and installs what pyproject.toml pins into .venv, once.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BUILD = ROOT / "build"
WINDOWS = os.name == "nt"

BPY_PYTHONS = ("3.11", "3.13")  # in order of preference
# What bpy's own libraries ask of a Debian or Ubuntu without a desktop. .ci/run reads this list.
DEBIAN_PACKAGES = ("libgl1", "libsm6", "libx11-6", "libxfixes3", "libxi6", "libxkbcommon0", "libxrender1")

DEMO_PROMPT = "a photo of a mountain lake at sunset"
DEMO_OPTIONS = ("--preset", "draft", "--target", "world", "--world-size", "2048", "--seed", "2023")


class DevError(Exception):
    """Ends the run with a sentence that says what to do, and an exit code."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def run(*command: str | Path, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """The one door to other programs: waits until one has ended. None of them asks a hub for models."""
    # One thread: with more, small networks take up to 20 times as long where the cores are shared with other programs.
    env = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONUTF8": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=env,
        capture_output=capture,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def run_or_stop(remedy: str, *command: str | Path) -> None:
    """Runs a program; where it fails, ends with its exit code and the remedy."""
    code = run(*command).returncode
    if code:
        raise DevError(remedy, code)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Says what is being done, and how long it took."""
    print(f"== {what}", flush=True)
    start = time.monotonic()
    yield
    print(f"   took {time.monotonic() - start:.1f} s", flush=True)


# --- A Python that bpy exists for -------------------------------------------------------------------------------------


class Interpreter(NamedTuple):
    """A Python that answered."""

    path: str
    version: str
    can_make_venvs: bool


PROBE = """
import importlib.util, sys
print(sys.executable, "%d.%d" % sys.version_info[:2], importlib.util.find_spec("ensurepip") is not None, sep="\\n")
"""


def probe(*command: str | Path) -> Interpreter | None:
    """Asks a Python what it is; None if it does not run (a launcher without that version, a broken link)."""
    try:
        answer = run(*command, "-c", PROBE, capture=True)
    except OSError:
        return None
    lines = answer.stdout.splitlines()
    if answer.returncode or len(lines) != 3:
        return None
    return Interpreter(lines[0], lines[1], lines[2] == "True")


def candidates(version: str) -> Iterator[list[str | Path]]:
    """Commands that may start a Python of this version."""
    yield [getattr(sys, "_base_executable", sys.executable)]  # the running one; in a venv, the one beneath it
    name = f"python{version}.exe" if WINDOWS else f"python{version}"
    for folder in os.get_exec_path():
        if (Path(folder) / name).is_file():
            yield [Path(folder) / name]
    launcher = shutil.which("py") if WINDOWS else None
    if launcher:
        yield [launcher, f"-{version}"]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv" / ("pyenv-win" if WINDOWS else ""))
    for folder in sorted(pyenv.glob(f"versions/{version}*"), reverse=True):
        yield [folder / "python.exe" if WINDOWS else folder / "bin" / "python"]


def find_python() -> Interpreter:
    """The first Python that bpy exists for and that can make virtual environments."""
    unable = []
    for version in BPY_PYTHONS:
        for command in candidates(version):
            found = probe(*command)
            if found and found.version == version:
                if found.can_make_venvs:
                    return found
                unable.append(found)
    if unable:
        raise DevError(
            f"{unable[0].path} cannot make virtual environments: it has no ensurepip.\n"
            f"On Debian and Ubuntu install it with: apt-get install python{unable[0].version}-venv"
        )
    advice = {
        "Windows": "winget install Python.Python.3.11",
        "Darwin": "brew install python@3.11",
    }.get(
        platform.system(),
        "apt-get install python3.11 python3.11-venv, where your system has it, or: pyenv install 3.11",
    )
    raise DevError(
        f"Blender's module bpy exists for Python {' and '.join(BPY_PYTHONS)} only, and neither was found.\n"
        f"Install Python 3.11 (64 bit), then run this again: {advice}"
    )


# --- The virtual environment ------------------------------------------------------------------------------------------


def venv_python() -> Path:
    """The Python of .venv, whether it is there or not."""
    return VENV / "Scripts" / "python.exe" if WINDOWS else VENV / "bin" / "python"


def fingerprint(version: str) -> str:
    """What an install depends on: the pins, the Python, and the folder that the editable install points to."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    digest.update(f"{version} {ROOT}".encode())
    return digest.hexdigest()


def ensure_environment() -> Path:
    """Makes .venv and installs into it what is missing; returns its Python.

    The stamp is written last. An environment without it was never finished and is made anew, since an interrupted
    install leaves packages that look complete; pip's cache keeps what was downloaded.
    """
    python, stamp = venv_python(), VENV / "dev-stamp"
    stamped = stamp.read_text("utf-8") if stamp.is_file() else ""
    found = probe(python) if stamped else None
    if found and stamped == fingerprint(found.version):
        return python
    if not found or found.version not in BPY_PYTHONS:
        found = find_python()
        with step(f"Making .venv with Python {found.version} ({found.path})"):
            remedy = f"Could not make {VENV}. Close the programs that use it, delete it, and run this again."
            run_or_stop(remedy, found.path, "-m", "venv", "--clear", VENV)
    stamp.unlink(missing_ok=True)
    with step("Installing what pyproject.toml pins into .venv (minutes and several GB the first time)"):
        remedy = (
            "pip could not install what pyproject.toml pins; its reason is above. Mend that, then run this again.\n"
            "bpy and torch have packages for 64-bit Linux and Windows on x86, and for macOS 14 on Apple silicon."
        )
        run_or_stop(remedy, python, "-m", "pip", "install", "--disable-pip-version-check", "-e", ".[dev]")
    stamp.write_text(fingerprint(found.version), "utf-8")
    return python


def check_bpy(python: Path) -> None:
    """Imports bpy in a process of its own, and says what the system lacks when it does not start."""
    # os._exit: some versions of bpy hang while the interpreter shuts down.
    answer = run(python, "-c", "import bpy, os; os._exit(0)", capture=True)
    if answer.returncode == 0:
        return
    lines = answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"]
    advice = "Delete .venv and run this again."
    if "cannot open shared object" in answer.stderr:
        advice = f"On Debian and Ubuntu run: apt-get install {' '.join(DEBIAN_PACKAGES)}"
    elif "DLL load failed" in answer.stderr:
        advice = "Install the Microsoft Visual C++ Redistributable (x64), then run this again."
    raise DevError(f"Blender's module bpy does not start: {lines[-1]}\n{advice}")


# --- The commands -----------------------------------------------------------------------------------------------------


def demo(prompt: str) -> int:
    """The main job: a panorama from a prompt becomes the world of a Blender file, and Cycles renders it."""
    python = ensure_environment()
    check_bpy(python)
    BUILD.mkdir(exist_ok=True)
    panorama, blend, picture = (BUILD / name for name in ("demo-panorama.png", "demo.blend", "demo.png"))
    print("This runs on the built-in model: a small one, trained on painted landscapes, for trying things out.")
    print("It needs no graphics card and no download. Expect a minute, and a painting rather than a photo.", flush=True)
    remedy = "The demo stopped; the reason is above."
    with step(f'Generating a panorama of "{prompt}"'):
        generate = (python, "-m", "syncdiffusion", "generate", "--offline", *DEMO_OPTIONS)
        run_or_stop(remedy, *generate, f"--prompt={prompt}", "-o", panorama)
    with step("Making it the world of a Blender file, and rendering that with Cycles"):
        run_or_stop(remedy, python, ROOT / "demo" / "world.py", panorama, blend, picture)
    print(f"Look at {picture}, or open {blend} in Blender.")
    return 0


def test(arguments: list[str]) -> int:
    """Runs pytest; its exit code is the answer."""
    python = ensure_environment()
    check_bpy(python)
    with step(" ".join(["pytest", *arguments])):
        return run(python, "-m", "pytest", *arguments).returncode


def lint() -> int:
    """Runs ruff's checks, then its formatter's."""
    ruff = (ensure_environment(), "-m", "ruff")
    with step("ruff check, ruff format --check"):
        code = run(*ruff, "check").returncode or run(*ruff, "format", "--check").returncode
    if code:
        print(
            f"To mend what ruff can mend by itself: {' '.join(map(str, ruff))} check --fix, then the same with format."
        )
    return code


def build(arguments: list[str]) -> int:
    """Builds the extension's zip."""
    return run(ensure_environment(), ROOT / "tools" / "build_extension.py", *arguments).returncode


def parse(argv: list[str]) -> argparse.Namespace:
    """Reads the command line. What follows ``test`` is pytest's, what follows ``build`` the builder's."""
    parser = argparse.ArgumentParser(description="Runs, tests and builds SyncDiffusion for Blender.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("demo", help="a panorama as the world of build/demo.blend, and build/demo.png of it")
    command.add_argument("prompt", nargs="?", default=DEMO_PROMPT)
    commands.add_parser("test", help="every test; takes pytest's options", add_help=False)
    commands.add_parser("build", help="the extension's zip in dist/; --help for its options", add_help=False)
    commands.add_parser("lint", help="ruff, formatting")
    options, options.rest = parser.parse_known_args(argv)
    if options.rest and options.command not in ("test", "build"):
        parser.error(f"unrecognized arguments: {' '.join(options.rest)}")
    return options


def main(argv: list[str]) -> int:
    """Runs one command; returns the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - said here, since an older Python gets this far
        print(f"dev.py needs Python 3.11 or newer; this is {platform.python_version()} ({sys.executable}).")
        return 1
    options = parse(argv)
    try:
        if options.command == "demo":
            return demo(options.prompt)
        if options.command == "test":
            return test(options.rest)
        if options.command == "build":
            return build(options.rest)
        return lint()
    except DevError as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("dev.py: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a prompt may hold what a Windows console cannot show
    sys.exit(main(sys.argv[1:]))
