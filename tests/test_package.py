"""What holds for the package as a whole: what importing it costs, which way imports run, what is installed of it."""

from __future__ import annotations

import ast
import fnmatch
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncdiffusion.core.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "core").rglob("*.py"))
BLENDER = [path for name in ("blender", "operators", "panels") for path in sorted((ROOT / name).rglob("*.py"))]
OUTSIDE = [path for name in ("cli", "evaluation") for path in sorted((ROOT / name).rglob("*.py"))]
PACKAGE = [*sorted(ROOT.glob("__*__.py")), *OUTSIDE, *BLENDER, *CORE]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LONGEST_FILE = 450


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Level (0: absolute) and module of every import in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


@pytest.mark.parametrize("module", ["syncdiffusion", "syncdiffusion.core", "syncdiffusion.cli"])
def test_importing_costs_nothing(module, tmp_path):
    heavy = ["torch", "diffusers", "transformers", "torchvision", "numpy", "PIL", "bpy"]
    code = f"import sys, {module}; print(*[name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert answer.stdout.split() == []


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_core_knows_nothing_of_blender(path):
    assert "bpy" not in {module.partition(".")[0] for _, module in imports(path)}


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_package_imports_itself_relatively(path):
    # The same files are bl_ext.user_default.syncdiffusion inside Blender, where no module has the name syncdiffusion.
    own = {"syncdiffusion", "blender", "core", "cli", "evaluation", "operators", "panels"}
    assert [module for level, module in imports(path) if level == 0 and module.partition(".")[0] in own] == []


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_are_read_in_one_sitting(path):
    assert len(path.read_text("utf-8").splitlines()) < LONGEST_FILE


def test_the_manifest_has_the_packages_version():
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))
    assert manifest["version"] == VERSION


def test_every_folder_of_code_is_installed():
    folders = {path.parent.relative_to(ROOT) for path in PACKAGE}
    assert {".".join(["syncdiffusion", *folder.parts]) for folder in folders} == set(
        PYPROJECT["tool"]["setuptools"]["packages"]
    )
    assert [folder for folder in folders if not (ROOT / folder / "__init__.py").is_file()] == []


def test_every_data_file_is_installed():
    patterns = [
        f"{package.replace('syncdiffusion.', '').replace('.', '/')}/{pattern}"
        for package, patterns in PYPROJECT["tool"]["setuptools"].get("package-data", {}).items()
        for pattern in patterns
    ]
    patterns = [pattern.removeprefix("syncdiffusion/") for pattern in patterns]
    folders = (ROOT / "core", ROOT / "evaluation", ROOT / "models")
    files = [path.relative_to(ROOT).as_posix() for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert any(name.startswith("models/") for name in files)
    data = [name for name in files if not name.endswith((".py", ".pyc"))]
    assert [name for name in data if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)] == []


def test_every_dependency_is_pinned():
    project = PYPROJECT["project"]
    needs = [*project["dependencies"], *(need for group in project["optional-dependencies"].values() for need in group)]
    own_groups = {f"syncdiffusion[{group}]" for group in project["optional-dependencies"]}
    assert [need for need in needs if "==" not in need.partition(";")[0] and need not in own_groups] == []
