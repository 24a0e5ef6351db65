"""What `dev.py demo` runs, in small; and its last part apart, with a panorama whose sides can be told apart."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]

LOOK_INSIDE = """
import bpy, os, sys
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
nodes = bpy.context.scene.world.node_tree.nodes
image = next(node.image for node in nodes if node.bl_idname == "ShaderNodeTexEnvironment")
print("packed:", image.packed_file is not None, "pixels:", image.size[:], image.pixels[0] > 0.5, flush=True)
os._exit(0)
"""


def run(*command: str | Path) -> str:
    """Runs a Python program to its end; returns what it printed."""
    answer = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    """The .blend and the picture of a panorama that is red in its left half, whose middle is +Y, and blue elsewhere."""
    folder = tmp_path_factory.mktemp("demo")
    panorama = folder / "panorama.png"
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:, :32, 0] = pixels[:, 32:, 2] = 255
    Image.fromarray(pixels).save(panorama)
    run(ROOT / "demo" / "world.py", panorama, folder / "demo.blend", folder / "demo.png")
    panorama.unlink()  # the file has to live without it
    return folder / "demo.blend", folder / "demo.png"


def test_the_camera_sees_the_panorama_where_it_faces_plus_y(files):
    sky = np.asarray(Image.open(files[1]).convert("RGB"))[:40]
    assert sky.reshape(-1, 3).mean(0) == pytest.approx([255, 0, 0], abs=2)


def test_the_file_holds_the_panorama(files):
    assert "packed: True pixels: (64, 32) True" in run("-c", LOOK_INSIDE, files[0])
    assert sorted(path.name for path in files[0].parent.iterdir()) == ["demo.blend", "demo.png"]


def test_the_demo_runs_from_the_prompt_to_the_picture(tmp_path):
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    dev = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dev)
    dev.ensure_environment = lambda: Path(sys.executable)
    dev.BUILD = tmp_path / "build"
    dev.DEMO_OPTIONS = (
        "--target",
        "world",
        "--width",
        "512",
        "--world-size",
        "512",
        "--steps",
        "2",
        "--preset",
        "draft",
    )
    assert dev.main(["demo", "a photo of a mountain range at twilight"]) == 0
    assert Image.open(dev.BUILD / "demo-panorama.png").size == (512, 256)
    picture = np.asarray(Image.open(dev.BUILD / "demo.png").convert("RGB"))
    assert picture.shape == (360, 640, 3)
    assert picture[:120].std() > 5  # a sky of clouds, not a grey one
    assert (dev.BUILD / "demo.blend").stat().st_size > 100_000
