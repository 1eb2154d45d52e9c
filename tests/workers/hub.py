"""A stand-in for a hub: what is asked of one when a snapshot is downloaded, over HTTP."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import cast

COMMIT = hashlib.sha1(b"the only commit", usedforsecurity=False).hexdigest()
MODEL, REVISION, GATED = "makers/clock", "v1", "makers/locked"
KNOWN = ("", "revision/main", f"revision/{REVISION}", f"revision/{COMMIT}")


class Hub(ThreadingHTTPServer):
    """`folder` is the repository MODEL, at REVISION and `main`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.folder = folder

    @property
    def names(self) -> list[str]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in files)


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        if path.startswith(f"api/models/{GATED}"):
            self._refuse(403, "GatedRepo")
        elif path.startswith(f"api/models/{MODEL}"):
            self._tell(path.removeprefix(f"api/models/{MODEL}").strip("/"))
        elif path.startswith(f"{MODEL}/resolve/{COMMIT}/"):
            self._give(path.removeprefix(f"{MODEL}/resolve/{COMMIT}/"))
        else:
            self._refuse(404, "RepoNotFound")

    do_HEAD = do_GET  # noqa: N815  the base class names it so

    def _tell(self, asked: str) -> None:
        names = self._hub.names
        if asked == f"tree/{COMMIT}":
            self._say_json([{"type": "file", "path": name, "size": 1, "oid": COMMIT} for name in names])
        elif asked in KNOWN:
            siblings = [{"rfilename": name} for name in names]
            self._say_json({"id": MODEL, "sha": COMMIT, "private": False, "siblings": siblings})
        else:
            self._refuse(404, "RevisionNotFound")

    def _give(self, name: str) -> None:
        content = (self._hub.folder / name).read_bytes()
        etag = hashlib.sha256(content).hexdigest()
        self._say(content, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'})

    def _say_json(self, body: object) -> None:
        self._say(json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _say(self, content: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        self._say(b"", {"X-Error-Code": code}, status)

    @property
    def _hub(self) -> Hub:
        return cast("Hub", self.server)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def hub(folder: Path) -> Iterator[str]:
    """Its address."""
    server = Hub(folder)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
