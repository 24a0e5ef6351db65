"""Installing the engine: from an index and from a folder, and every way in which it can go wrong."""

import json
import shutil
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from support.wheels import TORCH, make_engine_wheels, make_wheel

from syncdiffusion.core.engine_setup import install
from syncdiffusion.core.engine_setup.install import EngineFolder, activate, deactivate
from syncdiffusion.core.engine_setup.sources import FromFolder, FromIndex
from syncdiffusion.core.engine_setup.unpack import unpack
from syncdiffusion.core.errors import CancelledError, DownloadError, SetupError

ROOT = Path(__file__).resolve().parents[3]


def test_from_an_index(folder, build, index, host, activity, files_in):
    sentence = folder.install(FromIndex(build, index.simple), host, activity)
    assert sentence == "torch 2.13.0+test is installed and computes on cpu"
    assert folder.record == {"torch": "2.13.0+test", "device": "cpu", "name": "cpu"}
    names = files_in(folder.root)
    assert {f"{folder.site.name}/{name}" for name in ("torch/__init__.py", "helper.py", "inner/deep.py")} <= names
    assert not [name for name in names if "numpy" in name], "Blender's numpy is to stay"
    assert not [name for name in names if "downloads" in name or ".new" in name], "what was needed on the way is gone"
    assert "Downloading" in activity.log
    assert "Verifying" in activity.log


def test_from_a_folder_of_wheels_without_a_network(folder, wheels, host, activity, files_in):
    before = files_in(wheels)
    folder.install(FromFolder(wheels), host, activity)
    assert folder.installed
    assert files_in(wheels) == before, "the folder is somebody's: nothing in it is changed"


def test_the_engine_is_appended_to_the_path(folder, wheels, host, activity, monkeypatch):
    folder.install(FromFolder(wheels), host, activity)
    monkeypatch.setattr(sys, "path", list(sys.path))
    activate(folder.site)
    activate(folder.site)
    assert sys.path[-1] == str(folder.site)
    assert sys.path.count(str(folder.site)) == 1
    deactivate(folder.site)
    assert str(folder.site) not in sys.path


def test_a_wrong_hash(folder, source, index, host, activity):
    index.wrong_hashes.add("torch")
    with pytest.raises(DownloadError, match=r"torch-2\.13\.0\+test.*is not what it should be"):
        folder.install(source, host, activity)
    assert not folder.installed
    assert not list(folder.downloads.glob("torch-*")), "what is wrong is not kept"


def test_a_connection_that_is_cut_is_taken_up_again(folder, source, index, host, activity):
    index.cut_after = {"torch": [1 << 20]}
    folder.install(source, host, activity)
    assert folder.installed
    ranges = [wanted for path, wanted in index.requests if path.startswith("/torch-") and path.endswith(".whl")]
    assert ranges == [None, f"bytes={1 << 20}-"], "only the rest is fetched"


def test_a_connection_that_stays_cut_leaves_what_came(folder, source, index, host, activity, monkeypatch):
    monkeypatch.setattr(type(activity), "pause", lambda *_: None)
    index.cut_after = {"torch": [1000] * 10}
    with pytest.raises(DownloadError, match="connection to 127.0.0.1.*what has arrived is kept"):
        folder.install(source, host, activity)
    assert not folder.installed
    assert (folder.downloads / "torch-2.13.0+test-py3-none-any.whl.part").stat().st_size == 5000
    index.cut_after = {}
    folder.install(source, host, activity)
    assert folder.installed


def test_an_index_that_does_not_have_it(folder, build, index, host, activity, tmp_path):
    index.folder = tmp_path
    with pytest.raises(SetupError, match="127.0.0.1.*does not give what is needed.*torch"):
        folder.install(FromIndex(build, index.simple), host, activity)


def test_no_room_for_the_download(folder, source, host, activity, monkeypatch):
    full = shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(DownloadError, match="GB free, and .* are needed; make room"):
        folder.install(source, host, activity)
    assert not folder.installed


def test_no_room_to_unpack(folder, wheels, host, activity, monkeypatch, files_in):
    full = shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(SetupError, match="unpacked the engine takes .* GB; make room"):
        folder.install(FromFolder(wheels), host, activity)
    assert files_in(folder.root) == set()


def test_cancelling_while_it_downloads(folder, source, host, activity):
    move = activity.move
    activity.move = lambda *told: (move(*told), activity.cancel())
    with pytest.raises(CancelledError, match="what was there before is still there"):
        folder.install(source, host, activity)
    assert not folder.installed
    assert folder.kept_bytes > 0


def test_cancelling_while_it_verifies_ends_the_child(folder, host, activity, tmp_path):
    make_engine_wheels(tmp_path, f"import time; time.sleep(600)\n{TORCH}", padding=0)
    canceller = threading.Timer(1.0, activity.cancel)
    canceller.start()
    with pytest.raises(CancelledError):
        folder.install(FromFolder(tmp_path), host, activity)
    assert not folder.site.exists()


@pytest.mark.parametrize(
    ("torch", "said"),
    [
        ("raise ImportError('libcudnn.so.9: cannot open shared object file')", "libcudnn"),
        (TORCH.replace("[1.0]", "[0.5]"), "the cpu computes 65536.0 where 262144 is right"),
        ("import os; os._exit(3)", "nothing was printed"),
    ],
)
def test_a_broken_engine_leaves_the_former(folder, wheels, host, activity, tmp_path, torch, said, files_in):
    folder.install(FromFolder(wheels), host, activity)
    before = files_in(folder.root)
    make_engine_wheels(tmp_path / "bad", torch, padding=0)
    with pytest.raises(SetupError, match=f"does not work here: .*{said}"):
        folder.install(FromFolder(tmp_path / "bad"), host, activity)
    assert files_in(folder.root) == before


def test_an_engine_that_would_replace_numpy_is_refused(folder, wheels, host, activity, tmp_path):
    shutil.copytree(wheels, tmp_path / "w")
    make_wheel(tmp_path / "w", "helper", "9.0", {"numpy/__init__.py": "__version__ = '0.1'"})
    other = replace(host, paths=host.paths[:-1], numpy="0.2")
    with pytest.raises(SetupError, match=r"numpy 0\.1 takes the place of 0\.2"):
        folder.install(FromFolder(tmp_path / "w"), other, activity)


KILLED = """
    import json, os, sys
    from pathlib import Path
    from syncdiffusion.core.activity import Activity
    from syncdiffusion.core.engine_setup import install
    from syncdiffusion.core.engine_setup.host import Host
    from syncdiffusion.core.engine_setup.sources import FromFolder
    root, wheels, numpy, moment = sys.argv[1:]
    die = lambda *_: os._exit(9)
    if moment == "verifying":
        install.verify = die
    elif moment == "between the renames":
        install.verify = lambda *_: {"torch": "2.13.0", "device": "cpu", "name": "cpu"}
        rename, calls = os.rename, []
        os.rename = lambda *paths: calls and die() or calls.append(paths) or rename(*paths)
    install.EngineFolder(Path(root)).install(
        FromFolder(Path(wheels)), Host(sys.executable, tuple(sys.path), numpy), Activity("", str))
"""


@pytest.mark.parametrize("moment", ["verifying", "between the renames"])
def test_killed_in_the_middle_the_former_state_is_there(folder, wheels, host, activity, moment, files_in):
    folder.install(FromFolder(wheels), host, activity)
    (folder.site / "former").touch()
    before = {name for name in files_in(folder.root) if name.startswith(folder.site.name + "/")}
    script = [sys.executable, "-c", textwrap.dedent(KILLED), str(folder.root), str(wheels), host.numpy, moment]
    assert subprocess.run(script, cwd=ROOT.parent, check=False).returncode == 9

    again = EngineFolder(folder.root)  # Blender starts anew
    again.recover()
    assert again.installed
    assert {name for name in files_in(folder.root) if name.startswith(folder.site.name + "/")} == before
    again.install(FromFolder(wheels), host, activity)
    assert not (again.site / "former").exists()
    assert {path.name for path in folder.root.iterdir() if path.is_dir()} == {folder.site.name}


def test_two_blenders_at_once(folder, wheels, host, activity):
    script = """
        import sys, time
        from pathlib import Path
        from syncdiffusion.core.engine_setup.install import EngineFolder
        with EngineFolder(Path(sys.argv[1]))._lock():
            print("locked", flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(folder.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT.parent) as other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(SetupError, match="another Blender is at work on .*; wait until it is done"):
            folder.install(FromFolder(wheels), host, activity)
        with pytest.raises(SetupError, match="another Blender"):
            folder.remove()
        other.kill()  # and a lock does not outlive its Blender
    folder.install(FromFolder(wheels), host, activity)
    assert folder.installed


def test_a_zip_without_wheels_is_named(folder, wheels, host, activity, monkeypatch):
    monkeypatch.setitem(sys.modules, "filelock", None)
    with pytest.raises(SetupError, match="filelock.* is missing; install the extension's zip that has wheels"):
        folder.install(FromFolder(wheels), host, activity)


def test_removing(folder, wheels, host, activity, files_in):
    folder.install(FromFolder(wheels), host, activity)
    folder.remove()
    assert not folder.installed
    assert files_in(folder.root) == set()
    folder.remove()  # nothing there: nothing to do


def test_a_file_in_use_is_said(folder, wheels, host, activity, monkeypatch):
    folder.install(FromFolder(wheels), host, activity)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(install.os, "rename", refuse)
    with pytest.raises(SetupError, match="is in use .*restart Blender"):
        folder.remove()
    assert folder.installed


def test_a_folder_that_cannot_be_written_to(tmp_path, wheels, host, activity):
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="cannot be written to .*choose another folder"):
        EngineFolder(tmp_path / "file" / "engine").install(FromFolder(wheels), host, activity)


def test_long_paths_on_windows(tmp_path, activity):
    """What is imported must fit; licences that do not are left out."""
    deep = "torch/" + "licence/" * 12 + "LICENSE"
    wheel = make_wheel(tmp_path, "torch", "2.13.0", {"torch/__init__.py": "", deep: ""})
    final = tmp_path / "engine"
    unpack([wheel], tmp_path / "new", final, activity, longest=len(str(final)) + 60)
    assert (tmp_path / "new" / "torch" / "__init__.py").is_file()
    assert not (tmp_path / "new" / deep).exists()
    with pytest.raises(SetupError, match=r"letters too long for Windows; choose a shorter one.*C:\\SyncDiffusion"):
        unpack([wheel], tmp_path / "new", final, activity, longest=len(str(final)) + 10)


def test_a_record_that_cannot_be_read_is_none(folder):
    folder.site.mkdir(parents=True)
    (folder.site / install.RECORD).write_text("{", "utf-8")
    assert folder.record == {}
    (folder.site / install.RECORD).write_text(json.dumps({"torch": "1"}), "utf-8")
    assert folder.record == {"torch": "1"}
