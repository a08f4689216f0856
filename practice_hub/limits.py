"""The headers that every answer carries: a request id, and what is left of the rate limit."""

from __future__ import annotations

import re
import threading
import time
import uuid

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from practice_hub.foreign_tokens import foreign_token_sent
from practice_hub.state import address_of_client, origin_of

WINDOW = 300  # seconds
QUOTAS = {"api": 500, "resolvers": 3000, "pages": 100}
NAME = "practice-hub"
TRACE = re.compile(r"[\w=;:.-]{1,200}", re.ASCII)
MOST_CALLERS = 10_000
EXPOSED = (
    "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,"
    "Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash"
)


def bucket_of(path: str) -> str:
    if "/resolve/" in path:
        return "resolvers"
    return "api" if path.startswith("/api/") else "pages"


def quota_headers(bucket: str, left: int, seconds: int) -> dict[str, str]:
    """How many requests are left in this window, and for how long it lasts."""
    return {
        "ratelimit": f'"{bucket}";r={left};t={seconds}',
        "ratelimit-policy": f'"fixed window";"{bucket}";q={QUOTAS[bucket]};w={WINDOW}',
    }


class HubHeaders:
    """Counts requests by caller and window, and says so. It refuses nobody: see DEVIATIONS.md."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._lock = threading.Lock()
        self._window = 0
        self._used: dict[tuple[str, str], int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        bucket = bucket_of(path)
        left, seconds = self.count(self.caller(scope), bucket)
        headers = dict(scope["headers"])
        added = {
            "x-request-id": request_id(headers.get(b"x-amzn-trace-id")),
            "x-powered-by": NAME,
            "vary": "Origin",
            "access-control-expose-headers": EXPOSED,
            "cross-origin-opener-policy": "same-origin",
            "referrer-policy": "strict-origin-when-cross-origin",
            **quota_headers(bucket, left, seconds),
        }
        if bucket != "pages":  # the Hub's own origin, as the real one names its own
            added["access-control-allow-origin"] = origin_of(Request(scope))
            added["access-control-max-age"] = "86400"
        known = headers.get(b"if-none-match") if scope["method"] in ("GET", "HEAD") else None
        unchanged = False

        async def send_with_headers(message: Message) -> None:
            nonlocal unchanged
            if message["type"] == "http.response.start":
                present = {name.lower(): value for name, value in message["headers"]}
                more = [
                    (name.encode(), value.encode())
                    for name, value in added.items()
                    if name.encode() not in present
                ]
                message["headers"] = [*message["headers"], *more]
                unchanged = message["status"] == 200 and is_known(known, present.get(b"etag"))
                if unchanged:
                    message = not_modified(message)
            elif unchanged:
                message = {**message, "body": b""}
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def caller(self, scope: Scope) -> str:
        """The address, or the hash of a token of this Hub: never the token itself."""
        sent = dict(scope["headers"]).get(b"authorization")
        if sent and not foreign_token_sent(scope):
            return f"token {hash(sent)}"
        return address_of_client(scope)

    def count(self, caller: str, bucket: str) -> tuple[int, int]:
        """Requests left in this window (never under 1), and seconds until the next."""
        now = time.time()
        with self._lock:
            window = int(now // WINDOW)
            if window != self._window or len(self._used) > MOST_CALLERS:
                self._window, self._used = window, {}
            used = self._used[caller, bucket] = self._used.get((caller, bucket), 0) + 1
        return max(1, QUOTAS[bucket] - used), WINDOW - int(now % WINDOW)


def request_id(trace: bytes | None) -> str:
    """An id of its own for each answer, and behind it the one that the client sent."""
    own = f"Root=1-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:24]}"
    sent = (trace or b"").decode("latin-1")
    return f"{own};{sent}" if TRACE.fullmatch(sent) else own


def is_known(known: bytes | None, etag: bytes | None) -> bool:
    """Whether the client has this answer already: it sent its ETag."""
    if not known or not etag:
        return False
    tags = {tag.strip().removeprefix(b"W/") for tag in known.split(b",")}
    return b"*" in tags or etag.removeprefix(b"W/") in tags


def not_modified(message: Message) -> Message:
    without = (b"content-length", b"content-type", b"content-range")
    headers = [pair for pair in message["headers"] if pair[0].lower() not in without]
    return {**message, "status": 304, "headers": headers}
