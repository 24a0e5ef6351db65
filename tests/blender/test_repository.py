"""A repository of one's own: a folder with an index, served by any web server, from which users get updates."""

import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from syncdiffusion.core.version import VERSION

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

import build_extension

PYTHON = os.environ.get("BLENDER_PYTHON", sys.executable)
NEXT = "99.0.0"

# Blender's own operators, as Preferences > Get Extensions calls them.
SCRIPT = """
import os, sys, traceback
from urllib.request import urlopen
try:
    import bpy, addon_utils
    preferences, ops = bpy.context.preferences, bpy.ops.extensions
    preferences.system.use_online_access = True
    addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.preferences.extension_repo_add(name="Studio", remote_url=sys.argv[1] + "/index.json", type="REMOTE")
    repos = list(preferences.extensions.repos)
    number = next(number for number, repo in enumerate(repos) if repo.remote_url.startswith(sys.argv[1]))
    module = f"bl_ext.{repos[number].module}.syncdiffusion"

    def version():
        import importlib
        return importlib.reload(importlib.import_module(module + ".core.version")).VERSION

    assert ops.repo_sync(repo_index=number) == {"FINISHED"}
    assert ops.package_install(repo_index=number, pkg_id="syncdiffusion", enable_on_install=True) == {"FINISHED"}
    assert module in preferences.addons
    print("installed", version())
    urlopen(sys.argv[1] + "/publish").close()
    assert ops.repo_sync(repo_index=number) == {"FINISHED"}
    assert ops.package_upgrade_all() == {"FINISHED"}
    print("updated to", version())
    bpy.context.scene.syncdiffusion.prompt = "it is enabled"
except BaseException:
    traceback.print_exc()
finally:
    sys.stdout.flush(); sys.stderr.flush(); os._exit(0)
"""


def publish(archive: Path, folder: Path, version: str) -> Path:
    """A folder with the extension in a version, and its index."""
    folder.mkdir()
    new = folder / archive.name.replace(VERSION, version)
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename in ("blender_manifest.toml", "core/version.py"):
                data = data.replace(f'"{VERSION}"'.encode(), f'"{version}"'.encode())
            out.writestr(entry.filename, data)
    build_extension.blender(build_extension.blender_scripts(), "server-generate", f"--repo-dir={folder}")
    return folder


@pytest.fixture
def server(archive: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a repository that has the next version once /publish has been asked for."""
    folders = [publish(archive, tmp_path / version, version) for version in (VERSION, NEXT)]

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=folders[0])

        def do_GET(self) -> None:
            if self.path == "/publish":
                del folders[0]
                self.send_response(204)
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_it_is_installed_from_and_updated_from(server, tmp_path):
    answer = subprocess.run(
        [PYTHON, "-c", SCRIPT, server],
        env={**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "Jürgens Profil")},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"installed {VERSION}" in answer.stdout, answer.stdout + answer.stderr
    assert f"updated to {NEXT}" in answer.stdout, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr, answer.stderr
