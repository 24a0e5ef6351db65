"""Unpacking wheels into a folder that Python can import from. A wheel is a zip; its .data folders go where they belong.

Not pip's ``--target``: that has no progress, leaves no way out in the middle, and its temporary folders are too deep
for Windows, where a path has at most 259 letters unless the user has changed that.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..activity import Activity
from ..errors import SetupError
from ..files.download import SPARE_BYTES, existing_folder

LONGEST_PATH = 259
CHUNK = 1 << 20
IMPORTED = (".py", ".pyd", ".dll", ".so")
INSTALLED_DATA = ("purelib", "platlib")  # of a wheel's .data folder; its scripts and headers nobody asks for here


def unpack(wheels: Sequence[Path], folder: Path, final: Path, activity: Activity, longest: int | None = None) -> None:
    """Unpack wheels into ``folder``, which will be renamed to ``final``.

    ``longest``: letters that a path may have; None takes the system's limit. Raises SetupError where a wheel is
    damaged, the disk too small, or a path of something that is imported too long.
    """
    longest = (LONGEST_PATH if windows_limits_paths() else sys.maxsize) if longest is None else longest
    try:
        plans = [(wheel, list(_members(wheel))) for wheel in wheels]
        _check_paths([name for _, members in plans for _, name in members], final, longest)
        total = sum(member.file_size for _, members in plans for member, _ in members)
        _check_room(folder, total)
        done = 0
        for number, (wheel, members) in enumerate(plans, 1):
            what = f"Unpacking {wheel.name.partition('-')[0]} ({number} of {len(plans)})"
            activity.say(what)
            with zipfile.ZipFile(wheel) as archive:
                for member, name in members:
                    activity.check_cancelled()
                    if len(str(final / name)) <= longest:
                        _extract(archive, member, folder / name)
                    done += member.file_size
                    activity.move(what, done, total)
    except zipfile.BadZipFile as error:
        raise SetupError(f"a wheel is damaged ({error}); choose Repair, which fetches it again") from error
    except OSError as error:
        raise SetupError(f"the engine cannot be unpacked to {folder} ({error}); choose another folder") from error


def _members(wheel: Path) -> list[tuple[zipfile.ZipInfo, str]]:
    """The files of a wheel, and the name of each below the folder they go to."""
    found = []
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            parts = PurePosixPath(member.filename).parts
            if member.is_dir() or ".." in parts or PurePosixPath(member.filename).is_absolute():
                continue
            if parts[0].endswith(".data"):
                if len(parts) < 3 or parts[1] not in INSTALLED_DATA:
                    continue
                parts = parts[2:]
            found.append((member, "/".join(parts)))
    return found


def _check_paths(names: Sequence[str], final: Path, longest: int) -> None:
    """What is imported must be reachable. The rest, which is licences and headers, is left out where it is too deep."""
    deepest = max((len(name) for name in names if name.endswith(IMPORTED)), default=0)
    too_many = len(str(final)) + 1 + deepest - longest
    if too_many > 0:
        raise SetupError(
            f"the folder {final} is {too_many} letters too long for Windows; choose a shorter one in the preferences, "
            "such as C:\\SyncDiffusion, or enable long paths in Windows"
        )


def _check_room(folder: Path, total: int) -> None:
    free = shutil.disk_usage(existing_folder(folder)).free
    if free < total + SPARE_BYTES:
        raise SetupError(
            f"{folder.parent} has {free / 1e9:.1f} GB free, and unpacked the engine takes {total / 1e9:.1f} GB; make "
            "room, then try again: what was downloaded is kept"
        )


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    os.makedirs(target.parent, exist_ok=True)
    with archive.open(member) as source, open(target, "wb") as out:
        shutil.copyfileobj(source, out, CHUNK)
    mode = member.external_attr >> 16
    if mode & 0o100:
        target.chmod(0o755)  # torch starts a helper program of its own


def windows_limits_paths() -> bool:
    """Whether this is a Windows that has not been told to allow long paths."""
    if sys.platform != "win32":
        return False
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return winreg.QueryValueEx(key, "LongPathsEnabled")[0] != 1
    except OSError:
        return True
