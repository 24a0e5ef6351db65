"""The zip that users install, in a Blender with an empty profile: a process for each test, since state is global."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# bpy may hang when it is shut down in good order, so the child process leaves at once.
SCRIPT = """
import os, sys, traceback
from pathlib import Path
try:
    import bpy  # first: it makes Blender's own modules importable
    import addon_utils
    MODULE = "bl_ext.user_default.syncdiffusion"
    HERE = Path.cwd()
    addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.extensions.package_install_files(repo="user_default", filepath=sys.argv[1], enable_on_install=True)
    bpy.context.preferences.addons[MODULE].preferences.folder = str(HERE / "pictures")

    def settings(scene=None, **changed):
        '''A request that is done in a second.'''
        quick = dict(prompt="misty pine forest, dawn", model=sys.argv[2], preset="CUSTOM", steps=2, sync_weight=0.0,
                     width=128, world_size=256, use_random_seed=False, seed=417)
        chosen = (scene or bpy.context.scene).syncdiffusion
        for name, value in {**quick, **changed}.items():
            setattr(chosen, name, value)
        return chosen

    def refused(operator, **options):
        '''What an operator says when it does not do what it should.'''
        try:
            operator(**options)
        except RuntimeError as error:
            return str(error)
        raise AssertionError("it was done")

    def part(name):
        '''A module of the installed extension.'''
        import importlib
        return importlib.import_module(MODULE + "." + name)

    ops = bpy.ops.syncdiffusion
{body}
    print("FINE")
except BaseException:
    traceback.print_exc()
finally:
    sys.stdout.flush(); sys.stderr.flush(); os._exit(0)
"""


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension's zip."""
    folder = tmp_path_factory.mktemp("dist")
    builder = [sys.executable, ROOT / "tools" / "build_extension.py", "--without-wheels", "--output", folder]
    subprocess.run(builder, check=True, capture_output=True)
    return next(folder.glob("*.zip"))


@pytest.fixture
def in_blender(archive: Path, model_folder: Path, tmp_path: Path) -> Callable[..., str]:
    """Run a body in Blender, with ``settings``, ``refused``, ``part`` and ``ops`` at hand; gives what it printed."""

    def call(body: str) -> str:
        code = SCRIPT.replace("{body}", textwrap.indent(textwrap.dedent(body), "    "))
        environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "profile")}
        answer = subprocess.run(
            [sys.executable, "-c", code, str(archive), str(model_folder)],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "FINE" in answer.stdout, answer.stdout + answer.stderr
        return answer.stdout + answer.stderr

    return call
