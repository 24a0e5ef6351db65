"""Tiny wheels, and a server on this computer that behaves as a package index, or misbehaves."""

from __future__ import annotations

import base64
import hashlib
import threading
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, unquote

METADATA_IS_THERE = 'data-core-metadata="true" data-dist-info-metadata="true"'  # the old and the new name

# As much of torch as the verification asks for.
TORCH = """
__version__ = "2.13.0+test"

class _Tensor:
    def __init__(self, rows): self.rows = rows
    def __matmul__(self, other):
        return _Tensor([[sum(a * b for a, b in zip(row, column)) for column in zip(*other.rows)] for row in self.rows])
    def sum(self): return _Tensor(sum(map(sum, self.rows)))
    def item(self): return self.rows

def ones(shape, device): return _Tensor([[1.0] * shape[1] for _ in range(shape[0])])

class cuda:
    is_available = staticmethod(lambda: False)

class backends:
    class mps:
        is_available = staticmethod(lambda: False)
"""


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, str | bytes],
    needs: tuple[str, ...] = (),
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel with these files, and metadata that ask for ``needs``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    contents = {
        **files,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = ""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, text in contents.items():
            data = text if isinstance(text, bytes) else text.encode()
            archive.writestr(file, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record += f"{file},sha256={digest},{len(data)}\n"
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path


def make_engine_wheels(folder: Path, torch: str = TORCH, padding: int = 3 << 20) -> list[Path]:
    """torch, torchvision and something that torch needs. ``padding``: bytes that make torch large."""
    pad = hashlib.shake_128(b"padding").digest(padding)  # does not compress
    needs = ("numpy", "helper>=1")
    return [
        make_wheel(folder, "torch", "2.13.0+test", {"torch/__init__.py": torch, "torch/lib/pad.bin": pad}, needs),
        make_wheel(folder, "torchvision", "0.28.0+test", {"torchvision/__init__.py": "import torch"}, ("torch",)),
        make_wheel(folder, "helper", "1.5", {"helper.py": "", "helper-1.5.data/platlib/inner/deep.py": "x = 1"}),
    ]


class Index:
    """A package index over a folder of wheels, on the loopback interface.

    ``cut_after``: for a package, the bytes after which its next transfers are cut, one number for each;
    ``wrong_hashes``: names whose hash is given wrongly; ``requests``: (path, Range) of every file that was asked for.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.cut_after: dict[str, list[int]] = {}
        self.wrong_hashes: set[str] = set()
        self.requests: list[tuple[str, str | None]] = []
        index = self

        class Handler(_Handler):
            owner = index

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The root."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def simple(self) -> str:
        """What pip is given."""
        return f"{self.url}/simple"

    def __enter__(self) -> Index:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: Index

    def do_HEAD(self) -> None:
        self._file(body=False)

    def do_GET(self) -> None:
        if self.path.startswith("/simple/"):
            self._page(self.path.removeprefix("/simple/").strip("/"))
        else:
            self.owner.requests.append((unquote(self.path), self.headers.get("Range")))
            self._file(body=True)

    def _page(self, name: str) -> None:
        links = ""
        for path in sorted(self.owner.folder.glob("*.whl")):
            if path.name.partition("-")[0].lower().replace("_", "-") == name:
                sha256 = "0" * 64 if name in self.owner.wrong_hashes else _sha256(path)
                links += f'<a href="/{quote(path.name)}#sha256={sha256}" {METADATA_IS_THERE}>{path.name}</a>\n'
        page = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        self.send_response(200 if links else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def _file(self, body: bool) -> None:
        name = unquote(self.path).lstrip("/")
        data = self._content(name)
        if data is None:
            self.send_error(404)
            return
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(data) > 0 and wanted:
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if not body:
            return
        rest = data[start:]
        with suppress(ConnectionError):
            cuts = self.owner.cut_after.get(name.partition("-")[0])
            if cuts and not name.endswith(".metadata"):
                self.wfile.write(rest[: cuts.pop(0)])
                self.close_connection = True
            else:
                self.wfile.write(rest)

    def _content(self, name: str) -> bytes | None:
        path = self.owner.folder / name
        if path.is_file():
            return path.read_bytes()
        wheel = self.owner.folder / name.removesuffix(".metadata")
        if not name.endswith(".metadata") or not wheel.is_file():
            return None
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(next(entry for entry in archive.namelist() if entry.endswith("/METADATA")))

    def log_message(self, *_: object) -> None:
        pass


@cache
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
