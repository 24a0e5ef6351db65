"""The way of a user on a new machine, from the zip to the first panorama: a bare Python with bpy, an empty home folder.

python tools/fresh_machine.py dist/syncdiffusion-*.zip --wheels FOLDER     the engine from a folder of wheels
python tools/fresh_machine.py dist/syncdiffusion-*.zip --online            the engine from the network
python tools/fresh_machine.py dist/syncdiffusion-*.zip                     no engine: only that this is said

--bpy and --numpy choose the Blender (4.2.23 has numpy 1.24.3, 4.5.15 has 1.26.4; both are for Python 3.11). Every step
is a process of its own, as when Blender is started again. Packages for the bare Python come from PyPI.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PROLOGUE = """
import os, sys, traceback
from pathlib import Path
import bpy, addon_utils
MODULE = "bl_ext.user_default.syncdiffusion"

def part(name):
    import importlib
    return importlib.import_module(MODULE + "." + name)

def refused(operator, **options):
    try:
        operator(**options)
    except RuntimeError as error:
        return str(error).strip()
    raise AssertionError("it was done")

try:
"""
EPILOGUE = """
except BaseException:
    traceback.print_exc()
    sys.stdout.flush(); sys.stderr.flush(); os._exit(1)
sys.stdout.flush(); os._exit(0)
"""
INSTALL = """
    addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.extensions.package_install_files(repo="user_default", filepath=sys.argv[1], enable_on_install=True)
    assert MODULE in bpy.context.preferences.addons, "the extension is not enabled"
    import numpy
    print("   Blender", bpy.app.version_string, "with Python", sys.version.split()[0], "and numpy", numpy.__version__)
    assert "torch" not in sys.modules
    from importlib.util import find_spec
    missing = [name for name in part("core.engine_setup.found").LIBRARIES if find_spec(name) is None]
    assert not missing, f"the zip's wheels lack {missing}"
    print("   The wheels in the zip are found:", Path(find_spec("diffusers").origin).parents[1])
    bpy.context.scene.syncdiffusion.prompt = "a lake"
    said = refused(bpy.ops.syncdiffusion.generate)
    assert "The engine is not installed" in said, said
    print("   Generate says:", said.splitlines()[-1])
    print("   Install Engine says:", refused(bpy.ops.syncdiffusion.install_engine).splitlines()[-1])
"""
ENABLE = """
    assert addon_utils.enable(MODULE, default_set=True) is not None  # bpy as a module starts with factory settings
"""
ENGINE = """
    import numpy
    before = numpy.__version__
    bpy.context.preferences.system.use_online_access = sys.argv[1] == ""
    assert bpy.ops.syncdiffusion.install_engine(wheels=sys.argv[1]) == {"FINISHED"}
    setup = part("blender.setup").setup
    print("  ", setup.activity.message)
    assert setup.why_no_engine() == "", setup.why_no_engine()
    assert sys.path[-1] == str(setup.folder.site) and not list(setup.folder.site.glob("numpy*"))
"""
GENERATE = """
    out = Path(sys.argv[1])
    scene, settings = bpy.context.scene, bpy.context.scene.syncdiffusion
    bpy.context.preferences.addons[MODULE].preferences.folder = str(out)
    settings.prompt, settings.target, settings.preset = "a mountain lake at dawn, oil painting", "WORLD", "DRAFT"
    settings.world_size, settings.width, settings.use_random_seed, settings.seed = 1024, 768, False, 7
    assert bpy.ops.syncdiffusion.generate() == {"FINISHED"}
    (image,) = (image for image in bpy.data.images if "syncdiffusion" in image)
    assert image.size[0] == 2 * image.size[1] and image.packed_file is not None
    assert scene.world.node_tree is not None
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "first.blend"))
    import numpy, torch
    print("  ", image.name, tuple(image.size), "with torch", torch.__version__, "beside numpy", numpy.__version__)
"""


def run(python: Path, body: str, home: Path, *arguments: str) -> None:
    """One step, in a process with an empty home; ends this program where it fails."""
    kept = {"PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG", "SSL_CERT_FILE"}
    environment = {name: value for name, value in os.environ.items() if name.upper() in kept}
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA"):
        environment[name] = str(home)
    environment |= {"BLENDER_USER_RESOURCES": str(home / "Blender"), "OMP_NUM_THREADS": "1"}
    start = time.monotonic()
    code = subprocess.run(
        [python, "-c", PROLOGUE + body + EPILOGUE, *arguments], env=environment, cwd=home, check=False
    ).returncode
    print(f"   took {time.monotonic() - start:.1f} s", flush=True)
    if code:
        sys.exit(code)


def bare_python(folder: Path, packages: Sequence[str]) -> Path:
    """A new virtual environment with these packages and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [python, "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check", *packages]
    subprocess.run(pip, check=True)
    return python


def main() -> None:
    """Reads the command line and goes the way."""
    parser = argparse.ArgumentParser(description="From the zip to the first panorama on a new machine.")
    parser.add_argument("zip", type=Path)
    parser.add_argument("--bpy", default="4.5.15", help="the Blender (default: %(default)s)")
    parser.add_argument("--numpy", default="1.26.4", help="the numpy that it brings (default: %(default)s)")
    engine = parser.add_mutually_exclusive_group()
    engine.add_argument("--wheels", type=Path, help="a folder with the engine's wheels")
    engine.add_argument("--online", action="store_true", help="the engine from the network")
    parser.add_argument("--out", type=Path, help="where the panorama and a .blend go (default: nowhere)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="Jürgens neuer Rechner ", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        home.mkdir()
        print(f"== A bare Python with bpy {options.bpy}", flush=True)
        python = bare_python(Path(folder) / "python", [f"bpy=={options.bpy}", f"numpy=={options.numpy}"])
        print("== Installing and enabling the zip", flush=True)
        run(python, INSTALL, home, str(options.zip.resolve()))
        if options.wheels or options.online:
            print("== Installing the engine", flush=True)
            run(python, ENABLE + ENGINE, home, str(options.wheels.resolve()) if options.wheels else "")
            print("== The first panorama, after a restart", flush=True)
            out = (options.out or home / "pictures").resolve()
            out.mkdir(parents=True, exist_ok=True)
            run(python, ENABLE + GENERATE, home, str(out))
    print("All is well.")


if __name__ == "__main__":
    main()
