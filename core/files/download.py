"""Downloads of files: resumed where they were cut, checked by SHA-256, renamed into place when they are whole."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..activity import Activity
from ..errors import DownloadError
from ..version import VERSION

CHUNK = 1 << 20
ATTEMPTS = 5
TIMEOUT = 30.0  # seconds without a byte
PARTIAL = ".part"
SPARE_BYTES = 64 << 20


@dataclass(frozen=True)
class Remote:
    """A file to be fetched. ``sha256`` may be its first digits alone; ``size`` in bytes, 0 where nobody knows.

    ``label``: what the user is told it is, if not the file's name.
    """

    url: str
    path: Path
    sha256: str
    size: int = 0
    label: str = ""

    @property
    def name(self) -> str:
        """What it is, for the user."""
        return self.label or self.path.name


def fetch_all(files: Sequence[Remote], activity: Activity) -> None:
    """Download what is not there yet, one after another. A file that is there is taken to be right.

    Raises DownloadError, with what to do, or CancelledError; what has arrived is kept for the next time.
    """
    missing = [file for file in files if not file.path.is_file()]
    total = sum(file.size for file in missing)
    check_room(missing, total)
    before = 0
    for number, file in enumerate(missing, 1):
        what = f"Downloading {file.name} ({number} of {len(missing)})"
        activity.say(f"Downloading {file.url}")

        def told(done: int, what: str = what, before: int = before) -> None:
            activity.move(what, before + done, max(total, before + done) if total else 0)

        fetch(file, told, activity)
        before += file.path.stat().st_size


def check_room(files: Sequence[Remote], total: int) -> None:
    """Raise DownloadError when the disk has no room for what is to come."""
    if not files:
        return
    folder = existing_folder(files[0].path.parent)
    have = sum(part.stat().st_size for file in files if (part := partial(file.path)).is_file())
    need, free = total - have + SPARE_BYTES, shutil.disk_usage(folder).free
    if free < need:
        raise DownloadError(
            f"{folder} has {free / 1e9:.1f} GB free, and {need / 1e9:.1f} GB are needed; make room, then try again"
        )


def existing_folder(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(parent for parent in (folder, *folder.parents) if parent.is_dir())


def partial(path: Path) -> Path:
    """Where a file grows until it is whole."""
    return path.with_name(path.name + PARTIAL)


def fetch(file: Remote, told: Callable[[int], None], activity: Activity) -> None:
    """Download one file, trying again where the connection is cut. ``told`` hears how many bytes are there."""
    part = partial(file.path)
    part.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _receive(file.url, part, told, activity)
            break
        except urllib.error.HTTPError as error:
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and part.is_file():
                break  # nothing is left to come; the hash tells whether it is right
            raise DownloadError(
                f"{file.url} is refused ({error.code} {error.reason}); try again later, or choose another source"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise DownloadError(f"the disk of {part.parent} is full; make room, then try again") from error
            activity.say(f"The connection failed ({error}); attempt {attempt} of {ATTEMPTS}")
            if attempt == ATTEMPTS:
                raise DownloadError(
                    f"the connection to {_host(file.url)} fails ({_reason(error)}); check it and try again: what has "
                    "arrived is kept"
                ) from error
            activity.pause(min(2.0**attempt, 20.0) if attempt > 1 else 0.2)
    _check(file, part)
    os.replace(part, file.path)


def _receive(url: str, part: Path, told: Callable[[int], None], activity: Activity) -> None:
    have = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": f"syncdiffusion/{VERSION}", **({"Range": f"bytes={have}-"} if have else {})}
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=_certificates(url)) as answer:
        resumed = answer.status == http.client.PARTIAL_CONTENT
        have = have if resumed else 0
        length = answer.headers.get("Content-Length")
        expected = have + int(length) if length else None
        with part.open("ab" if resumed else "wb") as out:
            while chunk := answer.read(CHUNK):
                activity.check_cancelled()
                out.write(chunk)
                have += len(chunk)
                told(have)
    if expected is not None and have < expected:
        raise ConnectionError(f"{have} of {expected} bytes came")


def _check(file: Remote, part: Path) -> None:
    with part.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if not found.startswith(file.sha256.lower()):
        part.unlink()
        raise DownloadError(
            f"{file.name} is not what it should be (SHA-256 {found[:16]}..., not {file.sha256[:16]}...) and was "
            "deleted. Try again; if it happens again, something on the way changes the file"
        )


def _certificates(url: str) -> ssl.SSLContext | None:
    """The system's certificates and those of the package certifi: not every Blender finds the first."""
    if not url.startswith("https:"):
        return None
    context = ssl.create_default_context()
    try:
        import certifi
    except ImportError:
        return context
    context.load_verify_locations(certifi.where())
    return context


def _host(url: str) -> str:
    return url.split("/")[2] if "://" in url else url


def _reason(error: BaseException) -> str:
    return str(getattr(error, "reason", None) or error or type(error).__name__)
