"""A Hub that notes what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from practice_hub.app import create_app
from practice_hub.repos import load_held
from tests.support.servers import app_server


@dataclass
class RecordingHub:
    """Paths, file bodies and ``Authorization`` headers, in the order in which they were asked."""

    url: str = ""
    sha: str = ""  # of practice/tiny-chat
    authorizations: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def note(self, scope: dict[str, Any]) -> None:
        sent = dict(scope["headers"]).get(b"authorization")
        self.authorizations.append(sent.decode() if sent else None)
        self.paths.append(scope["path"])
        if scope["method"] == "GET" and "/resolve/" in scope["path"]:
            self.fetched.append(scope["path"])


@contextmanager
def recording_hub(admits_to_practice: bool) -> Iterator[RecordingHub]:
    """Held repos behind a Hub that says it is the practice Hub, or behind one that does not.

    To the latter, real tokens mean nothing, and neither its address nor its headers give it away.
    """
    repos = load_held()
    hub = RecordingHub(sha=repos["practice/tiny-chat"].main.sha)
    app = create_app(repos, "recorded")

    async def recording(scope: Any, receive: Any, send: Any) -> None:
        hub.note(scope)
        if admits_to_practice:
            await app(scope, receive, send)
        else:
            await app(_as_a_stranger(scope), receive, lambda message: send(_unmarked(message)))

    with app_server(recording) as hub.url:
        yield hub


def _as_a_stranger(scope: dict[str, Any]) -> dict[str, Any]:
    headers = [pair for pair in scope["headers"] if pair[0] != b"authorization"]
    hidden = {"path": "/api/nothing", "raw_path": b"/api/nothing"}
    return {**scope, "headers": headers, **(hidden if scope["path"] == "/api/practice-hub" else {})}


def _unmarked(message: dict[str, Any]) -> dict[str, Any]:
    headers = [pair for pair in message.get("headers", ()) if pair[0] != b"x-powered-by"]
    return {**message, "headers": headers} if "headers" in message else message
