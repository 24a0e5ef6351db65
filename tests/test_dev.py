"""dev.py's own parts, with the programs it runs replaced at its one door; and the extension's zip, built for real."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load(path: Path):
    """A script of the repository as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class FakeMachine:
    """Answers for the programs that dev.py runs: Pythons, and what they are asked to run."""

    def __init__(self, dev) -> None:
        self.dev = dev
        self.pythons: dict[str, tuple[str, bool]] = {}  # command -> version, has ensurepip
        self.codes: dict[str, int] = {}  # word of a command -> exit code
        self.bpy_error = ""
        self.interrupted_by: str | None = None
        self.commands: list[list[str]] = []

    def __call__(self, *command: str | Path, capture: bool = False) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in command]
        if self.dev.PROBE in words:
            return self.probe(" ".join(words[:-2]))
        if "import bpy" in words[-1]:
            return self.result(words, bool(self.bpy_error), stderr=self.bpy_error)
        self.commands.append(words)
        if self.interrupted_by in words:
            raise KeyboardInterrupt
        code = next((code for word, code in self.codes.items() if word in words), 0)
        if "venv" in words and not code:
            self.pythons[str(self.dev.venv_python())] = self.pythons[words[0]]
            self.dev.VENV.mkdir(exist_ok=True)
        return self.result(words, code)

    def probe(self, command: str) -> subprocess.CompletedProcess[str]:
        if command not in self.pythons:
            raise FileNotFoundError(command)
        version, has_ensurepip = self.pythons[command]
        return self.result([command], not version, stdout=f"{command}\n{version}\n{has_ensurepip}\n")

    def result(self, words, code, stdout="", stderr="") -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, int(code), stdout, stderr)

    def ran(self) -> list[str]:
        """What ran since the last time this was asked: the module of each command, ``venv``, ``pip``, ``pytest``..."""
        modules = [words[words.index("-m") + 1] if "-m" in words else Path(words[1]).name for words in self.commands]
        self.commands.clear()
        return modules


@pytest.fixture
def dev(tmp_path, monkeypatch):
    """dev.py in an empty checkout, on a machine with no Python but the running one, which is too new for bpy."""
    module = load(ROOT / "dev.py")
    module.ROOT, module.VENV, module.BUILD = tmp_path, tmp_path / ".venv", tmp_path / "build"
    (tmp_path / "pyproject.toml").write_text("pins = 1")
    monkeypatch.setattr(sys, "_base_executable", "/running/python", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    module.WINDOWS = False
    return module


@pytest.fixture
def machine(dev):
    fake = dev.run = FakeMachine(dev)
    fake.pythons["/running/python"] = ("3.14", True)
    return fake


def put(path: Path) -> str:
    """An empty file at the path; returns the path as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return str(path)


class TestFindPython:
    def test_prefers_3_11_to_the_running_3_13(self, dev, machine, tmp_path):
        machine.pythons["/running/python"] = ("3.13", True)
        path = put(tmp_path / "bin" / "python3.11")
        machine.pythons[path] = ("3.11", True)
        assert dev.find_python().path == path

    def test_takes_the_running_3_13_where_there_is_no_3_11(self, dev, machine):
        machine.pythons["/running/python"] = ("3.13", True)
        assert dev.find_python().path == "/running/python"

    def test_passes_over_launchers_that_start_nothing_and_looks_into_pyenv(self, dev, machine, tmp_path):
        machine.pythons[put(tmp_path / "bin" / "python3.11")] = ("", True)  # a shim: exits with an error
        path = put(tmp_path / "pyenv" / "versions" / "3.11.7" / "bin" / "python")
        machine.pythons[path] = ("3.11", True)
        assert dev.find_python().path == path

    def test_looks_behind_a_broken_python_of_the_same_name(self, dev, machine, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}{dev.os.pathsep}{tmp_path / 'bin'}")
        put(tmp_path / "shims" / "python3.11")
        path = put(tmp_path / "bin" / "python3.11")
        machine.pythons[path] = ("3.11", True)
        assert dev.find_python().path == path

    def test_asks_the_launcher_on_windows(self, dev, machine, monkeypatch):
        dev.WINDOWS = True
        monkeypatch.setattr(dev.shutil, "which", lambda name: rf"C:\Windows\{name}.exe")
        machine.pythons[r"C:\Windows\py.exe -3.11"] = ("3.11", True)
        assert dev.find_python().version == "3.11"

    @pytest.mark.parametrize(("system", "advice"), [("Windows", "winget"), ("Darwin", "brew"), ("Linux", "pyenv")])
    def test_names_what_to_install(self, dev, machine, monkeypatch, capsys, system, advice):
        monkeypatch.setattr(dev.platform, "system", lambda: system)
        assert dev.main(["test"]) == 1
        said = capsys.readouterr().err
        assert "3.11 and 3.13" in said
        assert advice in said
        assert machine.ran() == []

    def test_names_the_package_that_a_python_without_ensurepip_lacks(self, dev, machine):
        machine.pythons["/running/python"] = ("3.13", False)
        with pytest.raises(dev.DevError, match=r"apt-get install python3\.13-venv"):
            dev.find_python()


class TestEnvironment:
    @pytest.fixture(autouse=True)
    def python_3_11(self, machine):
        machine.pythons["/running/python"] = ("3.11", True)

    def test_installs_once(self, dev, machine):
        assert dev.ensure_environment() == dev.venv_python()
        assert machine.ran() == ["venv", "pip"]
        dev.ensure_environment()
        assert machine.ran() == []

    @pytest.mark.parametrize("part", ["venv", "pip"])
    def test_begins_anew_after_an_interruption(self, dev, machine, part):
        machine.interrupted_by = part
        assert dev.main(["lint"]) == 130
        machine.interrupted_by = None
        machine.ran()
        dev.ensure_environment()
        assert "--clear" in machine.commands[0]
        assert machine.ran() == ["venv", "pip"]

    @pytest.mark.parametrize("part", ["venv", "pip"])
    def test_passes_on_the_exit_code_and_begins_anew_after_a_failure(self, dev, machine, part, capsys):
        machine.codes[part] = 3
        assert dev.main(["lint"]) == 3
        assert "un this again" in capsys.readouterr().err
        machine.codes.clear()
        machine.ran()
        dev.ensure_environment()
        assert machine.ran() == ["venv", "pip"]

    def test_an_interrupted_update_leaves_no_stamp(self, dev, machine, tmp_path):
        dev.ensure_environment()
        (tmp_path / "pyproject.toml").write_text("pins = 2")
        machine.interrupted_by = "pip"
        with pytest.raises(KeyboardInterrupt):
            dev.ensure_environment()
        machine.interrupted_by = None
        machine.ran()
        dev.ensure_environment()
        assert machine.ran() == ["venv", "pip"]

    def test_new_pins_are_installed_into_the_same_environment(self, dev, machine, tmp_path):
        dev.ensure_environment()
        machine.ran()
        (tmp_path / "pyproject.toml").write_text("pins = 2")
        dev.ensure_environment()
        assert machine.ran() == ["pip"]

    def test_a_moved_checkout_is_installed_again(self, dev, machine, tmp_path):
        dev.ensure_environment()
        machine.ran()
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "pyproject.toml").write_text("pins = 1")
        dev.ROOT = tmp_path / "elsewhere"
        dev.ensure_environment()
        assert machine.ran() == ["pip"]

    def test_an_environment_whose_python_is_gone_is_made_anew(self, dev, machine):
        dev.ensure_environment()
        machine.ran()
        del machine.pythons[str(dev.venv_python())]
        dev.ensure_environment()
        assert machine.ran() == ["venv", "pip"]


class TestBpy:
    @pytest.mark.parametrize(
        ("error", "advice"),
        [
            ("ImportError: libSM.so.6: cannot open shared object file: No such file", "apt-get install libgl1 libsm6"),
            ("ImportError: DLL load failed while importing bpy", "Visual C++"),
            ("ModuleNotFoundError: No module named 'bpy'", "Delete .venv"),
        ],
    )
    def test_says_what_the_system_lacks(self, dev, machine, error, advice):
        machine.bpy_error = f"Traceback (most recent call last):\n{error}\n"
        with pytest.raises(dev.DevError, match=advice) as raised:
            dev.check_bpy(Path("python"))
        assert error in str(raised.value)


class TestCommands:
    @pytest.fixture(autouse=True)
    def environment(self, dev, machine):
        machine.pythons["/running/python"] = ("3.11", True)
        dev.ensure_environment()
        machine.ran()

    @pytest.mark.parametrize("code", [0, 1, 5])
    def test_test_takes_pytests_arguments_and_gives_its_exit_code(self, dev, machine, code):
        machine.codes["pytest"] = code
        arguments = ["-x", "tests/test_dev.py", "-k", "one or two", "--tb=short", "-h"]
        assert dev.main(["test", *arguments]) == code
        assert machine.commands[0][1:] == ["-m", "pytest", *arguments]

    @pytest.mark.parametrize("failing", ["check", "format"])
    def test_lint_fails_with_either_check(self, dev, machine, failing, capsys):
        assert dev.main(["lint"]) == 0
        machine.codes[failing] = 1
        assert dev.main(["lint"]) == 1
        assert "check --fix" in capsys.readouterr().out

    def test_build_hands_its_arguments_on(self, dev, machine):
        assert dev.main(["build", "--platform", "windows-x64", "--without-wheels"]) == 0
        assert machine.commands[0][-3:] == ["--platform", "windows-x64", "--without-wheels"]

    def test_demo_gives_the_prompt_to_the_command_line(self, dev, machine, capsys):
        assert dev.main(["demo", 'fish & chips; "at" 5 o\'clock']) == 0
        assert '--prompt=fish & chips; "at" 5 o\'clock' in machine.commands[0]
        assert machine.ran() == ["syncdiffusion", "world.py"]
        assert "built-in model" in capsys.readouterr().out

    def test_demo_stops_at_the_first_part_that_fails(self, dev, machine):
        machine.codes["syncdiffusion"] = 2
        assert dev.main(["demo"]) == 2
        assert machine.ran() == ["syncdiffusion"]

    def test_what_no_command_knows_is_refused(self, dev, capsys):
        with pytest.raises(SystemExit):
            dev.main(["lint", "--fix"])
        assert "--fix" in capsys.readouterr().err


def test_an_older_python_is_told_what_to_do(dev, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    assert dev.main(["lint"]) == 1
    assert "needs Python 3.11" in capsys.readouterr().out


def test_an_older_python_can_read_dev_py_far_enough_to_say_so():
    ast.parse((ROOT / "dev.py").read_text("utf-8"), feature_version=(3, 7))
