"""The headers that every answer carries: a request id, and what is left of the rate limit."""

from __future__ import annotations

import threading
import time
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from practice_hub.foreign_tokens import foreign_token_sent

WINDOW = 300  # seconds
QUOTAS = {"api": 500, "resolvers": 3000, "pages": 100}
NAME = "practice-hub"
MOST_CALLERS = 10_000
EXPOSED = (
    "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,"
    "Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash"
)


def bucket_of(path: str) -> str:
    if "/resolve/" in path:
        return "resolvers"
    return "api" if path.startswith("/api/") else "pages"


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
        added = {
            "x-request-id": f"Root=1-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:24]}",
            "x-powered-by": NAME,
            "vary": "Origin",
            "access-control-expose-headers": EXPOSED,
            "cross-origin-opener-policy": "same-origin",
            "referrer-policy": "strict-origin-when-cross-origin",
            "ratelimit": f'"{bucket}";r={left};t={seconds}',
            "ratelimit-policy": f'"fixed window";"{bucket}";q={QUOTAS[bucket]};w={WINDOW}',
        }

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.encode(), value.encode())
                        for name, value in added.items()
                        if name.encode() not in present
                    ),
                ]
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def caller(self, scope: Scope) -> str:
        """The address, or the hash of a token of this Hub: never the token itself."""
        sent = dict(scope["headers"]).get(b"authorization")
        if sent and not foreign_token_sent(scope):
            return f"token {hash(sent)}"
        return (scope.get("client") or ("nobody", 0))[0]

    def count(self, caller: str, bucket: str) -> tuple[int, int]:
        """Requests left in this window (never under 1), and seconds until the next."""
        now = time.time()
        with self._lock:
            window = int(now // WINDOW)
            if window != self._window or len(self._used) > MOST_CALLERS:
                self._window, self._used = window, {}
            used = self._used[caller, bucket] = self._used.get((caller, bucket), 0) + 1
        return max(1, QUOTAS[bucket] - used), WINDOW - int(now % WINDOW)
