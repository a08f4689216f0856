"""How the Hub answers: JSON, plain text, and errors that its clients can tell apart.

The clients decide by two headers, ``X-Error-Code`` and ``X-Error-Message``; the body repeats the
message for people. Errors are JSON under ``/api`` and plain text elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

LONGEST_HEADER = 1000  # characters of a message; clients give up on lines of 64 kB
LOG_IN = {"WWW-Authenticate": 'Bearer realm="Authentication required", charset="UTF-8"'}


def weak_etag(body: bytes) -> str:
    """The Hub's ETag of a made answer: its length and 27 characters of its SHA-1."""
    digest = base64.b64encode(hashlib.sha1(body).digest()).decode()[:27]
    return f'W/"{len(body):x}-{digest}"'


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(
        body,
        status,
        {"ETag": weak_etag(body), **(headers or {})},
        media_type="application/json; charset=utf-8",
    )


def text_answer(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = text.encode()
    return Response(
        body,
        status,
        {"ETag": weak_etag(body), **(headers or {})},
        media_type="text/plain; charset=utf-8",
    )


def server_error(status: int = 500) -> Response:
    """JSON everywhere, as the real Hub's is."""
    message = "Internal Error - We're working hard to fix this as soon as possible!"
    return json_answer({"error": message}, status, {"X-Error-Message": message})


class HubError(Exception):
    """A refusal. ``code`` is what huggingface_hub maps to an exception class; some have none."""

    def __init__(
        self, status: int, message: str, code: str | None = None, headers: dict[str, str] = {}
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = dict(headers)

    @property
    def all_headers(self) -> dict[str, str]:
        """Its own headers, and the two that programs read."""
        headers = {"X-Error-Message": header_text(self.message), **self.headers}
        if self.code:
            headers["X-Error-Code"] = self.code
        return headers

    def answer(self, request: Request) -> Response:
        if self.status == 307:
            return text_answer(self.message, self.status, self.headers)
        headers = self.all_headers
        if route_path(request).startswith("/api/"):
            return json_answer({"error": self.message}, self.status, headers)
        return text_answer(self.message, self.status, headers)


def route_path(request: Request) -> str:
    """The path as the routes see it: without the prefix of a room."""
    path, prefix = str(request.scope["path"]), str(request.scope.get("root_path", ""))
    return path.removeprefix(prefix)


def header_text(message: str) -> str:
    """A header holds one line of ASCII, other letters as stars; the body keeps the message."""
    one_line = message.replace("\n  ", "  ").replace("\n", " ")
    line = re.sub(r"[^\x20-\x7e]", "*", one_line).strip()
    return line if len(line) <= LONGEST_HEADER else line[: LONGEST_HEADER - 3] + "..."


def repo_not_found(known_caller: bool = False) -> HubError:
    """To a caller without a token, a missing repo and a private one look the same.

    The real Hub sends no code with that 401; its client knows the answer by an https address. This
    Hub speaks http, so it sends one: a known deviation.
    """
    if known_caller:
        return HubError(404, "Repository not found", "RepoNotFound")
    return HubError(401, "Invalid username or password.", "RepoNotFound", LOG_IN)


def not_logged_in() -> HubError:
    return HubError(401, "Invalid username or password.", None, LOG_IN)


def token_expired(name: str) -> HubError:
    """In words that users of the real Hub have quoted; its headers were never recorded."""
    return HubError(401, f'User Access Token "{name}" is expired', None, LOG_IN)


def revision_not_found(revision: str) -> HubError:
    return HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def entry_not_found(sha: str) -> HubError:
    """``sha`` lets the client remember that this commit lacks the file."""
    return HubError(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": sha})


def page_not_found() -> HubError:
    return HubError(404, "Sorry, we can't find the page you are looking for.")
