"""A hub on this computer that serves one model, for the hub's true client."""

import hashlib
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from huggingface_hub import constants

COMMIT = "1" * 40
PIECE = 1 << 20


class Hub(ThreadingHTTPServer):
    """Serves the files of ``folder`` as the model ``name``; ``error`` is answered to everything instead.

    ``pause``: seconds between the pieces of a file, where it is to be watched; ``cut_after``: for a file, the bytes
    after which its next transfer is cut; ``ranges``: (file, first byte) of each.
    """

    def __init__(self, folder: Path, name: str = "owner/name", port: int = 0, pause: float = 0.0) -> None:
        super().__init__(("127.0.0.1", port), Answer)
        self.name, self.pause = name, pause
        self.folder = folder
        self.error: tuple[int, str] | None = None
        self.downloaded: set[str] = set()
        self.ranges: list[tuple[str, int]] = []
        self.cut_after: dict[str, int] = {}

    def files(self) -> dict[str, bytes]:
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in sorted(paths)}


def is_large(name: str) -> bool:
    """Whether a hub keeps a file apart, under its SHA-256."""
    return name.endswith((".safetensors", ".bin"))


def _sibling(name: str, content: bytes) -> dict:
    large = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return {"rfilename": name, "size": len(content), **({"lfs": large} if is_large(name) else {})}


class Answer(BaseHTTPRequestHandler):
    """The three answers of a hub that downloading a model takes: what it is, its files, one of them."""

    server: Hub

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        files = self.server.files()
        model = self.server.name
        api, file = f"/api/models/{model}", path.removeprefix(f"/{model}/resolve/{COMMIT}/")
        if self.server.error is not None:
            status, code = self.server.error
            self.answer(b"{}", status, {"X-Error-Code": code, "X-Error-Message": "as the test wants it"})
        elif path in (api, f"{api}/revision/main"):
            siblings = [_sibling(name, content) for name, content in files.items()]
            self.answer(json.dumps({"id": model, "sha": COMMIT, "siblings": siblings}).encode())
        elif path.startswith(f"{api}/tree/"):
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in files.items()
            ]
            self.answer(json.dumps(entries).encode())
        elif file in files:
            if self.command == "GET":
                self.server.downloaded.add(file)
            content = files[file]
            etag = hashlib.sha256(content) if is_large(file) else hashlib.sha1(content)
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{etag.hexdigest()}"'}
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            self.server.ranges.append((file, start))
            self.answer(content[start:], 206 if start else 200, headers, self.server.cut_after.pop(file, None))
        else:
            self.answer(b"{}", 404, {"X-Error-Code": "RepoNotFound"})

    def answer(self, content, status=200, headers=None, cut_after=None):
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            sent = content[:cut_after]
            for start in range(0, len(sent), PIECE):
                self.wfile.write(sent[start : start + PIECE])
                time.sleep(self.server.pause)
            self.close_connection = cut_after is not None


def use_endpoint(monkeypatch, url):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
