"""The zip that users install, installed into an empty Blender."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# bpy may hang when it is shut down in good order, so the child process leaves at once.
SCRIPT = """
import os, sys, traceback
try:
    import bpy  # first: it makes Blender's own modules importable
    import addon_utils
    addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.extensions.package_install_files(repo="user_default", filepath=sys.argv[1], enable_on_install=True)
    module = sys.modules["bl_ext.user_default.syncdiffusion"]
    assert "torch" not in sys.modules, "enabling imports torch"
    assert "diffusers" not in sys.modules, "enabling imports diffusers"
    assert len(module._commands) == 1
    from bl_ext.user_default.syncdiffusion.cli.main import main
    {body}
    addon_utils.disable("bl_ext.user_default.syncdiffusion")
    assert module._commands == []
    print("FINE")
except BaseException:
    traceback.print_exc()
finally:
    sys.stdout.flush(); sys.stderr.flush(); os._exit(0)
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    builder = [sys.executable, ROOT / "tools" / "build_extension.py", "--without-wheels", "--output", folder]
    subprocess.run(builder, check=True, capture_output=True)
    return next(folder.glob("*.zip"))


def in_blender(archive, profile, body, *arguments):
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(profile)}
    command = [sys.executable, "-c", SCRIPT.replace("{body}", body), str(archive), *map(str, arguments)]
    answer = subprocess.run(command, env=environment, cwd=profile, capture_output=True, text=True, check=False)
    assert "FINE" in answer.stdout, answer.stdout + answer.stderr
    return answer


def test_installs_enables_and_refuses_a_bad_request_without_torch(archive, tmp_path):
    body = """assert main(["generate", "--steps", "0", "-o", "p.png"]) == 2
    assert "torch" not in sys.modules, "a bad request imports torch\""""
    answer = in_blender(archive, tmp_path, body)
    assert "prompt: is missing" in answer.stderr
    assert "steps: 0 is out of range" in answer.stderr


def test_generates_a_panorama_from_blenders_python(archive, tmp_path, model_folder):
    body = """assert main(["generate", "--prompt", "a lake", "--model", sys.argv[2], "--method", "multidiffusion",
                 "--steps", "2", "--width", "128", "-o", "p.png"]) == 0"""
    in_blender(archive, tmp_path, body, model_folder)
    assert (tmp_path / "p.png").is_file()
