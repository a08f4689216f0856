"""Repos that misbehave on purpose, under ``trouble/``: for lessons on errors, and for tests.

Ask for ``trouble/too-many-requests`` and the answer is 429, whatever the question.
"""

from __future__ import annotations

import asyncio
import re

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from practice_hub.limits import QUOTAS, bucket_of, quota_headers
from practice_hub.responses import json_answer, server_error, text_answer

STAND_IN = "practice/tiny-chat"
AT_TROUBLE = re.compile(r"^(/api/models)?/trouble/([a-z-]+)(?=/|$)")
HANG_SECONDS = 60
BUSY = (
    "We had to rate limit you, you hit the quota of {quota} {bucket} requests per 5 minutes "
    "period. Upgrade to a PRO user or Team/Enterprise organization account "
    "(https://hf.co/pricing) to get higher limits. See https://huggingface.co/docs/hub/rate-limits"
)
PORTAL = "<!doctype html><title>Hotel Wi-Fi</title><h1>Welcome. Please enter your room number.</h1>"


class Trouble:
    """Answers for the repos under ``trouble/``; everything else goes to the Hub."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        found = AT_TROUBLE.match(path) if scope["type"] == "http" else None
        kind = found[2] if found else ""
        if kind == "hangs":
            await asyncio.sleep(HANG_SECONDS)
        if found and kind == "truncated-download":
            await self.truncate(as_stand_in(scope, path, found), receive, send)
        else:
            await ANSWERS.get(kind, self.app)(scope, receive, send)

    async def truncate(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce a file's whole length, send half of it, hang up."""
        if scope["method"] != "GET" or "/resolve/" not in scope["path"]:
            await self.app(scope, receive, send)
            return
        length = sent = 0

        async def send_half(message: Message) -> None:
            nonlocal length, sent
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                length = int(headers.get(b"content-length", b"0"))
                await send(message)
                return
            body = message.get("body", b"")[: max(0, length // 2 - sent)]
            sent += len(body)
            if body:
                await send({"type": "http.response.body", "body": body, "more_body": True})

        await self.app(scope, receive, send_half)


def as_stand_in(scope: Scope, path: str, found: re.Match[str]) -> Scope:
    """The same request, asked of a repo that is well."""
    path = f"{found[1] or ''}/{STAND_IN}{path[found.end() :]}"
    path = scope.get("root_path", "") + path
    return {**scope, "path": path, "raw_path": path.encode()}


async def too_many_requests(scope: Scope, receive: Receive, send: Send) -> None:
    """JSON from the API, text in place of a file, a page in place of a page."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    bucket = bucket_of(path)
    words = BUSY.format(quota=QUOTAS[bucket], bucket=bucket)
    headers = {**quota_headers(bucket, left=0, seconds=1), "X-Error-Message": words}
    answers = {
        "api": json_answer({"error": words}, 429, headers),
        "resolvers": text_answer(words, 429, headers),
        "pages": HTMLResponse(f"<h1>429</h1> <p>{words}</p>", 429, headers),
    }
    await answers[bucket](scope, receive, send)


def gateway_timeout() -> Response:
    """What a network in front of the Hub answers in its place."""
    return HTMLResponse("<h1>504 Gateway Time-out</h1>", 504, {"Content-Type": "text/html"})


def cut_json() -> Response:
    return Response(b'{"id":"trouble/cut-json","sha":"', media_type="application/json")


ANSWERS: dict[str, ASGIApp] = {
    "too-many-requests": too_many_requests,
    "server-error": server_error(),
    "unavailable": server_error(503),
    "gateway-timeout": gateway_timeout(),
    "captive-portal": HTMLResponse(PORTAL),
    "cut-json": cut_json(),
    "hangs": gateway_timeout(),
}
