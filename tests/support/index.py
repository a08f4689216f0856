"""A package index on this machine: a real one, small, which can also misbehave."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from practice_hub.published import Wheel

PACKAGE, VERSION = "course-sample", "1.0"
FILES = {
    "course_sample/model/config.json": b'{"model_type": "bert"}\n',
    "course_sample/model/README.md": b"---\nlicense: apache-2.0\n---\n\n# A sample\n",
    "course_sample/model/model.safetensors": b"\x02\0\0\0\0\0\0\0{}" + bytes(50_000),
    "course_sample/__init__.py": b"raise SystemExit('nobody may import this')\n",
    "course_sample-1.0.dist-info/METADATA": b"Name: course-sample\nVersion: 1.0\nLicense: MIT\n",
    "course_sample-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
    "course_sample-1.0.dist-info/RECORD": b"",
}


def make_wheel(files: Mapping[str, bytes] = FILES) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


SENT = make_wheel()
PINNED = Wheel(PACKAGE, VERSION, hashlib.sha256(SENT).hexdigest())


class Index(ThreadingHTTPServer):
    """Serves one release. ``style`` is "json" (PEP 691) or "html" (PEP 503).

    ``sent`` are the bytes of its wheel; ``missing`` of them are announced and never come, after
    ``seconds`` of silence.
    """

    def __init__(self, style: str, sent: bytes, missing: int, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.style, self.sent, self.missing, self.seconds = style, sent, missing, seconds
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple"


class Answer(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        name = PINNED.file_name
        if self.path == f"/simple/{PACKAGE}/" and self.server.style == "json":
            file = {"filename": name, "url": f"../../{name}", "hashes": {}}
            page = {"meta": {"api-version": "1.0"}, "name": PACKAGE, "files": [file]}
            self.send(json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")
        elif self.path == f"/simple/{PACKAGE}/":
            self.send(f'<a href="../../{name}#sha256=0">{name}</a>'.encode(), "text/html")
        elif self.path == f"/{name}":
            self.send(self.server.sent, "application/octet-stream", self.server.missing)
        else:
            self.send_error(404)

    def send(self, content: bytes, kind: str, missing: int = 0) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) + missing))
        self.end_headers()
        self.wfile.write(content)
        if missing:
            time.sleep(self.server.seconds)
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def index(
    style: str = "json", sent: bytes = SENT, missing: int = 0, seconds: float = 0.0
) -> Iterator[Index]:
    server = Index(style, sent, missing, seconds)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
