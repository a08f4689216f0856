"""Names of old, from before every model had an owner, and ids in other letters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from practice_hub.repos import Repo
from practice_hub.responses import HubError, route_path
from practice_hub.state import root_of

RENAMED = {
    "bert-base-uncased": "google-bert/bert-base-uncased",
    "distilbert-base-uncased": "distilbert/distilbert-base-uncased",
    "gpt2": "openai-community/gpt2",
    "gpt2-large": "openai-community/gpt2-large",
    "gpt2-medium": "openai-community/gpt2-medium",
    "meta-llama/Meta-Llama-3.1-8B-Instruct": "meta-llama/Llama-3.1-8B-Instruct",
    "roberta-base": "FacebookAI/roberta-base",
    "t5-small": "google-t5/t5-small",
    "xlm-roberta-base": "FacebookAI/xlm-roberta-base",
}
PATH = re.compile(
    r"(?P<before>(?:/api/models)?/)(?P<owner>[^/]+)(?:/(?P<name>[^/]+))?(?P<rest>/.*)?"
)
NO_OWNERS = {"api", "models", "settings", "oauth", "static", "desk", "datasets", "spaces"}


class OldNames:
    """Redirects every request that uses an old name, on every route, to a relative address."""

    def __init__(self, app: ASGIApp, repos: Mapping[str, Repo]) -> None:
        self.app = app
        self.repos = repos

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = self.place(Request(scope)) if scope["type"] == "http" else None
        if place is None:
            return await self.app(scope, receive, send)
        message = f"Temporary Redirect. Redirecting to {place}"
        answer = HubError(307, message, None, {"Location": place}).answer(Request(scope))
        return await answer(scope, receive, send)

    def place(self, request: Request) -> str | None:
        """Where the repo of this address is now; None if it is here, or nowhere."""
        found = PATH.fullmatch(route_path(request))
        if found is None or found["owner"] in NO_OWNERS:
            return None
        owner, name, rest = found["owner"], found["name"], found["rest"] or ""
        now = self.now(f"{owner}/{name}") if name else None
        if now is None and self.now(owner):
            now, rest = self.now(owner), (f"/{name}" if name else "") + rest
        if now is None:
            return None
        query = f"?{request.url.query}" if request.url.query else ""
        return root_of(request) + quote(f"{found['before']}{now}{rest}") + query

    def now(self, asked: str) -> str | None:
        if asked in self.repos:
            return None
        letters = asked.lower()
        new = RENAMED.get(asked) or next((id for id in self.repos if id.lower() == letters), None)
        repo = self.repos.get(new) if new else None
        return repo.id if repo is not None and not repo.private else None
