"""The zip that users install, in a Blender with an empty profile: a process for each test, since state is global.

Most tests use an engine that paints (``support/painted_engine.py``), so that none of them waits for torch; what only
the real one can show is tested with ``in_blender_with_engine``. BLENDER_PYTHON names the Python whose ``bpy`` is used,
if not this one; ``tools/test_blenders.py`` sets it.
"""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
PYTHON = os.environ.get("BLENDER_PYTHON", sys.executable)

# bpy may hang when it is shut down in good order, so the child process leaves at once.
SCRIPT = """
import os, sys, traceback
from pathlib import Path
try:
    import bpy  # first: it makes Blender's own modules importable
    import addon_utils
    MODULE = "bl_ext.user_default.syncdiffusion"
    HERE = Path.cwd()
    assert addon_utils.enable(MODULE, default_set=True) is not None
    bpy.context.preferences.addons[MODULE].preferences.folder = str(HERE / "pictures")

    def settings(scene=None, **changed):
        '''A request that is done in a second.'''
        quick = dict(prompt="misty pine forest, dawn", model=sys.argv[2], preset="CUSTOM", steps=2, sync_weight=0.0,
                     width=128, world_size=256, light_range="LDR", poles="FILL",
                     use_random_seed=False, seed=417)
        chosen = (scene or bpy.context.scene).syncdiffusion
        for name, value in {**quick, **changed}.items():
            setattr(chosen, name, value)
        return chosen

    def picture(name="SyncD test 0417", width=256, height=128, pixels=None, **request):
        '''A generated picture, without generating it: red from left to right.'''
        import json
        import numpy as np
        from PIL import Image
        if pixels is None:
            pixels = np.zeros((height, width, 3), np.uint8)
            pixels[..., 0] = np.arange(width) * 255 // (width - 1)
            pixels[..., 1] = 64
        request = {"prompt": "test", "seed": 417, "target": "world", "anchor": "center", "files": {}, **request}
        path = part("blender.storage").folder_for_new() / f"{name}.png"
        with path.open("wb") as file:
            part("core.files.images").write_png(file, pixels, request)
        images = part("blender.images")
        image = images.load(path, name, json.dumps(request))
        images.set_thumbnail(image, pixels)
        return image

    def render(name, width=64, height=36, samples=4):
        '''What Cycles draws, as it is: (height, width, 3) from 0 to 1, from top to bottom.'''
        import numpy as np
        from PIL import Image
        scene = bpy.context.scene
        scene.render.engine = "CYCLES"
        scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = "CPU", samples, False
        scene.view_settings.view_transform = "Standard"
        scene.render.resolution_x, scene.render.resolution_y = width, height
        scene.render.resolution_percentage = 100
        scene.render.filepath = str(HERE / name)
        bpy.ops.render.render(write_still=True)
        return np.asarray(Image.open(HERE / name).convert("RGB")) / 255

    def only_a_camera(**place):
        '''Empty the scene but for a camera; without anything said it looks along +Y from the origin.'''
        import math
        for thing in list(bpy.data.objects):
            bpy.data.objects.remove(thing)
        bpy.ops.object.camera_add(**{"rotation": (math.pi / 2, 0, 0), **place})
        bpy.context.scene.camera = bpy.context.object
        bpy.context.view_layer.update()
        return bpy.context.object

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

    def submit(*seeds):
        '''Queue pictures as Generate does where there is a window, and do not wait. Gives the tasks.'''
        request, submit = part("blender.requests").request_settings, part("blender.submit")
        given = [request(bpy.context.scene.syncdiffusion, seed, "cpu", "auto") for seed in seeds or (417,)]
        return submit.submit(given, submit.Purpose.of(bpy.context))

    def painted(steps=0):
        '''An engine that needs no torch and does so many steps; more when it is let.'''
        from importlib.util import find_spec
        sys.path.append(sys.argv[3])
        from painted_engine import install
        if find_spec("torch") is None:
            part("blender.setup").setup.why_no_engine = lambda: ""
        return install(part, steps)

    def until(condition):
        '''Pump until something is so.'''
        pump = part("blender.pump")
        import time
        for _ in range(60000):
            if condition():
                return
            pump.tick()
            time.sleep(0.005)
        raise AssertionError("it did not come")

    ops = bpy.ops.syncdiffusion
    if sys.argv[4] == "painted":
        engine = painted(10**6)
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


INSTALL = """
import os, sys
import bpy, addon_utils
addon_utils.enable("bl_pkg", default_set=True)
done = bpy.ops.extensions.package_install_files(repo="user_default", filepath=sys.argv[1], enable_on_install=True)
os._exit(done != {"FINISHED"})
"""


@pytest.fixture(scope="session")
def profile(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Blender user's folder into which the zip has been installed."""
    folder = tmp_path_factory.mktemp("Jürgens Profil")
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(folder)}
    subprocess.run([PYTHON, "-c", INSTALL, str(archive)], env=environment, check=True, capture_output=True)
    return folder


@pytest.fixture
def in_blender(profile: Path, archive: Path, model_folder: Path, tmp_path: Path) -> Callable[..., str]:
    """Run a body in Blender, with what SCRIPT defines and an ``engine`` that paints; gives what it printed."""
    return _runner(profile, archive, model_folder, tmp_path, "painted")


@pytest.fixture
def in_blender_with_engine(profile: Path, archive: Path, model_folder: Path, tmp_path: Path) -> Callable[..., str]:
    """The same with the real engine, where that Blender's Python has torch."""
    if subprocess.run([PYTHON, "-c", "import importlib.util as u, sys; sys.exit(not u.find_spec('torch'))"]).returncode:
        pytest.skip("this Blender's Python has no torch")
    return _runner(profile, archive, model_folder, tmp_path, "real")


@pytest.fixture
def in_blender_alone(profile: Path, archive: Path, model_folder: Path, tmp_path: Path) -> Callable[..., str]:
    """The same with no engine put in its place."""
    return _runner(profile, archive, model_folder, tmp_path, "none")


def _runner(profile: Path, archive: Path, model_folder: Path, tmp_path: Path, engine: str) -> Callable[..., str]:
    def call(body: str) -> str:
        code = SCRIPT.replace("{body}", textwrap.indent(textwrap.dedent(body), "    "))
        environment = {**os.environ, "BLENDER_USER_RESOURCES": str(profile)}
        answer = subprocess.run(
            [PYTHON, "-c", code, str(archive), str(model_folder), str(SUPPORT), engine],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "FINE" in answer.stdout, answer.stdout + answer.stderr
        return answer.stdout + answer.stderr

    return call
